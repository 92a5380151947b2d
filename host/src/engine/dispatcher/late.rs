//! Reports of jobs that have ended elsewhere: they lie in the artifact store, or will soon.

use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::JobState;

use super::{Dispatcher, Running};
use crate::engine::event::{AttemptReport, Failure};
use crate::shipping::why_it_could_not_begin;
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

impl Dispatcher<'_> {
    /// A job that ran elsewhere has ended: its report is there, or is waited for.
    pub(super) fn await_report(&mut self, running: Running, state: JobState) {
        match self.stored_report(&running) {
            Some(report) => self.end_reported(&running, report, state),
            // Only one that has ended by itself is known to have left a report, unless it says that it could not.
            None if matches!(state, JobState::Ended { .. })
                && !self.could_not_begin(&running, &state) =>
            {
                let now = Instant::now();
                self.late.push(Late { running, state, ended: now, looked: now });
            }
            None => self.end_without_report(&running, state),
        }
    }

    /// Whether a job has written why it was not begun.
    fn could_not_begin(&self, running: &Running, state: &JobState) -> bool {
        *state != JobState::Ended { exit_code: 0 }
            && self.job_log(running).is_some_and(|log| why_it_could_not_begin(&log).is_some())
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
            late.looked = Instant::now();
            let is_over = late.ended.elapsed() > PATIENCE || self.is_out_of_patience();
            match self.stored_report(&late.running) {
                Some(report) => self.end_attempt(&late.running, report),
                None if is_over => self.end_without_report(&late.running, late.state),
                None => self.late.push(late),
            }
        }
    }

    fn stored_report(&self, running: &Running) -> Option<AttemptReport> {
        match portable::read_report(&*self.engine.store, &running.job) {
            Ok(report) => report,
            Err(error) if error.is_retryable() => None,
            Err(error) => {
                let message = format!("its report cannot be read: {error}");
                Some(AttemptReport::of_failure(self.engine.run_name, Failure::Host { message }))
            }
        }
    }
}
