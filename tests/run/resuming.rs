//! `sundae runs resume`: the same run goes on.

use std::fs;

use rustix::process::{Signal, kill_process, kill_process_group};

use super::sandbox::{Sandbox, statuses, step, until};

/// Each step counts how often it ran. `second` waits for a gate, and fails where there is a file.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let pipeline = r#"
name = "p"
[params]
size = 3
[[steps]]
name = "first"
run = "echo x >> $AT/firsts; seq {param.size} > {out.x}"
outputs = ["x"]
cache = false
[[steps]]
name = "second"
run = """
echo $SUNDAE_ATTEMPT >> $AT/seconds
until test -e $AT/gate; do sleep 0.01; done
test ! -e $AT/fault && wc -l < {in.x} > {out.y}
"""
inputs = { x = "first.x" }
outputs = ["y"]
[[steps]]
name = "third"
run = "cat {in.y}"
inputs = { y = "second.y" }
"#;
    let at = sandbox.outside("");
    let at = at.display().to_string();
    sandbox.write("p.toml", &pipeline.replace("$AT", at.trim_end_matches('/')));
    sandbox
}

fn touch(sandbox: &Sandbox, name: &str) {
    fs::write(sandbox.outside(name), "").unwrap();
}

fn counted(sandbox: &Sandbox, name: &str) -> String {
    fs::read_to_string(sandbox.outside(name)).unwrap_or_default()
}

fn second_runs(sandbox: &Sandbox) {
    until("the second step runs", || (!counted(sandbox, "seconds").is_empty()).then_some(()));
}

#[test]
fn after_a_failed_step() {
    let sandbox = sandbox();
    touch(&sandbox, "gate");
    touch(&sandbox, "fault");
    sandbox.sundae(&["run", "p.toml", "-p", "size=5"]).ended(3);
    fs::remove_file(sandbox.outside("fault")).unwrap();
    let said = sandbox.sundae(&["runs", "resume", "--output", "json"]).ended(0);
    let said = said.telling("Going on with run `p-1` on stack `default`: 1 of 3 steps are done");
    let run = said.json();
    assert_eq!((&run["name"], &run["status"]), (&"p-1".into(), &"completed".into()));
    assert_eq!(run["params"]["size"], 5);
    assert!(statuses(&run).iter().all(|(_, status)| *status == "completed"), "{run}");
    assert_eq!(step(&run, "second")["attempts"], 2);
    assert_eq!(counted(&sandbox, "firsts"), "x\n", "it has `cache = false`, and was done");
    assert_eq!(counted(&sandbox, "seconds"), "1\n2\n");
    assert_eq!(sandbox.sundae(&["artifact", "get", "p-1/second.y"]).ended(0).out.trim(), "5");
    let runs = sandbox.sundae(&["runs", "list", "--output", "json"]).ended(0).json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
    // And there it ends.
    sandbox
        .sundae(&["runs", "resume", "p-1"])
        .ended(1)
        .telling("run `p-1` has completed: nothing is left to do")
        .telling("`sundae run FILE` runs the pipeline again");
}

#[test]
fn after_it_was_stopped() {
    let sandbox = sandbox();
    let run = sandbox.start(&["run", "p.toml"]);
    second_runs(&sandbox);
    kill_process_group(run.pid(), Signal::INT).unwrap();
    run.wait().ended(130).telling("`sundae runs resume p-1`");
    touch(&sandbox, "gate");
    sandbox.sundae(&["runs", "resume"]).ended(0).telling("third: completed in");
    assert_eq!(counted(&sandbox, "firsts"), "x\n");
    let run = sandbox.sundae(&["runs", "describe", "--output", "json"]).ended(0).json();
    assert_eq!((&run["status"], run["reason"].is_null()), (&"completed".into(), true));
}

#[test]
fn after_its_process_was_killed() {
    let sandbox = sandbox();
    let run = sandbox.start(&["run", "p.toml"]);
    second_runs(&sandbox);
    kill_process(run.pid(), Signal::KILL).unwrap();
    run.wait();
    touch(&sandbox, "gate");
    // From another folder, and without the file: the plan was kept.
    fs::remove_file(sandbox.work().join("p.toml")).unwrap();
    let mut elsewhere = sandbox.command(&["runs", "resume", "p-1"]);
    let said = super::sandbox::said(elsewhere.current_dir("/").output().unwrap());
    said.ended(0).telling("1 of 3 steps are done").telling("3 completed");
    assert_eq!(counted(&sandbox, "firsts"), "x\n");
    assert_eq!(counted(&sandbox, "seconds"), "1\n2\n");
}

/// `resume` said that the run was under way, and whoever had looked marked it as interrupted.
#[test]
fn while_somebody_looks_whether_its_process_is_gone() {
    let sandbox = sandbox();
    let run = sandbox.start(&["run", "p.toml"]);
    second_runs(&sandbox);
    kill_process(run.pid(), Signal::KILL).unwrap();
    run.wait();
    touch(&sandbox, "gate");
    let locks = fs::read_dir(sandbox.home().join("runs")).unwrap().flatten();
    let lock = fs::File::open(locks.map(|lock| lock.path()).next().unwrap()).unwrap();
    lock.lock().unwrap();
    let resumed = sandbox.start(&["runs", "resume"]);
    std::thread::sleep(std::time::Duration::from_millis(150));
    lock.unlock().unwrap();
    resumed.wait().ended(0).telling("3 completed");
}

