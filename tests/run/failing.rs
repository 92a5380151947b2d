//! A step that fails, and what follows from that.

use super::sandbox::{Sandbox, statuses, step};

const PIPELINE: &str = r#"
name = "p"
[[steps]]
name = "load"
run = "echo 1 > {out.data}"
outputs = ["data"]
[[steps]]
name = "bad"
run = "for i in $(seq 30); do echo line $i; done; echo it broke >&2; exit 7"
inputs = { data = "load.data" }
outputs = ["x"]
[[steps]]
name = "needs-bad"
run = "cp {in.x} {out.y}"
inputs = { x = "bad.x" }
outputs = ["y"]
[[steps]]
name = "needs-that"
run = "true"
inputs = { y = "needs-bad.y" }
[[steps]]
name = "independent"
run = "sleep 0.2; cp {in.data} {out.copy}"
inputs = { data = "load.data" }
outputs = ["copy"]
[[steps]]
name = "after-independent"
run = "cat {in.copy}"
inputs = { copy = "independent.copy" }
"#;

#[test]
fn independent_steps_finish_and_every_step_leaves_a_record() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    let said = sandbox.sundae(&["run", "p.toml", "--output", "json"]).ended(3);
    let run = said.json();
    assert_eq!(run["status"], "failed");
    assert_eq!(
        statuses(&run),
        [
            ("load", "completed"),
            ("bad", "failed"),
            ("needs-bad", "skipped"),
            ("needs-that", "skipped"),
            ("independent", "completed"),
            ("after-independent", "completed"),
        ]
    );
    assert_eq!(step(&run, "bad")["exit_code"], 7);
    assert_eq!(step(&run, "bad")["reason"], "exit code 7");
    assert_eq!(step(&run, "needs-that")["reason"], "`bad` failed");
    let said = said
        .telling(": exit code 7")
        .telling("│ it broke")
        .telling("the whole log: sundae runs logs p-1 bad")
        .telling("needs-that: skipped, because `bad` failed")
        .telling("Run `p-1` failed after")
        .telling("3 completed, 1 failed, 2 skipped");
    assert!(!said.err.contains("line 9\n"), "only the last lines are quoted: {said:?}");
    let log = sandbox.sundae(&["runs", "logs", "p-1", "bad"]).ended(0).out;
    assert_eq!(log.lines().count(), 31);
    let told = sandbox.sundae(&["runs", "describe"]).ended(0).out;
    assert!(told.contains("bad: failed: exit code 7") && told.contains("│ it broke"), "{told}");
}

#[test]
fn a_failed_step_runs_again_and_what_was_done_does_not() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    sandbox.sundae(&["run", "p.toml"]).ended(3);
    sandbox.write("p.toml", &PIPELINE.replace("exit 7", "echo 2 > {out.x}"));
    let run = sandbox.run(&["p.toml"]);
    assert_eq!(
        statuses(&run),
        [
            ("load", "cached"),
            ("bad", "completed"),
            ("needs-bad", "completed"),
            ("needs-that", "completed"),
            ("independent", "cached"),
            ("after-independent", "cached"),
        ]
    );
}

#[test]
fn an_output_that_is_not_written_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.toml",
        "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"test {out.x}\"\noutputs = [\"x\"]\n",
    );
    sandbox.sundae(&["run", "p.toml"]).ended(3).telling("did not write its output `x`");
}

#[test]
fn a_wrong_pipeline_file_or_command_line_starts_nothing() {
    let sandbox = Sandbox::new();
    sandbox
        .write("p.toml", "name = \"p\"\n[params]\nsize = 1\n[[steps]]\nname = \"s\"\nrn = \"x\"\n");
    sandbox
        .sundae(&["run", "p.toml"])
        .ended(1)
        .telling("p.toml:6:1")
        .telling("did you mean `run`?");
    sandbox.sundae(&["run", "absent.toml"]).ended(1).telling("absent.toml");
    sandbox.write(
        "p.toml",
        "name = \"p\"\n[params]\nsize = 1\n[[steps]]\nname = \"s\"\nrun = \"true\"\n",
    );
    sandbox.sundae(&["run", "p.toml", "-p", "sice=2"]).ended(1).telling("did you mean `size`?");
    sandbox.sundae(&["run", "p.toml", "-p", "size"]).ended(2).telling("KEY=VALUE");
    sandbox
        .sundae(&["run", "p.toml", "--stack", "prod"])
        .ended(1)
        .telling("there is no stack `prod`");
    let runs = sandbox.sundae(&["runs", "list", "--output", "json"]).ended(0).json();
    assert_eq!(runs, serde_json::json!([]));
}
