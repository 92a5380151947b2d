//! What ends: the orchestrator tells of jobs, and their reports tell the rest.

use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::{Change, JobState};

use super::stop::Cause;
use super::{Dispatcher, Running, Stopping, TICK};
use crate::artifact::publish_text;
use crate::engine::event::{AttemptReport, Event, Failure, StepStatus};
use crate::engine::prospect::refusal;
use crate::engine::resources::needs;
use crate::engine::state::Made;
use crate::shipping::why_there_is_no_report;
use crate::worker;

/// How often lost data is made again before a run gives up: a store that loses everything would keep it busy for ever.
const MOST_REMAKES: u32 = 3;

/// How often a job that was lost is submitted again, where the orchestrator says that this may help.
const MOST_LOSSES: u32 = 2;

/// So much is kept of what a job has written, in bytes.
const MOST_OF_LOG: usize = 1 << 20;

/// An orchestrator with nothing to tell should take longer than that to say so.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);

impl Dispatcher<'_> {
    pub(super) fn hear_orchestrator(&mut self) {
        let timeout = match self.can_look_up() {
            true => Duration::ZERO,
            false => self.longest_wait(),
        };
        let asked = Instant::now();
        match self.engine.orchestrator.wait(timeout) {
            Ok(changes) => {
                // What it has to tell it may have known before: only one that has nothing to tell can be asked again for sure.
                self.is_unreachable &= !changes.is_empty();
                if changes.is_empty() {
                    // One that does not wait must not keep a processor busy.
                    let shortest = SHORTEST_WAIT.min(timeout);
                    std::thread::sleep(shortest.saturating_sub(asked.elapsed()));
                }
                self.fetch_reports(&changes);
                changes.into_iter().for_each(|change| self.apply(change));
            }
            Err(error) if error.is_retryable() => {
                if !std::mem::replace(&mut self.is_unreachable, true) {
                    self.warn(format!(
                        "the orchestrator cannot be asked now: {error}; it is asked again until it can be"
                    ));
                }
                std::thread::sleep(TICK);
            }
            Err(error) => self.lose_all(&format!("the orchestrator cannot be asked: {error}")),
        }
    }

    /// How long nothing has to be done but to hear the orchestrator.
    fn longest_wait(&self) -> Duration {
        let delayed = self.delayed.shortest_wait().unwrap_or(TICK);
        let untold = if self.untold.is_empty() { TICK } else { self.time_to_tell() };
        TICK.min(delayed).min(untold)
    }

    /// Whatever runs is given up.
    fn lose_all(&mut self, reason: &str) {
        let handles: Vec<_> = self.running.keys().cloned().collect();
        for handle in handles {
            // It may still hear, though it cannot answer.
            drop(self.engine.orchestrator.cancel(&handle));
            self.apply(Change::new(handle, JobState::lost(reason)));
        }
    }

    pub(super) fn apply(&mut self, change: Change) {
        let Change { handle, state, usage, .. } = change;
        if !state.is_final() {
            if state == JobState::Running
                && let Some(running) = self.running.get_mut(&handle)
            {
                let step = running.step;
                let timeout = self.engine.pipeline.steps[self.state.planned(step)].timeout;
                running.deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
                let attempt = running.attempt;
                let step = self.name(step).into_owned();
                self.untold.push(Event::AttemptStarted { step, attempt });
            }
            return;
        }
        // A change of a job that is not ours, or that was reported twice, means nothing.
        let Some(mut running) = self.running.remove(&handle) else { return };
        running.usage = usage;
        self.ledger.give_back(&needs(self.described(running.step)));
        match self.reports.take(&running.job) {
            Some(report) => self.end_attempt(&running, report),
            None if self.capabilities.remote => self.await_report(running, state),
            None => self.end_without_report(&running, state),
        }
    }

    /// An attempt has ended and has left no report.
    pub(super) fn end_without_report(&mut self, running: &Running, state: JobState) {
        let is_retryable = matches!(state, JobState::Lost { retryable: true, .. });
        let mut report = self.report_without(state);
        self.add_job_log(running, &mut report);
        self.end_lost(running, report, is_retryable);
    }

    /// An attempt was ended by whoever ran it.
    pub(super) fn end_lost(
        &mut self,
        running: &Running,
        report: AttemptReport,
        is_retryable: bool,
    ) {
        let is_worth_another = is_retryable
            && self.state.step(running.step).lost < MOST_LOSSES
            && self.stopping == Stopping::No;
        if !is_worth_another {
            return self.end_attempt(running, report);
        }
        let step = self.name(running.step).into_owned();
        if let Some(Failure::Host { message }) = &report.failure {
            self.warn(format!("step `{step}`: {message}; it is tried again"));
        }
        self.forget(&running.job);
        let (attempt, report) = (running.attempt, Box::new(report));
        self.untold.push(Event::AttemptEnded { step, attempt, report });
        self.state.try_again(running.step);
    }

    /// A worker that has left no report has said why where its orchestrator keeps what jobs write.
    fn add_job_log(&self, running: &Running, report: &mut AttemptReport) {
        if report.failure == Some(Failure::Cancelled) {
            return;
        }
        let Some(log) = self.job_log(running) else { return };
        if let Some(Failure::Host { message }) = &mut report.failure
            && let Some(why) = why_there_is_no_report(&log)
        {
            *message = format!("{why} ({message})");
        }
        report.log_tail = worker::tail_of(&log);
        report.outcome.log = publish_text(&*self.engine.store, log.as_bytes()).ok();
    }

    /// What a job has written, if anything, where its orchestrator keeps that.
    pub(super) fn job_log(&self, running: &Running) -> Option<String> {
        let mut log = Vec::new();
        while self.capabilities.logs
            && log.len() < MOST_OF_LOG
            && let Ok(more) = self.engine.orchestrator.logs(&running.handle, log.len() as u64)
            && !more.is_empty()
        {
            log.extend(more);
        }
        (!log.is_empty()).then(|| String::from_utf8_lossy(&log).into_owned())
    }

    /// The report of an attempt that has left none.
    pub(super) fn report_without(&self, state: JobState) -> AttemptReport {
        let failure = match state {
            JobState::Cancelled => Failure::Cancelled,
            JobState::Lost { reason, .. } => {
                Failure::Host { message: format!("it was lost: {reason}") }
            }
            JobState::Ended { exit_code } => {
                let message =
                    format!("it ended with exit code {exit_code} and without leaving its outcome");
                Failure::Host { message }
            }
            _ => Failure::Host { message: "it ended without leaving its outcome".to_owned() },
        };
        AttemptReport::of_failure(self.engine.run_name, failure)
    }

    pub(super) fn end_attempt(&mut self, running: &Running, mut report: AttemptReport) {
        let step = running.step;
        let name = self.name(step).into_owned();
        self.forget(&running.job);
        report.usage.clone_from(&running.usage);
        self.check(step, &mut report);
        let cause = running.ending.map(|ending| ending.cause);
        if cause == Some(Cause::TimedOut) && report.failure == Some(Failure::Cancelled) {
            report.failure = Some(Failure::TimedOut { message: self.told(step, cause) });
        }
        // A warning may be that its outcome is not kept.
        let is_found_again = report.failure.is_none() && report.warnings.is_empty();
        self.is_urgent |=
            !is_found_again || refusal(self.described(step), self.engine.use_cache).is_some();
        for warning in std::mem::take(&mut report.warnings) {
            self.warn(format!("step `{name}`: {warning}"));
        }
        let (failure, exit_code) = (report.failure.clone(), report.exit_code);
        if failure.is_none() {
            self.state.complete(step, StepStatus::Completed, Made::from(&report.outcome));
        }
        let (attempt, report) = (running.attempt, Box::new(report));
        self.untold.push(Event::AttemptEnded { step: name.clone(), attempt, report });
        match failure {
            None => {
                let status = StepStatus::Completed;
                self.untold.push(Event::StepEnded { step: name, status, reason: None });
            }
            Some(Failure::Cancelled) => self.cancel_step(step, cause),
            Some(Failure::DamagedInput { input, message, .. }) => {
                self.make_again(step, &input, &message);
            }
            Some(
                Failure::Command { message }
                | Failure::TimedOut { message }
                | Failure::Host { message },
            ) => {
                self.retry_or_fail(step, exit_code, message);
            }
            Some(Failure::MissingOutput { output }) => {
                let message = format!("it ended well, but did not write its output `{output}`");
                self.retry_or_fail(step, exit_code, message);
            }
        }
    }

    /// A report may come from another binary: one without an output would let what needs it run without its input.
    fn check(&self, step: usize, report: &mut AttemptReport) {
        let outputs = &report.outcome.outputs;
        let mut declared = self.described(step).outputs.iter();
        if report.failure.is_none()
            && let Some(output) = declared.find(|output| !outputs.contains_key(*output))
        {
            report.failure = Some(Failure::MissingOutput { output: output.clone() });
            report.outcome.outputs.clear();
        }
    }

    /// A step has failed for good: what needs it is skipped, and everything else goes on.
    pub(super) fn fail(&mut self, step: usize, reason: String) {
        self.state.end(step, StepStatus::Failed);
        let name = self.name(step).into_owned();
        let status = StepStatus::Failed;
        self.untold.push(Event::StepEnded { step: name, status, reason: Some(reason) });
        self.has_failed = true;
        self.skip_downstream(step, "failed");
        self.fail_fast(step);
    }

    /// Ends a step that was stopped or will not be begun.
    pub(super) fn cancel_step(&mut self, step: usize, cause: Option<Cause>) {
        self.state.end(step, StepStatus::Cancelled);
        let (name, reason) = (self.name(step).into_owned(), Some(self.told(step, cause)));
        let status = StepStatus::Cancelled;
        self.untold.push(Event::StepEnded { step: name, status, reason });
        self.has_failed |= cause.is_none();
        self.skip_downstream(step, "was cancelled");
    }

    /// Ends what cannot run without a step.
    pub(super) fn skip_downstream(&mut self, step: usize, how_it_ended: &str) {
        let reason = format!("`{}` {how_it_ended}", self.name(step));
        for skipped in self.state.skip_downstream(step) {
            let step = self.name(skipped).into_owned();
            self.untold.push(Event::StepSkipped { step, reason: reason.clone() });
        }
    }

    /// Data that a step needs is damaged or gone: the step that made it makes it again.
    pub(super) fn make_again(&mut self, step: usize, input: &str, message: &str) {
        if self.stopping != Stopping::No {
            return self.cancel_step(step, Some(Cause::Stopped));
        }
        let Some(producer) = self.state.producer(step, input) else {
            return self.fail(step, format!("{message}; the next run reads it anew from outside"));
        };
        // It was to be made again for another step already, and that failed.
        if self.state.has_ended_badly(producer) {
            return self.fail(step, message.to_owned());
        }
        if self.state.step(producer).remade >= MOST_REMAKES {
            return self
                .fail(step, format!("its input `{input}` is lost again and again: {message}"));
        }
        if self.state.remake(producer, step) {
            let made_again = self.name(producer);
            self.warn(format!("{message}; `{made_again}`, which made it, runs again"));
        }
    }
}
