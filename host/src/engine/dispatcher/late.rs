//! Reports of jobs that have ended elsewhere: they lie in the artifact store, or will soon.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sundae_plugin_api::Error;
use sundae_plugin_api::orchestrator::{Change, JobState};

use super::look_up::at_once;
use super::{Dispatcher, Running};
use crate::engine::event::{AttemptReport, Failure};
use crate::shipping::why_there_is_no_report;
use crate::worker::portable;

/// A file system that many machines share may show what one of them wrote to another some time later.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looking costs a request.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// A job that has ended, and whose report is not there yet.
pub(super) struct Late {
    running: Running,
    state: JobState,
    ended: Instant,
    looked: Instant,
}

/// What the store said of reports, by job.
pub(super) type Fetched = HashMap<String, Result<Option<AttemptReport>, Error>>;

impl Dispatcher<'_> {
    /// A job that ran elsewhere has ended: its report is there, or is waited for.
    pub(super) fn await_report(&mut self, running: Running, state: JobState) {
        let now = Instant::now();
        match self.stored_report(&running) {
            Ok(Some(report)) => self.end_reported(&running, report, state),
            // Only one that has ended by itself is known to have left a report, unless it says that it could not.
            Ok(None)
                if !matches!(state, JobState::Ended { .. })
                    || self.has_said_why(&running, &state) =>
            {
                self.end_without_report(&running, state);
            }
            Ok(None) | Err(_) => {
                self.late.push(Late { running, state, ended: now, looked: now });
            }
        }
    }

    /// Whether a job has written why it has left no report.
    fn has_said_why(&self, running: &Running, state: &JobState) -> bool {
        *state != JobState::Ended { exit_code: 0 }
            && self.job_log(running).is_some_and(|log| why_there_is_no_report(&log).is_some())
    }

    /// A job that ran elsewhere has left its report. Why it was ended, if it was, is known to whoever ran it alone.
    fn end_reported(&mut self, running: &Running, mut report: AttemptReport, state: JobState) {
        if let JobState::Lost { reason, retryable } = state {
            match &mut report.failure {
                // Not by us: the worker was asked to stop, and knows no more than that.
                Some(failure @ Failure::Cancelled) if running.ending.is_none() => {
                    *failure = Failure::Host { message: format!("it was lost: {reason}") };
                    return self.end_lost(running, report, retryable);
                }
                Some(Failure::Command { message }) => *message = format!("{reason} ({message})"),
                _ => {}
            }
        }
        self.end_attempt(running, report);
    }

    pub(super) fn hear_late_reports(&mut self) {
        for mut late in std::mem::take(&mut self.late) {
            if late.looked.elapsed() < BETWEEN_LOOKS {
                self.late.push(late);
                continue;
            }
            let stored = self.stored_report(&late.running);
            late.looked = Instant::now();
            let patience = if stored.is_ok() { PATIENCE } else { self.engine.patience };
            let is_over = late.ended.elapsed() > patience || self.is_out_of_patience();
            match stored {
                Ok(Some(report)) => self.end_reported(&late.running, report, late.state),
                _ if is_over => self.end_without_report(&late.running, late.state),
                Ok(None) => self.late.push(late),
                Err(error) => {
                    // Told, and nothing new is begun; how long a report is waited for counts from the end of its job.
                    drop(self.wait_for_store(&error));
                    self.late.push(late);
                }
            }
        }
    }

    /// Of several jobs that have ended elsewhere, the reports are read at once: each is a request.
    pub(super) fn fetch_reports(&mut self, changes: &[Change]) {
        if !self.capabilities.remote {
            return;
        }
        let ended = changes.iter().filter(|change| change.state.is_final());
        let jobs = ended.filter_map(|change| Some(&self.running.get(&change.handle)?.job));
        let jobs: Vec<_> = jobs.cloned().collect();
        let store = &*self.engine.store;
        for jobs in jobs.chunks(self.asked_at_once) {
            let reports = at_once(jobs, |job| portable::read_report(store, job));
            self.fetched.extend(jobs.iter().cloned().zip(reports));
        }
    }

    /// The report of a job, if it is there.
    ///
    /// # Errors
    /// The store is away.
    fn stored_report(&mut self, running: &Running) -> Result<Option<AttemptReport>, Error> {
        let fetched = self.fetched.remove(&running.job);
        match fetched.unwrap_or_else(|| portable::read_report(&*self.engine.store, &running.job)) {
            Err(error) if error.is_retryable() => Err(error),
            Ok(report) => {
                self.store_answers();
                Ok(report)
            }
            Err(error) => {
                let message = format!("its report cannot be read: {error}");
                let failure = Failure::Host { message };
                Ok(Some(AttemptReport::of_failure(self.engine.run_name, failure)))
            }
        }
    }
}
