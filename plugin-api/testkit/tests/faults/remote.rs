//! An orchestrator that runs commands as processes which outlive it, and breaks one rule at a time.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use sundae_plugin_api::abi::orchestrator::round_trip;
use sundae_plugin_api::orchestrator::{Capabilities, Change, Handle, Job, JobState, Orchestrator};
use sundae_plugin_api::{Error, ErrorKind};
use sundae_plugin_testkit::orchestrator::{CASES, Subject};
use tempfile::TempDir;

use super::super::{failing, passing};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    DropsTheEnvironment,
    TakesAKillForAGoodEnd,
    RefusesWhatItDeclares,
    KeepsLogsToItself,
    ReadsLogsFromTheStart,
    ForgetsWhatHasEnded,
    KnowsEverything,
    ReportsWhatOthersHaveSubmitted,
    ReturnsEarlyWithoutJobs,
}

/// What outlives the component: the machine on which jobs run.
struct Machine {
    folder: TempDir,
    jobs: Mutex<HashMap<Handle, Process>>,
}

struct Process {
    child: Child,
    end: Option<i32>,
    was_cancelled: bool,
}

impl Process {
    fn look(&mut self) -> Option<i32> {
        if self.end.is_none()
            && let Some(status) = self.child.try_wait().unwrap()
        {
            self.end = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        }
        self.end
    }
}

struct Remote {
    fault: Fault,
    machine: Arc<Machine>,
    /// What was last told of the jobs that this component has.
    told: Mutex<HashMap<Handle, JobState>>,
}

impl Remote {
    fn log(&self, handle: &Handle) -> PathBuf {
        self.machine.folder.path().join(&handle.0)
    }

    fn changes(&self) -> Vec<Change> {
        let mut jobs = self.machine.jobs.lock().unwrap();
        let mut told = self.told.lock().unwrap();
        let mut changes = Vec::new();
        for (handle, process) in jobs.iter_mut() {
            let state = match process.look() {
                None => JobState::Running,
                Some(137)
                    if self.fault == Fault::TakesAKillForAGoodEnd && !process.was_cancelled =>
                {
                    JobState::Ended { exit_code: 0 }
                }
                Some(_) if process.was_cancelled => JobState::Cancelled,
                Some(exit_code) => JobState::Ended { exit_code },
            };
            if self.fault == Fault::ReportsWhatOthersHaveSubmitted && state.is_final() {
                told.entry(handle.clone()).or_insert(JobState::Queued);
            }
            if let Some(last) = told.get_mut(handle)
                && *last != state
            {
                *last = state.clone();
                changes.push(Change::new(handle.clone(), state));
            }
        }
        changes
    }
}

