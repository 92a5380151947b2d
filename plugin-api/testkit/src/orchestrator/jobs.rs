//! Jobs from their start to their end.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sundae_plugin_api::ErrorKind;
use sundae_plugin_api::orchestrator::{Handle, JobDescription, JobState};

use super::Subject;
use super::task::{PATIENCE, Script, Task};

pub(super) fn it_can_work(subject: &Subject) {
    let watch = subject.open();
    watch.orchestrator.check().expect("an orchestrator that is tested can work");
    let capabilities = watch.orchestrator.capabilities();
    assert_ne!(capabilities.parallelism, Some(0), "no job would ever start");
    watch.until_ended(&watch.submit(&Task::new(Script::Exit(0))));
    assert_eq!(watch.orchestrator.capabilities(), capabilities, "capabilities are constant");
}

pub(super) fn the_exit_code_arrives_once(subject: &Subject) {
    let watch = subject.open();
    for exit_code in [0, 3, 255] {
        let handle = watch.submit(&Task::new(Script::Exit(exit_code)));
        assert_eq!(watch.until_ended(&handle), JobState::Ended { exit_code });
        watch.assert_quiet();
        let ends = watch.states(&handle).into_iter().filter(JobState::is_final).count();
        assert_eq!(ends, 1);
    }
}

pub(super) fn the_work_is_done_once(subject: &Subject) {
    let watch = subject.open();
    let tasks = [0, 1, 0, 2].map(|code| Task::new(Script::Exit(code)));
    let handles = tasks.each_ref().map(|task| watch.submit(task));
    for handle in &handles {
        watch.until_ended(handle);
    }
    let runs = tasks.each_ref().map(|task| task.state().runs);
    let expected = if watch.is_here() { 1 } else { 0 };
    assert_eq!(runs, [expected; 4], "remote jobs run by their command, others by their work");
}

pub(super) fn a_job_that_runs_is_reported(subject: &Subject) {
    let watch = subject.open();
    let task = Task::new(Script::Block);
    let handle = watch.submit(&task);
    watch.until_running(&handle);
    task.release();
    if !watch.is_here() {
        watch.cancel(&handle);
    }
    watch.until_ended(&handle);
    let running = watch.states(&handle).iter().filter(|state| **state == JobState::Running).count();
    assert_eq!(running, 1, "a state is reported when it is another than before");
}

pub(super) fn work_that_fails_ends_the_job(subject: &Subject) {
    let watch = subject.open();
    let handle = watch.submit(&Task::new(Script::Fail));
    let state = watch.until_ended(&handle);
    if watch.is_here() {
        let JobState::Lost { reason, .. } = &state else { panic!("it is lost, and not {state:?}") };
        assert!(reason.contains("the disk is away"), "the reason must be told: {reason}");
    }
    watch.assert_quiet();
}

pub(super) fn work_that_panics_ends_the_job(subject: &Subject) {
    let watch = subject.open();
    // More than there are threads, if a panic ended one each time. Elsewhere nothing panics but a command that fails.
    for _ in 0..if watch.is_here() { 20 } else { 1 } {
        let state = watch.until_ended(&watch.submit(&Task::new(Script::Panic)));
        assert_ne!(state, JobState::Ended { exit_code: 0 });
    }
    let handle = watch.submit(&Task::new(Script::Exit(0)));
    assert_eq!(watch.until_ended(&handle), JobState::Ended { exit_code: 0 });
}

pub(super) fn the_parallelism_is_used_and_not_exceeded(subject: &Subject) {
    let watch = subject.open();
    if !watch.is_here() {
        return;
    }
    let limit = watch.orchestrator.capabilities().parallelism.map(|limit| limit as usize);
    // As many as it says at once; more than that wait.
    let at_once = limit.unwrap_or(4).min(32);
    let tasks: Vec<_> = (0..at_once * 3).map(|_| Task::new(Script::Block)).collect();
    let handles: Vec<_> = tasks.iter().map(|task| watch.submit(task)).collect();
    let is_running = |task: &&Arc<Task>| task.state().is_running;
    let mut running: Vec<_> = Vec::new();
    for ended in 0..tasks.len() {
        let wanted = at_once.min(tasks.len() - ended);
        // In the order in which they came, or in any other.
        let deadline = std::time::Instant::now() + PATIENCE;
        while running.len() < wanted {
            assert!(
                std::time::Instant::now() < deadline,
                "{wanted} should run, and {} do",
                running.len()
            );
            watch.wait(Duration::from_millis(5));
            running = tasks.iter().filter(is_running).collect();
        }
        if limit.is_some_and(|limit| limit <= 32) {
            assert!(running.len() <= at_once, "{} run, and {at_once} are declared", running.len());
        }
        let first = running.remove(0);
        first.release();
        let position =
            tasks.iter().position(|task| Arc::ptr_eq(task, first)).expect("it is one of them");
        watch.until_ended(&handles[position]);
        running = tasks.iter().filter(is_running).collect();
    }
}

