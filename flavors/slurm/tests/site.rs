//! What sites have for their users: GPUs, modules, and partitions whose jobs take the place of others; on a real cluster.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod cluster;

use cluster::Bed;
use sundae_plugin_api::orchestrator::JobState;
use sundae_plugin_testkit::json;

#[test]
fn a_step_has_the_gpus_that_it_asks_for() {
    let Some(mut bed) = Bed::new(json!({ "poll_interval": 1 })) else { return };
    let told = bed.folder.path().join("told");
    let command = format!("scontrol show job $SLURM_JOB_ID > {}", told.display());
    let handle = bed.submit_with(&command, |job| {
        job.resources.insert("gpus".to_owned(), 2.0);
    });
    assert_eq!(bed.until_ended(&handle), JobState::Ended { exit_code: 0 });
    let told = std::fs::read_to_string(told).unwrap();
    assert!(told.contains("gres:gpu:2"), "{told}");
}

#[test]
fn modules_are_loaded_before_the_prologue_and_the_step() {
    let prologue = "export SEEN=$LOADEDMODULES";
    let config = json!({ "poll_interval": 1, "modules": ["dot"], "prologue": prologue });
    let Some(mut bed) = Bed::new(config) else { return };
    // This module does nothing but put the current folder on PATH.
    let handle = bed.submit("case :$PATH: in *:.:*) test \"$SEEN\" = dot ;; *) false ;; esac");
    assert_eq!(bed.until_ended(&handle), JobState::Ended { exit_code: 0 });
}

#[test]
fn a_job_that_had_to_make_room_may_be_tried_again() {
    let Some(first) = Bed::new(json!({ "poll_interval": 1 })) else { return };
    let node = first.ask("sinfo", &["--noheader", "--Node", "--format=%N"]);
    let node = node.lines().next().unwrap().to_owned();
    let at = format!("--nodelist={node}");
    let mut bed = Bed::new(json!({ "poll_interval": 1, "options": [at.clone()] })).unwrap();
    let whole_node = |job: &mut sundae_plugin_api::orchestrator::JobDescription| {
        job.resources.insert("cpus".to_owned(), 4.0);
    };
    let handle = bed.submit_with("exec sleep 600", whole_node);
    bed.until_running(&handle);
    let config = json!({ "poll_interval": 1, "partition": "urgent", "options": [at] });
    let mut urgent = Bed::new(config).unwrap();
    let taking_over = urgent.submit_with("true", whole_node);
    assert_eq!(urgent.until_ended(&taking_over), JobState::Ended { exit_code: 0 });
    let (reason, is_retryable) = bed.until_lost(&handle);
    assert!(reason.contains("PREEMPTED"), "{reason}");
    assert!(is_retryable);
}
