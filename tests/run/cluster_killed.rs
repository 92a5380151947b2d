//! A host that is killed while its steps run on a cluster and their artifacts are in S3: nothing of the run is on the machine of
//! the host but its records, and whoever goes on with it finds what became of its jobs.

use std::fs;

use rustix::process::{Signal, kill_process};

use super::cluster;
use super::sandbox::{Sandbox, digests, statuses, until};

/// A step that is done soon, one and three items that wait for a file, and one that takes what they make.
fn write(sandbox: &Sandbox) {
    let path = |name| sandbox.outside(name).display().to_string();
    let (tally, go) = (path("tally"), path("go"));
    sandbox.write(
        "p.toml",
        &format!(
            r#"
name = "p"
[[steps]]
name = "first"
outputs = ["x"]
run = "echo first >> {tally}; seq 100000 > {{out.x}}"
[[steps]]
name = "long"
inputs = {{ x = "first.x" }}
outputs = ["x"]
run = "echo long >> {tally}; until test -e {go}; do sleep 0.1; done; sort {{in.x}} > {{out.x}}"
[[steps]]
name = "each"
foreach = {{ number = [1, 2, 3] }}
inputs = {{ x = "first.x" }}
outputs = ["x"]
run = "echo each {{param.number}} >> {tally}; until test -e {go}; do sleep 0.1; done; head -n {{param.number}} {{in.x}} > {{out.x}}"
[[steps]]
name = "last"
inputs = {{ x = "long.x", y = "each.x" }}
outputs = ["x"]
run = "echo last >> {tally}; cat {{in.x}} {{in.y}}/* > {{out.x}}"
"#
        ),
    );
}

fn tally(sandbox: &Sandbox) -> Vec<String> {
    let text = fs::read_to_string(sandbox.outside("tally")).unwrap_or_default();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Starts a run, and kills its host when all jobs have begun that can.
fn killed(sandbox: &Sandbox) {
    write(sandbox);
    let run = sandbox.start(&["run", "p.toml", "--stack", "cluster"]);
    until("all have begun that can", || (tally(sandbox).len() == 5).then_some(()));
    kill_process(run.pid(), Signal::KILL).unwrap();
    assert_eq!(run.wait().code, None);
}

/// The run has completed as one that nobody disturbed, and each step and item ran once.
fn has_completed(sandbox: &Sandbox) {
    let describe = ["runs", "describe", "p-1", "--output", "json"];
    let run = sandbox.sundae(&describe).ended(0).json();
    let steps = [("first", "completed"), ("long", "completed"), ("each", "completed")];
    assert_eq!(statuses(&run)[..3], steps, "{run}");
    assert_eq!((&run["status"], &run["warnings"]), (&"completed".into(), &serde_json::json!([])));
    assert_eq!(tally(sandbox), ["each 1", "each 2", "each 3", "first", "last", "long"]);
    let here = sandbox.run(&["p.toml", "--stack", "default"]);
    assert_eq!(digests(&run), digests(&here));
    sandbox.sundae(&["store", "verify", "service"]).ended(0);
}

#[test]
fn jobs_that_run_are_taken_up_again() {
    let Some(sandbox) = cluster::sandbox_in_s3(&[]) else { return };
    killed(&sandbox);
    let mut resumed = sandbox.start(&["runs", "resume"]);
    until("the run goes on", || {
        let run = sandbox.sundae(&["runs", "describe", "--output", "json"]).ended(0).json();
        (run["status"] == "running" || resumed.has_ended()).then_some(())
    });
    fs::write(sandbox.outside("go"), "").unwrap();
    resumed.wait().ended(0);
    has_completed(&sandbox);
}

#[test]
fn what_jobs_have_left_while_no_host_was_there_is_taken() {
    let Some(sandbox) = cluster::sandbox_in_s3(&[]) else { return };
    killed(&sandbox);
    fs::write(sandbox.outside("go"), "").unwrap();
    until("all jobs have ended", || {
        let files = walkdir::WalkDir::new(sandbox.outside("jobs")).into_iter().flatten();
        let ends = files.filter(|file| file.file_name().as_encoded_bytes().starts_with(b"end."));
        (ends.count() == 5).then_some(())
    });
    let describe = ["runs", "describe", "--output", "json"];
    assert_eq!(sandbox.sundae(&describe).ended(0).json()["status"], "interrupted");
    sandbox.sundae(&["runs", "resume"]).ended(0);
    has_completed(&sandbox);
}