pub(super) fn the_capacity_is_not_exceeded(subject: &Subject) {
    let watch = subject.open();
    let capabilities = watch.orchestrator.capabilities();
    if !watch.is_here() || capabilities.parallelism == Some(1) {
        return;
    }
    // Each job needs more than half of what there is: no two of them run at once.
    for (name, there_is) in capabilities.capacity.iter().filter(|(_, there_is)| **there_is > 0.0) {
        assert!(
            capabilities.resources.contains(name),
            "`{name}` has a capacity, and is not understood"
        );
        let tasks: Vec<_> = (0..3).map(|_| Task::new(Script::Block)).collect();
        let needs = |job: &mut JobDescription| {
            job.resources.insert(name.clone(), there_is * 0.6);
        };
        let handles: Vec<_> = tasks.iter().map(|task| watch.submit_with(task, needs)).collect();
        for (task, handle) in tasks.iter().zip(&handles) {
            watch.until_running(handle);
            watch.wait(Duration::from_millis(50));
            let running = tasks.iter().filter(|task| task.state().is_running).count();
            assert_eq!(running, 1, "jobs that need more of `{name}` than there is run at once");
            task.release();
            watch.until_ended(handle);
        }
    }
}

pub(super) fn many_jobs_from_many_threads_all_end(subject: &Subject) {
    let watch = &subject.open();
    let count = if watch.is_here() { 25 } else { 4 };
    let submitted: Vec<(Handle, i32)> = thread::scope(|scope| {
        let submit = |thread: i32| {
            move || -> Vec<_> {
                let submit = |number| (watch.submit(&Task::new(Script::Exit(number))), number);
                (0..count).map(|number| submit(thread * count + number)).collect()
            }
        };
        let threads: Vec<_> = (0..8).map(|thread| scope.spawn(submit(thread))).collect();
        // Somebody listens all the time, as the host does.
        while !threads.iter().all(thread::ScopedJoinHandle::is_finished) {
            watch.wait(Duration::from_millis(10));
        }
        threads.into_iter().flat_map(|thread| thread.join().expect("a job is accepted")).collect()
    });
    for (handle, exit_code) in &submitted {
        assert_eq!(watch.until_ended(handle), JobState::Ended { exit_code: *exit_code });
    }
    let mut handles: Vec<_> = submitted.iter().map(|(handle, _)| handle).collect();
    handles.sort();
    handles.dedup();
    assert_eq!(handles.len(), submitted.len(), "each job has a handle of its own");
    watch.assert_quiet();
}

pub(super) fn the_worker_gets_its_environment(subject: &Subject) {
    let watch = subject.open();
    if watch.is_here() {
        return;
    }
    let handle = watch.submit_with(&Task::new(Script::Exit(0)), |job| {
        job.worker = ["/bin/sh", "-c", "exit $TESTKIT_CODE"].map(str::to_owned).to_vec();
        job.environment.insert("TESTKIT_CODE".to_owned(), "7".to_owned());
    });
    assert_eq!(watch.until_ended(&handle), JobState::Ended { exit_code: 7 });
}

