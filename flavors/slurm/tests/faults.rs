//! What goes wrong around jobs: nodes die, the controller is restarted or forgets, commands hang. Each on a cluster of its own.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod cluster;

use std::time::{Duration, Instant};

use cluster::backends::OwnCluster;
use cluster::{Bed, PATIENCE};
use sundae_plugin_api::orchestrator::{Handle, JobState};
use sundae_plugin_testkit::json;

/// Waits until something is true.
fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < deadline, "it should come to this: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A command that adds a line to a file, so that it is seen how often it ran.
fn tally(bed: &Bed, then: &str) -> (String, std::path::PathBuf) {
    let file = bed.folder.path().join("tally");
    (format!("echo ran >> {}; {then}", file.display()), file)
}

#[test]
fn a_job_whose_node_dies_is_lost_and_may_be_tried_again() {
    let Some(cluster) = OwnCluster::start() else { return };
    let mut bed = Bed::of(&cluster, json!({ "poll_interval": 1 }));
    let handle = bed.submit("exec sleep 600");
    bed.until_running(&handle);
    let id = bed.id(&handle);
    let node = bed.ask("squeue", &["--noheader", "--format=%N", &format!("--jobs={id}")]);
    let node = node.trim();
    cluster.script(&["kill-node", node]);
    let (reason, is_retryable) = bed.until_lost(&handle);
    assert!(is_retryable, "{reason}");
    assert!(reason.contains(&format!("its node {node} failed")), "{reason}");
    // The others go on, and so does this one when it is back.
    let next = bed.submit("true");
    assert_eq!(bed.until_ended(&next), JobState::Ended { exit_code: 0 });
    cluster.script(&["start-node", node]);
}

#[test]
fn what_slurm_starts_again_is_one_job() {
    let Some(cluster) = OwnCluster::start() else { return };
    let mut bed = Bed::of(&cluster, json!({ "poll_interval": 1, "requeue": true }));
    let mark = bed.folder.path().join("second");
    let handle =
        bed.submit(&format!("test -e {0} && exit 6; touch {0}; exec sleep 600", mark.display()));
    bed.until_running(&handle);
    until("it has begun", || mark.exists());
    let id = bed.id(&handle);
    let node = bed.ask("squeue", &["--noheader", "--format=%N", &format!("--jobs={id}")]);
    cluster.script(&["kill-node", node.trim()]);
    until("it waits again", || {
        bed.ask("squeue", &["--noheader", "--format=%T", &format!("--jobs={id}")])
            .contains("PENDING")
    });
    // Slurm would wait for two minutes.
    bed.ask("scontrol", &["update", &format!("jobid={id}"), "starttime=now"]);
    assert_eq!(bed.until_ended(&handle), JobState::Ended { exit_code: 6 });
    cluster.script(&["start-node", node.trim()]);
}

#[test]
fn nothing_is_lost_while_the_controller_is_away() {
    let Some(cluster) = OwnCluster::start() else { return };
    let mut bed = Bed::of(&cluster, json!({ "poll_interval": 1, "tool_timeout": 5 }));
    let (long, stopped) = (bed.submit("sleep 4; exit 3"), bed.submit("exec sleep 600"));
    let short = bed.submit("sleep 2");
    for handle in [&long, &short, &stopped] {
        bed.until_running(handle);
    }
    cluster.script(&["stop-controller"]);
    let mut said = None;
    until("it says that the controller is away", || {
        said = bed.wait();
        said.is_some()
    });
    // What is to be done meanwhile is done later, and once.
    let (command, tally) = tally(&bed, "exit 5");
    let later = bed.submit(&command);
    bed.orchestrator().cancel(&stopped).unwrap();
    // A good end is seen without the controller.
    assert_eq!(bed.until_ended(&short), JobState::Ended { exit_code: 0 });
    std::thread::sleep(Duration::from_secs(3));
    cluster.script(&["start-controller"]);
    assert_eq!(bed.until_ended(&long), JobState::Ended { exit_code: 3 });
    assert_eq!(bed.until_ended(&later), JobState::Ended { exit_code: 5 });
    assert_eq!(std::fs::read_to_string(tally).unwrap(), "ran\n");
    let state = bed.until_ended(&stopped);
    assert!(matches!(state, JobState::Cancelled | JobState::Ended { exit_code: 143 }), "{state:?}");
    assert!(said.unwrap().message().contains("squeue"));
    assert!(bed.wait().is_none(), "it can be asked again");
}

#[test]
fn jobs_of_a_controller_that_has_forgotten_them_are_lost() {
    let Some(cluster) = OwnCluster::start() else { return };
    let mut bed = Bed::of(&cluster, json!({ "poll_interval": 1 }));
    let handle = bed.submit("exec sleep 600");
    bed.until_running(&handle);
    cluster.script(&["stop-controller"]);
    cluster.script(&["start-empty-controller"]);
    let (reason, is_retryable) = bed.until_lost(&handle);
    assert!(reason.contains("does not know its job"), "{reason}");
    assert!(is_retryable);
}

