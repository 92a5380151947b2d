//! What is said about time, failure and resources.

use std::time::Duration;

use std::path::Path;

use crate::pipeline::{FailurePolicy, Format, Pipeline, PipelineError, Trigger};

fn toml(file: &str) -> Result<Pipeline, PipelineError> {
    Pipeline::parse(file, Format::Toml, "p.toml", Path::new("/project"), &[])
}

const STEP: &str = "[[steps]]\nname = \"a\"\nrun = \"true\"\n";

#[test]
fn all_of_it_is_read() {
    let file = "name = \"p\"\ntimeout = \"2h\"\nfailure-policy = \"fail-fast\"\n\
                [hooks]\nrun-started = \"echo begun\"\nrun-ended = \"echo ended\"\n"
        .to_owned()
        + STEP
        + "timeout = 90\ntrigger = \"always\"\n\
           resources = { cpus = 0.5, memory = \"4GiB\", license = 1 }\n\
           retry = { attempts = 5, delay = \"10s\", backoff = 1.5, max-delay = \"1m 30s\", exit-codes = [75] }\n";
    let pipeline = toml(&file).unwrap();
    assert_eq!(pipeline.timeout, Some(Duration::from_secs(7200)));
    assert_eq!(pipeline.failure_policy, FailurePolicy::FailFast);
    assert_eq!(pipeline.hooks.run_started.as_deref(), Some("echo begun"));
    assert_eq!(pipeline.hooks.step_failed, None);
    let step = &pipeline.steps[0];
    assert_eq!(step.timeout, Some(Duration::from_secs(90)));
    assert_eq!(step.trigger, Trigger::Always);
    let resources: Vec<_> = step.resources.iter().map(|(name, of)| (name.as_str(), *of)).collect();
    assert_eq!(resources, [("cpus", 0.5), ("license", 1.0), ("memory", 4_294_967_296.0)]);
    assert_eq!(step.retry.attempts, 5);
    assert_eq!(step.retry.max_delay, Duration::from_secs(90));
    assert_eq!(step.retry.exit_codes, [75]);
    let simple = toml(&format!("name = \"p\"\n{STEP}retry = 3\n")).unwrap();
    assert_eq!(simple.steps[0].retry.attempts, 3);
}

#[test]
fn what_is_wrong_with_it_is_said() {
    let cases = [
        ("timeout = \"soon\"", "`timeout` of step `a` is no duration: `soon`"),
        ("timeout = 0", "`timeout` of step `a` is zero, so nothing could ever end in time"),
        ("timeout = true", "`timeout` of step `a` must be a duration, not a boolean"),
        ("trigger = \"alway\"", "`trigger` of step `a` cannot be `alway`"),
        ("retry = 0", "`retry` of step `a` must be a whole number of attempts in all, at least 1"),
        ("retry = { delay = \"1s\" }", "`retry` of step `a` has no `attempts`"),
        (
            "retry = { attempts = 2, exit-codes = [256] }",
            "each of the `exit-codes` in `retry` of step `a` must be a number from 1 to 255",
        ),
        (
            "retry = { attempts = 2, backoff = 0.5 }",
            "`backoff` in `retry` of step `a` must be a number that is at least 1",
        ),
        ("retry = { attempts = 2, dely = \"1s\" }", "unknown key `dely` in `retry` of step `a`"),
        ("resources = { memory = \"much\" }", "`memory` in `resources` of step `a` is no amount"),
        ("resources = { cpus = -1 }", "`cpus` in `resources` of step `a` is no amount"),
    ];
    for (line, expected) in cases {
        let error = toml(&format!("name = \"p\"\n{STEP}{line}\n")).unwrap_err();
        assert_eq!(error.problems()[0].message, expected, "{line}");
    }
    let error = toml(&format!("name = \"p\"\nfailure-policy = \"fast\"\n{STEP}")).unwrap_err();
    assert_eq!(error.problems()[0].message, "`failure-policy` of the pipeline cannot be `fast`");
    let error = toml(&format!("name = \"p\"\n[hooks]\nrun-end = \"x\"\n{STEP}")).unwrap_err();
    assert_eq!(error.problems()[0].message, "unknown key `run-end` in `hooks` of the pipeline");
}

#[test]
fn closing_steps_wait_for_all_ordinary_ones_and_never_in_a_circle() {
    let step =
        |name: &str, more: &str| format!("[[steps]]\nname = \"{name}\"\nrun = \"true\"\n{more}\n");
    let file = "name = \"p\"\n".to_owned()
        + &step("tidy", "trigger = \"always\"")
        + &step("a", "")
        + &step("mend", "trigger = \"on-failure\"")
        + &step("after-tidy", "after = [\"tidy\"]")
        + &step("after-mend", "after = [\"mend\"]")
        + &step("b", "after = [\"a\"]");
    let pipeline = toml(&file).unwrap();
    let graph = pipeline.graph().unwrap();
    for closing in [0, 2] {
        assert_eq!(graph.needs(closing), [1, 5]);
    }
}