pub(super) fn what_is_not_supported_says_so(subject: &Subject) {
    let watch = subject.open();
    let capabilities = watch.orchestrator.capabilities();
    let handle = watch.submit(&Task::new(Script::Exit(0)));
    watch.until_ended(&handle);
    if !capabilities.logs {
        let error = watch.orchestrator.logs(&handle, 0).expect_err("it declares to have no logs");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    if !capabilities.reattach {
        let error = watch.orchestrator.reattach(&handle).expect_err("it declares not to do that");
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

pub(super) fn a_worker_that_is_killed_has_not_ended_well(subject: &Subject) {
    let watch = subject.open();
    if watch.is_here() {
        return;
    }
    let handle = watch.submit_with(&Task::new(Script::Exit(0)), |job| {
        job.worker = ["/bin/sh", "-c", "kill -KILL $$"].map(str::to_owned).to_vec();
    });
    let state = watch.until_ended(&handle);
    let is_bad = match &state {
        JobState::Ended { exit_code } => *exit_code != 0,
        JobState::Lost { reason, .. } => !reason.is_empty(),
        _ => false,
    };
    assert!(
        is_bad,
        "a worker that was killed has not ended well, and nobody cancelled it: {state:?}"
    );
    watch.assert_quiet();
}

pub(super) fn what_a_job_declares_it_gets(subject: &Subject) {
    let watch = subject.open();
    let known = watch.orchestrator.capabilities().resources;
    // What every machine has.
    for (name, amount) in [("cpus", 1.0), ("cpus", 0.5), ("memory", 64.0 * 1024.0 * 1024.0)] {
        if !known.iter().any(|resource| resource == name) {
            continue;
        }
        let handle = watch.submit_with(&Task::new(Script::Exit(0)), |job| {
            job.resources.insert(name.to_owned(), amount);
        });
        assert_eq!(
            watch.until_ended(&handle),
            JobState::Ended { exit_code: 0 },
            "{amount} of {name}"
        );
    }
}

pub(super) fn logs_are_read_while_the_job_runs(subject: &Subject) {
    let watch = subject.open();
    let capabilities = watch.orchestrator.capabilities();
    if !capabilities.logs || !capabilities.remote {
        return;
    }
    let handle = watch.submit_with(&Task::new(Script::Block), |job| {
        job.worker = ["/bin/sh", "-c", "echo begun; exec sleep 600"].map(str::to_owned).to_vec();
    });
    watch.until_running(&handle);
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let log = watch.orchestrator.logs(&handle, 0).expect("it declares to have logs");
        if log.starts_with(b"begun") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "what a job writes is read while it runs");
        watch.wait(Duration::from_millis(100));
    }
    watch.cancel(&handle);
    watch.until_ended(&handle);
}

pub(super) fn logs_are_read_from_where_it_is_wanted(subject: &Subject) {
    let watch = subject.open();
    let capabilities = watch.orchestrator.capabilities();
    if !capabilities.logs || !capabilities.remote {
        return;
    }
    let handle = watch.submit_with(&Task::new(Script::Exit(0)), |job| {
        job.worker = ["/bin/sh", "-c", "echo 0123456789"].map(str::to_owned).to_vec();
    });
    watch.until_ended(&handle);
    let log = |from| watch.orchestrator.logs(&handle, from).expect("it declares to have logs");
    let all = log(0);
    assert!(all.starts_with(b"0123456789"), "{}", String::from_utf8_lossy(&all));
    assert_eq!(log(4), all[4..]);
    assert_eq!(log(all.len() as u64), b"", "nothing is past the end");
}

pub(super) fn a_job_is_taken_up_by_another_component(subject: &Subject) {
    let first = subject.open();
    if !first.orchestrator.capabilities().reattach {
        return;
    }
    let handle = first.submit(&Task::new(Script::Block));
    first.until_running(&handle);
    drop(first);
    let second = subject.open();
    let unknown = Handle("no-such-job".to_owned());
    let error = second.orchestrator.reattach(&unknown).expect_err("there is no such job");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let state = second.orchestrator.reattach(&handle).expect("it is known");
    assert!(!state.is_final(), "it outlives the host, and is not {state:?}");
    second.cancel(&handle);
    second.until_ended(&handle);
}

pub(super) fn a_job_that_ended_unseen_is_taken_up(subject: &Subject) {
    let first = subject.open();
    if !first.orchestrator.capabilities().reattach {
        return;
    }
    let submitted = [0, 4].map(|code| {
        let handle = first.submit_with(&Task::new(Script::Exit(code)), |job| {
            let command = format!("sleep 1; exit {code}");
            job.worker = ["/bin/sh", "-c", &command].map(str::to_owned).to_vec();
        });
        (handle, code)
    });
    for (handle, _) in &submitted {
        first.until_running(handle);
    }
    drop(first);
    // By now they may have ended, or not: both must do.
    thread::sleep(Duration::from_millis(1500));
    let second = subject.open();
    for (handle, exit_code) in &submitted {
        let state = second.orchestrator.reattach(handle).expect("it is known");
        let state = if state.is_final() { state } else { second.until_ended(handle) };
        assert_eq!(state, JobState::Ended { exit_code: *exit_code });
    }
    second.assert_quiet();
}

pub(super) fn a_job_that_was_taken_up_is_reported_once(subject: &Subject) {
    let first = subject.open();
    if !first.orchestrator.capabilities().reattach {
        return;
    }
    let handles: Vec<_> = (0..3).map(|_| first.submit(&Task::new(Script::Block))).collect();
    for handle in &handles {
        first.until_running(handle);
    }
    drop(first);
    let second = subject.open();
    for handle in &handles {
        let state = second.orchestrator.reattach(handle).expect("it is known");
        assert!(!state.is_final(), "it still runs, and is not {state:?}");
    }
    for handle in &handles {
        second.cancel(handle);
    }
    for handle in &handles {
        second.until_ended(handle);
        let ends = second.states(handle).into_iter().filter(JobState::is_final).count();
        assert_eq!(ends, 1);
    }
    second.assert_quiet();
}