#[test]
fn the_end_of_a_job_is_known_when_the_controller_has_forgotten_it() {
    let Some(cluster) = OwnCluster::start() else { return };
    let mut bed = Bed::of(&cluster, json!({ "poll_interval": 1 }));
    let handle = bed.submit("exit 3");
    let id = bed.id(&handle);
    bed.reopen();
    let question = ["--me", "--noheader", "--states=all", &format!("--jobs={id}")];
    until("it is forgotten", || bed.ask("squeue", &question).is_empty());
    let state = bed.orchestrator().reattach(&handle).unwrap();
    let state = if state.is_final() { state } else { bed.until_ended(&handle) };
    assert_eq!(state, JobState::Ended { exit_code: 3 });
}

#[test]
fn work_that_was_submitted_twice_is_done_once() {
    let Some(cluster) = OwnCluster::start() else { return };
    // sbatch hands the job over, and its answer does not come; the first time.
    let mut bed = Bed::of(&cluster, json!({ "poll_interval": 1, "tool_timeout": 2 }));
    let once = bed.folder.path().join("once");
    let text = format!(
        "[ -e {0} ] && exec $real \"$@\"; touch {0}; $real \"$@\"; exec sleep 60",
        once.display()
    );
    bed.replace_tool("sbatch", &cluster.config(), &text);
    let (command, tally) = tally(&bed, "exit 4");
    let handle = bed.submit(&command);
    assert_eq!(bed.until_ended(&handle), JobState::Ended { exit_code: 4 });
    assert_eq!(bed.calls("sbatch"), 1, "it was found out that Slurm has it");
    // And where that cannot be found out, since it comes later.
    let text = format!(
        "[ -e {0}2 ] && exec $real \"$@\"; touch {0}2; cat > {0}3; (sleep 6; $real \"$@\" < {0}3) > /dev/null 2>&1 & exec sleep 60",
        once.display()
    );
    bed.replace_tool("sbatch", &cluster.config(), &text);
    let (command, _) = self::tally(&bed, "sleep 8; exit 5");
    let handle = bed.submit(&command);
    assert_eq!(bed.until_ended(&handle), JobState::Ended { exit_code: 5 });
    assert_eq!(std::fs::read_to_string(tally).unwrap(), "ran\nran\n");
    assert_eq!(bed.calls("sbatch"), 3);
}

#[test]
fn a_host_that_died_while_it_submitted_finds_its_jobs() {
    let Some(cluster) = OwnCluster::start() else { return };
    let mut bed = Bed::of(&cluster, json!({ "poll_interval": 1 }));
    let (handles, gone): (Vec<_>, Handle) = {
        let handles = (0..3).map(|number| bed.submit(&format!("sleep 2; exit {number}"))).collect();
        (handles, Handle("never-submitted.0".to_owned()))
    };
    for handle in &handles {
        bed.id(handle);
    }
    // As if it had died between sbatch and its answer; and before any of them has started.
    for batch in std::fs::read_dir(bed.work()).unwrap().flatten() {
        drop(std::fs::remove_file(batch.path().join("ids")));
        for number in 0..3 {
            drop(std::fs::remove_file(batch.path().join(format!("marks/owner.{number}"))));
        }
    }
    bed.reopen();
    for (number, handle) in (0..).zip(&handles) {
        bed.orchestrator().reattach(handle).unwrap();
        assert_eq!(bed.until_ended(handle), JobState::Ended { exit_code: number });
    }
    bed.orchestrator().reattach(&gone).unwrap_err();
}

#[test]
fn a_work_folder_that_nodes_do_not_see_is_told() {
    let Some(cluster) = OwnCluster::start() else { return };
    let mut bed = Bed::of(&cluster, json!({ "poll_interval": 1 }));
    // Nodes of this machine see all of it; so the folder goes away while the job waits.
    bed.replace_tool("sbatch", &cluster.config(), "$real --begin=now+3 \"$@\"");
    let handle = bed.submit("true");
    until("it is handed over", || bed.calls("sbatch") == 1);
    let away = bed.folder.path().join("away");
    std::fs::rename(bed.work(), &away).unwrap();
    let (reason, _) = bed.until_lost(&handle);
    assert!(
        reason.contains("can f1 see the work folder") || reason.contains("see the work folder"),
        "{reason}"
    );
    std::fs::rename(&away, bed.work()).unwrap();
    // Or where it cannot write that it has begun; here, since there is no folder for that.
    let handle = bed.submit("true");
    until("it is handed over", || bed.calls("sbatch") == 2);
    let marks = bed.work().join(handle.0.split('.').next().unwrap()).join("marks");
    std::fs::rename(&marks, &away).unwrap();
    let (reason, _) = bed.until_lost(&handle);
    assert!(reason.contains("exit code 1") && reason.contains("before it had begun"), "{reason}");
}
