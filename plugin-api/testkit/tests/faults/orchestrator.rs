//! An orchestrator that starts a thread for each job, and breaks one rule at a time.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use sundae_plugin_api::abi::orchestrator::round_trip;
use sundae_plugin_api::orchestrator::{
    Capabilities, Change, Handle, Job, JobState, Orchestrator, Work,
};
use sundae_plugin_api::{Error, ErrorKind};
use sundae_plugin_testkit::orchestrator::{CASES, Subject};

use super::super::{failing, passing};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    ReportsTheEndTwice,
    ReportsOnlyZero,
    RunsTwice,
    ReturnsEarly,
    SpinsWhileWaiting,
    ForgetsTheReason,
    UnknownJobFails,
    DeclaresLess,
    ExceedsItsCapacity,
    KeepsLogsAfterAll,
    SameHandleForAll,
}

struct Threads {
    fault: Fault,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    running: Mutex<HashMap<Handle, Arc<dyn Work>>>,
    changes: Mutex<Vec<Change>>,
    change: Condvar,
}

impl Shared {
    fn report(&self, handle: &Handle, state: JobState) {
        self.changes.lock().unwrap().push(Change::new(handle.clone(), state));
        self.change.notify_all();
    }

    fn run(&self, fault: Fault, handle: &Handle, work: &dyn Work) {
        self.report(handle, JobState::Running);
        let result = work.run();
        if fault == Fault::RunsTwice {
            work.run().ok();
        }
        self.running.lock().unwrap().remove(handle);
        let end = match result {
            Ok(_) if fault == Fault::ReportsOnlyZero => JobState::Ended { exit_code: 0 },
            Ok(exit_code) => JobState::Ended { exit_code },
            Err(_) if fault == Fault::ForgetsTheReason => JobState::lost("it failed"),
            Err(error) => JobState::lost(error.to_string()),
        };
        self.report(handle, end.clone());
        if fault == Fault::ReportsTheEndTwice {
            self.report(handle, end);
        }
    }
}

impl Orchestrator for Threads {
    fn capabilities(&self) -> Capabilities {
        match self.fault {
            Fault::DeclaresLess => Capabilities::new().parallelism(2),
            Fault::ExceedsItsCapacity => {
                Capabilities::new().capacity([("gpus".to_owned(), 2.0)].into())
            }
            _ => Capabilities::new(),
        }
    }

    fn submit(&self, job: Job) -> Result<Handle, Error> {
        let id = if self.fault == Fault::SameHandleForAll {
            "job".to_owned()
        } else {
            job.description.id
        };
        let (handle, work): (_, Arc<dyn Work>) = (Handle(id), Arc::from(job.work));
        self.shared.running.lock().unwrap().insert(handle.clone(), Arc::clone(&work));
        let (shared, fault, returned) = (Arc::clone(&self.shared), self.fault, handle.clone());
        thread::spawn(move || shared.run(fault, &handle, &*work));
        Ok(returned)
    }

    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        let deadline = Instant::now() + timeout;
        let mut changes = self.shared.changes.lock().unwrap();
        while changes.is_empty() && Instant::now() < deadline {
            match self.fault {
                Fault::ReturnsEarly => break,
                Fault::SpinsWhileWaiting => {
                    drop(changes);
                    changes = self.shared.changes.lock().unwrap();
                }
                _ => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    changes = self.shared.change.wait_timeout(changes, left).unwrap().0;
                }
            }
        }
        Ok(std::mem::take(&mut *changes))
    }

    fn cancel(&self, handle: &Handle) -> Result<(), Error> {
        let running = self.shared.running.lock().unwrap();
        let meant: Vec<_> = running
            .iter()
            .filter(|(running, _)| *running == handle)
            .map(|(_, work)| Arc::clone(work))
            .collect();
        drop(running);
        if meant.is_empty() && self.fault == Fault::UnknownJobFails {
            return Err(Error::new(ErrorKind::NotFound, "there is no such job"));
        }
        meant.iter().for_each(|work| work.cancel());
        Ok(())
    }

    fn logs(&self, _: &Handle, _: u64) -> Result<Vec<u8>, Error> {
        if self.fault == Fault::KeepsLogsAfterAll {
            return Ok(Vec::new());
        }
        Err(Error::new(ErrorKind::Unsupported, "this orchestrator keeps no logs"))
    }
}

fn subject(fault: Fault) -> Subject {
    Subject::new(move || Ok(round_trip(Box::new(Threads { fault, shared: Arc::default() }))))
}

#[test]
fn an_orchestrator_that_keeps_the_rules_passes() {
    assert_eq!(failing(CASES, || subject(Fault::None)), [""; 0]);
}

#[test]
fn an_orchestrator_that_breaks_a_rule_fails() {
    for (fault, cases) in [
        (Fault::ReportsTheEndTwice, &["the_exit_code_arrives_once"][..]),
        (Fault::ReportsOnlyZero, &["the_exit_code_arrives_once"]),
        (Fault::RunsTwice, &["the_work_is_done_once"]),
        (Fault::ReturnsEarly, &["waiting_costs_nothing_while_nothing_changes"]),
        (Fault::SpinsWhileWaiting, &["waiting_costs_nothing_while_nothing_changes"]),
        (Fault::ForgetsTheReason, &["work_that_fails_ends_the_job"]),
        (Fault::UnknownJobFails, &["a_job_that_has_ended_can_be_cancelled"]),
        (
            Fault::DeclaresLess,
            &["the_parallelism_is_used_and_not_exceeded", "a_job_that_waits_can_be_cancelled"],
        ),
        (Fault::ExceedsItsCapacity, &["the_capacity_is_not_exceeded"]),
        (Fault::KeepsLogsAfterAll, &["what_is_not_supported_says_so"]),
        (Fault::SameHandleForAll, &["many_jobs_from_many_threads_all_end"]),
    ] {
        assert_eq!(passing(CASES, cases, || subject(fault)), [""; 0], "{fault:?} goes unnoticed");
    }
}
