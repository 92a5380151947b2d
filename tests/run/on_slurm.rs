//! The same pipeline on a real Slurm cluster, with a store on a folder that the nodes share.
//!
//! The cluster is that of `tests/backends`: `eval "$(bash tests/backends/slurm.sh start)"` says by the environment where it is.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::sandbox::{Sandbox, statuses, step, until};

const LIBRARY: &str = "libsundae_slurm.so";

/// One whose project has the stack `cluster`. `None`: there is no cluster.
fn sandbox() -> Option<Sandbox> {
    if std::env::var_os("SUNDAE_TEST_SLURM").is_none() {
        let sentence = "NOT TESTED: there is no Slurm cluster; say eval \"$(bash tests/backends/slurm.sh start)\", which sets SUNDAE_TEST_SLURM";
        let is_required =
            std::env::var("SUNDAE_TEST_BACKENDS").is_ok_and(|value| value == "required");
        assert!(!is_required, "{sentence}");
        eprintln!("{sentence}");
        return None;
    }
    let sandbox = Sandbox::new();
    let built = Path::new(env!("CARGO_BIN_EXE_sundae")).with_file_name("deps").join(LIBRARY);
    fs::copy(built, sandbox.plugins().join(LIBRARY)).unwrap();
    let path = |name| sandbox.outside(name).display().to_string();
    let (jobs, store) =
        (format!("--work_folder={}", path("jobs")), format!("--path={}", path("store")));
    for words in [
        &["orchestrator", "register", "cluster", "--flavor=slurm", &jobs, "--poll_interval=1"][..],
        &["artifact-store", "register", "shared", "--flavor=local", &store, "--shared=true"],
        &["stack", "register", "cluster", "-o", "cluster", "-a", "shared"],
    ] {
        sandbox.sundae(words).ended(0);
    }
    Some(sandbox)
}

/// Copies an example into the working folder.
fn example(sandbox: &Sandbox, name: &str) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let status = Command::new("cp").arg("-r").arg(example.join(".")).arg(sandbox.work()).status();
    assert!(status.unwrap().success());
}

/// The digest of each output, by `step.output`.
fn digests(run: &Value) -> Vec<(String, Value)> {
    let mut digests = Vec::new();
    for step in run["steps"].as_array().unwrap() {
        for (output, artifact) in step["outputs"].as_object().unwrap() {
            let name = format!("{}.{output}", step["name"].as_str().unwrap());
            digests.push((name, artifact["digest"].clone()));
        }
    }
    digests
}

#[test]
fn a_pipeline_means_the_same_there() {
    let Some(sandbox) = sandbox() else { return };
    example(&sandbox, "training");
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
    example(&sandbox, "word-count");
    sandbox.run(&["pipeline.toml", "--stack", "cluster"]);
    let second = Sandbox::new();
    example(&second, "word-count");
    let path = format!("--path={}", sandbox.outside("store").display());
    second
        .sundae(&["artifact-store", "register", "s", "--flavor=local", &path, "--shared=true"])
        .ended(0);
    second.sundae(&["stack", "register", "s", "-o", "default", "-a", "s"]).ended(0);
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