#[test]
fn a_run_that_is_under_way_is_left_alone_and_of_two_who_go_on_with_one_one_does() {
    let sandbox = sandbox();
    let run = sandbox.start(&["run", "p.toml"]);
    second_runs(&sandbox);
    let refused =
        || sandbox.sundae(&["runs", "resume", "p-1"]).ended(1).telling("run `p-1` is under way");
    refused().telling("`sundae runs attach p-1`").telling("`sundae runs cancel p-1`");
    kill_process(run.pid(), Signal::KILL).unwrap();
    run.wait();
    let both = [0, 1].map(|_| sandbox.start(&["runs", "resume", "p-1"]));
    until("one of them goes on", || {
        (counted(&sandbox, "seconds").lines().count() > 1).then_some(())
    });
    refused();
    touch(&sandbox, "gate");
    let mut codes = both.map(|resume| resume.wait().code);
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1)]);
    assert_eq!(counted(&sandbox, "seconds"), "1\n2\n");
}

#[test]
fn the_code_is_that_of_now_and_the_stack_that_of_the_run() {
    let sandbox = Sandbox::new();
    sandbox.write("tool.sh", "exit 1\n");
    sandbox.write(
        "p.toml",
        "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"sh tool.sh > {out.x}\"\noutputs = [\"x\"]\n",
    );
    let sundae = |words: &str| sandbox.sundae(&words.split(' ').collect::<Vec<_>>());
    sundae("artifact-store register other --flavor=local").ended(0);
    sundae("stack register mine -o default -a other").ended(0);
    sundae("run p.toml --stack mine").ended(3);
    sandbox.write("tool.sh", "echo mended\n");
    sundae("runs resume").ended(0).telling("on stack `mine`");
    assert_eq!(sundae("artifact get s.x").ended(0).out, "mended\n");
    sandbox.write("tool.sh", "exit 1\n");
    sundae("run p.toml --stack mine --no-cache").ended(3);
    sundae("stack delete mine").ended(0);
    sundae("artifact-store delete other").ended(0);
    sundae("runs resume p-2")
        .ended(1)
        .telling("run `p-2` had artifact-store `other`, which is not registered any more");
}

#[test]
fn what_runs_because_others_failed_runs_again() {
    let sandbox = Sandbox::new();
    let log = sandbox.outside("log").display().to_string();
    let fault = sandbox.outside("fault").display().to_string();
    touch(&sandbox, "fault");
    sandbox.write(
        "p.toml",
        &format!(
            r#"
name = "p"
[[steps]]
name = "work"
run = "test ! -e {fault}"
[[steps]]
name = "complain"
run = "echo complained >> {log}"
trigger = "on-failure"
[[steps]]
name = "clean"
run = "echo cleaned >> {log}"
trigger = "always"
"#
        ),
    );
    sandbox.sundae(&["run", "p.toml"]).ended(3);
    let mut lines: Vec<_> = counted(&sandbox, "log").lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["cleaned", "complained"]);
    fs::write(sandbox.outside("log"), "").unwrap();
    fs::remove_file(sandbox.outside("fault")).unwrap();
    let run = sandbox.sundae(&["runs", "resume", "--output", "json"]).ended(0).json();
    assert_eq!(
        statuses(&run),
        [("work", "completed"), ("complain", "skipped"), ("clean", "completed")]
    );
    assert_eq!(counted(&sandbox, "log"), "cleaned\n");
}

#[test]
fn what_is_lost_is_made_again_with_a_warning() {
    let sandbox = sandbox();
    touch(&sandbox, "gate");
    touch(&sandbox, "fault");
    let run = sandbox.sundae(&["run", "p.toml", "--output", "json"]).ended(3).json();
    let digest = step(&run, "first")["outputs"]["x"]["digest"].as_str().unwrap();
    fs::remove_file(sandbox.object(digest)).unwrap();
    fs::remove_file(sandbox.outside("fault")).unwrap();
    let warning =
        "step `first` was done, but its output `x` has gone from the artifact store; it runs again";
    let said = sandbox.sundae(&["runs", "resume", "--output", "json"]).ended(0);
    assert_eq!(said.json()["warnings"], serde_json::json!([warning]));
    said.telling(&format!("warning: {warning}"));
    assert_eq!(counted(&sandbox, "firsts"), "x\nx\n");
}

#[test]
fn what_a_killed_step_had_written_is_kept() {
    let sandbox = Sandbox::new();
    let at = sandbox.outside("").display().to_string();
    let at = at.trim_end_matches('/');
    sandbox.write(
        "p.toml",
        &format!(
            "name = 'p'\n[[steps]]\nname = 'a'\nrun = 'echo halfway; touch {at}/begun; until test -e {at}/gate; do sleep 0.01; done'\n"
        ),
    );
    let run = sandbox.start(&["run", "p.toml"]);
    until("the step runs, and that is recorded", || {
        let has_begun = sandbox.outside("begun").exists();
        let logs = has_begun.then(|| sandbox.sundae(&["runs", "logs", "p-1", "a"]));
        logs.filter(|said| said.out == "halfway\n")
    });
    kill_process(run.pid(), Signal::KILL).unwrap();
    run.wait();
    let log = |attempt: &[&str]| {
        let words = [&["runs", "logs", "p-1", "a"], attempt].concat();
        sandbox.sundae(&words).ended(0).out
    };
    assert_eq!(log(&[]), "halfway\n", "its file is still there");
    touch(&sandbox, "gate");
    sandbox.sundae(&["runs", "resume", "p-1"]).ended(0);
    assert_eq!(log(&["--attempt", "1"]), "halfway\n");
    let run = sandbox.sundae(&["runs", "describe", "p-1", "--output", "json"]).ended(0).json();
    assert_eq!(run["resumed"], 1);
}