impl Orchestrator for Remote {
    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::new().remote().reattach().logs();
        capabilities.resources(["cpus", "memory"])
    }

    fn submit(&self, job: Job) -> Result<Handle, Error> {
        let description = job.description;
        let handle = Handle(description.id);
        let is_refused = self.fault == Fault::RefusesWhatItDeclares
            && description.resources.contains_key("memory");
        let log = File::create(self.log(&handle)).unwrap();
        let mut command = Command::new(&description.worker[0]);
        command.args(&description.worker[1..]).stdin(Stdio::null());
        if is_refused {
            command = Command::new("false");
        }
        if self.fault != Fault::DropsTheEnvironment {
            command.envs(description.environment);
        }
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let process = Process { child, end: None, was_cancelled: false };
        self.machine.jobs.lock().unwrap().insert(handle.clone(), process);
        self.told.lock().unwrap().insert(handle.clone(), JobState::Queued);
        Ok(handle)
    }

    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            let changes = self.changes();
            let has_jobs = self.told.lock().unwrap().values().any(|state| !state.is_final());
            let is_early = self.fault == Fault::ReturnsEarlyWithoutJobs && !has_jobs;
            if !changes.is_empty() || Instant::now() >= deadline || is_early {
                return Ok(changes);
            }
            thread::sleep(Duration::from_millis(20).min(timeout));
        }
    }

    fn cancel(&self, handle: &Handle) -> Result<(), Error> {
        if let Some(process) = self.machine.jobs.lock().unwrap().get_mut(handle)
            && process.look().is_none()
        {
            process.was_cancelled = true;
            drop(process.child.kill());
        }
        Ok(())
    }

    fn logs(&self, handle: &Handle, from: u64) -> Result<Vec<u8>, Error> {
        let is_over = self
            .machine
            .jobs
            .lock()
            .unwrap()
            .get_mut(handle)
            .is_some_and(|job| job.look().is_some());
        if self.fault == Fault::KeepsLogsToItself && !is_over {
            return Ok(Vec::new());
        }
        let from = if self.fault == Fault::ReadsLogsFromTheStart { 0 } else { from };
        let mut log = File::open(self.log(handle)).unwrap();
        log.seek(SeekFrom::Start(from)).unwrap();
        let mut text = Vec::new();
        log.read_to_end(&mut text).unwrap();
        Ok(text)
    }

    fn reattach(&self, handle: &Handle) -> Result<JobState, Error> {
        let unknown = || Error::new(ErrorKind::NotFound, "there is no such job");
        if self.fault == Fault::KnowsEverything {
            return Ok(JobState::Running);
        }
        let mut jobs = self.machine.jobs.lock().unwrap();
        let process = jobs.get_mut(handle).ok_or_else(unknown)?;
        match process.look() {
            Some(_) if self.fault == Fault::ForgetsWhatHasEnded => Err(unknown()),
            Some(exit_code) => Ok(JobState::Ended { exit_code }),
            None => {
                self.told.lock().unwrap().insert(handle.clone(), JobState::Running);
                Ok(JobState::Running)
            }
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for process in self.jobs.lock().unwrap().values_mut() {
            drop(process.child.kill());
            drop(process.child.wait());
        }
    }
}

fn subject(fault: Fault) -> Subject {
    let machine = Machine { folder: tempfile::tempdir().unwrap(), jobs: Mutex::default() };
    let machine = Arc::new(machine);
    Subject::new(move || {
        let machine = Arc::clone(&machine);
        Ok(round_trip(Box::new(Remote { fault, machine, told: Mutex::default() })))
    })
}

#[test]
fn a_remote_orchestrator_that_keeps_the_rules_passes() {
    assert_eq!(failing(CASES, || subject(Fault::None)), [""; 0]);
}

#[test]
fn a_remote_orchestrator_that_breaks_a_rule_fails() {
    for (fault, cases) in [
        (Fault::DropsTheEnvironment, &["the_worker_gets_its_environment"][..]),
        (Fault::TakesAKillForAGoodEnd, &["a_worker_that_is_killed_has_not_ended_well"]),
        (Fault::RefusesWhatItDeclares, &["what_a_job_declares_it_gets"]),
        (Fault::ReadsLogsFromTheStart, &["logs_are_read_from_where_it_is_wanted"]),
        (Fault::ForgetsWhatHasEnded, &["a_job_that_ended_unseen_is_taken_up"]),
        (Fault::KnowsEverything, &["a_job_is_taken_up_by_another_component"]),
        (Fault::ReportsWhatOthersHaveSubmitted, &["a_job_that_ended_unseen_is_taken_up"]),
        (Fault::ReturnsEarlyWithoutJobs, &["waiting_for_nothing_costs_nothing"]),
    ] {
        assert_eq!(passing(CASES, cases, || subject(fault)), [""; 0], "{fault:?} goes unnoticed");
    }
}

#[test]
#[ignore = "it takes a minute to find out that a log does not come"]
fn logs_that_come_too_late_are_noticed() {
    let cases = &["logs_are_read_while_the_job_runs"];
    assert_eq!(passing(CASES, cases, || subject(Fault::KeepsLogsToItself)), [""; 0]);
}
