//! Jobs that are to stop.

use std::thread;
use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::{Handle, JobState};

use super::Subject;
use super::task::{Script, Task};

pub(super) fn a_job_that_runs_can_be_cancelled(subject: &Subject) {
    let watch = subject.open();
    let task = Task::new(Script::Block);
    let handle = watch.submit(&task);
    watch.until_running(&handle);
    let start = Instant::now();
    watch.cancel(&handle);
    assert!(start.elapsed() < Duration::from_secs(10), "cancelling does not wait for the end");
    let state = watch.until_ended(&handle);
    assert_ne!(state, JobState::Ended { exit_code: 0 }, "a job that was stopped did not end well");
    watch.assert_quiet();
}

pub(super) fn a_job_that_waits_can_be_cancelled(subject: &Subject) {
    let watch = subject.open();
    let Some(limit) = watch.orchestrator.capabilities().parallelism else { return };
    if !watch.is_here() || limit > 64 {
        return;
    }
    let running: Vec<_> = (0..limit).map(|_| Task::new(Script::Block)).collect();
    let handles: Vec<_> = running.iter().map(|task| watch.submit(task)).collect();
    for handle in &handles {
        watch.until_running(handle);
    }
    let (waiting, next) = (Task::new(Script::Exit(0)), Task::new(Script::Exit(5)));
    let handle = watch.submit(&waiting);
    let next_handle = watch.submit(&next);
    watch.cancel(&handle);
    assert_eq!(watch.until_ended(&handle), JobState::Cancelled);
    for task in &running {
        assert_eq!(task.state().cancels, 0, "only the job that is meant is cancelled");
        task.release();
    }
    for handle in &handles {
        assert_eq!(watch.until_ended(handle), JobState::Ended { exit_code: 0 });
    }
    assert_eq!(watch.until_ended(&next_handle), JobState::Ended { exit_code: 5 });
    assert_eq!(waiting.state().runs, 0, "what was cancelled before it started does not run");
    watch.assert_quiet();
}

pub(super) fn a_job_can_be_cancelled_at_any_moment(subject: &Subject) {
    let watch = &subject.open();
    let rounds = if watch.is_here() { 50 } else { 3 };
    for round in 0..rounds {
        let handle = watch.submit(&Task::new(Script::Exit(0)));
        thread::scope(|scope| {
            scope.spawn(|| watch.cancel(&handle));
            if round % 2 == 0 {
                scope.spawn(|| watch.cancel(&handle));
            }
            let state = watch.until_ended(&handle);
            assert!(
                matches!(
                    state,
                    JobState::Cancelled | JobState::Ended { .. } | JobState::Lost { .. }
                ),
                "{state:?}"
            );
        });
    }
    watch.assert_quiet();
    let handle = watch.submit(&Task::new(Script::Exit(0)));
    assert_eq!(watch.until_ended(&handle), JobState::Ended { exit_code: 0 });
}

pub(super) fn a_second_cancel_stops_what_the_first_did_not(subject: &Subject) {
    let watch = subject.open();
    let task = Task::new(Script::Stubborn);
    let handle = watch.submit(&task);
    watch.until_running(&handle);
    if watch.is_here() {
        task.until("running", |state| state.is_running);
    }
    watch.cancel(&handle);
    if watch.is_here() {
        task.until("asked once", |state| state.cancels == 1);
        assert!(task.state().is_running, "it has not stopped yet");
    }
    watch.cancel(&handle);
    if watch.is_here() {
        task.until("asked twice", |state| state.cancels == 2);
    }
    watch.until_ended(&handle);
    watch.assert_quiet();
}

pub(super) fn a_job_that_has_ended_can_be_cancelled(subject: &Subject) {
    let watch = subject.open();
    let handle = watch.submit(&Task::new(Script::Exit(0)));
    watch.until_ended(&handle);
    for _ in 0..2 {
        watch.cancel(&handle);
    }
    watch.cancel(&Handle("no-such-job".to_owned()));
    watch.assert_quiet();
}

pub(super) fn closing_does_not_wait_for_jobs(subject: &Subject) {
    let watch = subject.open();
    if !watch.is_here() {
        return;
    }
    let task = Task::new(Script::Block);
    let handle = watch.submit(&task);
    watch.until_running(&handle);
    let start = Instant::now();
    drop(watch);
    assert!(start.elapsed() < Duration::from_secs(10), "it took {:?} to close", start.elapsed());
    task.release();
    task.until("ended", |state| state.runs == 1 && !state.is_running);
}
