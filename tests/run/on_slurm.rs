//! The same pipeline on a real Slurm cluster, with a store on a folder that the nodes share.
//!
//! The cluster is that of `tests/backends`: `eval "$(bash tests/backends/slurm.sh start)"` says by the environment where it is.

use std::fs;
use std::process::Command;

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::cluster;
use super::sandbox::{Sandbox, digests, statuses, step, until};

/// One with the stack `cluster`. `None`: there is no cluster.
fn sandbox() -> Option<Sandbox> {
    cluster::sandbox(&[])
}

#[test]
fn a_pipeline_means_the_same_there() {
    let Some(sandbox) = sandbox() else { return };
    sandbox.example("training");
    let here = sandbox.run(&["pipeline.toml", "--stack", "default"]);
    let there = sandbox.run(&["pipeline.toml", "--stack", "cluster"]);
    assert_eq!(there["status"], "completed");
    assert_eq!(digests(&there), digests(&here));
    let accuracy = |run: &Value| step(run, "evaluate")["metrics"]["accuracy"].clone();
    assert_eq!(accuracy(&there), accuracy(&here));
    let again = sandbox.run(&["pipeline.toml", "--stack", "cluster"]);
    assert!(statuses(&again).iter().all(|(_, status)| *status == "cached"), "{again}");
    // Of what workers were told nothing is left.
    let attempts = sandbox.outside("store/attempts");
    let left = fs::read_dir(attempts).unwrap().flatten();
    assert!(
        left.flat_map(|attempt| fs::read_dir(attempt.path()).unwrap().flatten()).next().is_none()
    );
}

#[test]
fn a_home_that_shares_only_the_store_knows_what_was_done() {
    let Some(sandbox) = sandbox() else { return };
    sandbox.example("word-count");
    sandbox.run(&["pipeline.toml", "--stack", "cluster"]);
    let second = Sandbox::new();
    second.example("word-count");
    cluster::register_folder(&second, &sandbox.outside("store"));
    second.sundae(&["stack", "register", "s", "-o", "default", "-a", "shared"]).ended(0);
    let run = second.run(&["pipeline.toml", "--stack", "s"]);
    assert!(statuses(&run).iter().all(|(_, status)| *status == "cached"), "{run}");
}

#[test]
fn a_run_whose_host_was_killed_goes_on_where_its_jobs_are() {
    let Some(sandbox) = sandbox() else { return };
    let tally = sandbox.outside("tally");
    let file = tally.display();
    sandbox.write(
        "p.toml",
        &format!(
            r#"
name = "p"
[[steps]]
name = "long"
run = "echo long >> {file}; sleep 5; echo 1 > {{out.x}}"
outputs = ["x"]
[[steps]]
name = "short"
run = "echo short >> {file}; echo 2 > {{out.x}}"
outputs = ["x"]
[[steps]]
name = "last"
run = "echo last >> {file}; cat {{in.x}} {{in.y}}"
inputs = {{ x = "long.x", y = "short.x" }}
"#
        ),
    );
    let running = sandbox.start(&["run", "p.toml", "--stack", "cluster"]);
    until("both have started", || {
        let text = fs::read_to_string(&tally).unwrap_or_default();
        (text.lines().count() == 2).then_some(())
    });
    kill_process(running.pid(), Signal::KILL).unwrap();
    running.wait();
    sandbox.sundae(&["runs", "resume"]).ended(0);
    let run = sandbox.sundae(&["runs", "describe", "--output", "json"]).ended(0).json();
    assert_eq!(run["status"], "completed", "{run}");
    let mut ran: Vec<_> = fs::read_to_string(&tally).unwrap().lines().map(str::to_owned).collect();
    ran.sort();
    assert_eq!(ran, ["last", "long", "short"], "each ran once");
}

#[test]
fn limits_of_the_cluster_are_told_as_the_steps_failure() {
    let Some(sandbox) = sandbox() else { return };
    sandbox.write(
        "p.toml",
        r#"
name = "limits"
[[steps]]
name = "hungry"
run = "head -c 300000000 /dev/zero | tail -c 200000000 > /dev/null"
resources = { memory = "64MiB" }
[[steps]]
name = "huge"
run = "true"
resources = { memory = "900GiB" }
"#,
    );
    let run = sandbox
        .sundae(&["run", "p.toml", "--stack", "cluster", "--output", "json"])
        .ended(3)
        .json();
    let reason = |name| step(&run, name)["reason"].as_str().unwrap().to_owned();
    assert!(reason("hungry").contains("more memory than it had"), "{}", reason("hungry"));
    assert!(reason("huge").contains("Slurm does not take it: "), "{}", reason("huge"));
    assert_eq!(step(&run, "huge")["attempts"], json!(1), "another try would not help");
}

#[test]
fn a_run_that_is_stopped_stops_its_jobs() {
    let Some(sandbox) = sandbox() else { return };
    let (begun, tidied) = (sandbox.outside("begun"), sandbox.outside("tidied"));
    sandbox.write(
        "p.toml",
        &format!(
            "name = \"stopped\"\n[[steps]]\nname = \"s\"\nrun = \"trap 'touch {}; exit 1' TERM; touch {}; sleep 600 & wait\"\n",
            tidied.display(),
            begun.display()
        ),
    );
    let running = sandbox.start(&["run", "p.toml", "--stack", "cluster"]);
    until("the step has begun", || begun.exists().then_some(()));
    kill_process(running.pid(), Signal::INT).unwrap();
    running.wait().ended(130);
    assert!(tidied.exists(), "it could end in good order");
    let left = Command::new("squeue")
        .args(["--me", "--noheader", "--name=stopped-1/s", "--states=RUNNING,PENDING"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(left.stdout).unwrap(), "");
}
