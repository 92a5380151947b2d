//! Stopping: of the whole run when somebody asks for it, of what runs when a step failed or takes too long.
//!
//! An attempt that is to end is asked first (it may write a checkpoint), ended when it has had its grace, and left alone
//! when even that does not help.

use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::{Change, Handle, JobState};

use super::Dispatcher;
use crate::engine::event::{Event, StepStatus};
use crate::pipeline::{FailurePolicy, Trigger, spoken};

/// Times are looked at no more often: with thousands of attempts under way, each look costs something.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Whether the whole run is to end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stopping {
    No,
    /// Steps are asked to end; those that run always still run.
    Asked {
        since: Instant,
    },
    /// Everything ends now.
    Forced,
}

/// Why an attempt is to end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cause {
    /// The whole run is.
    Stopped,
    /// Another step failed.
    FailFast,
    /// It takes too long.
    TimedOut,
}

/// How far the end of an attempt has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) cause: Cause,
    /// When it was asked, or then ended.
    since: Instant,
    is_forced: bool,
}

impl Dispatcher<'_> {
    pub(super) fn hear_stop(&mut self) {
        let requests = self.engine.stop.requests();
        if self.stopping == Stopping::No && (requests > 0 || self.is_overdue()) {
            self.has_timed_out = requests == 0;
            self.stopping = Stopping::Asked { since: Instant::now() };
            self.ask_running(Cause::Stopped, |trigger| trigger != Trigger::Always);
            self.cancel_waiting(|trigger| trigger != Trigger::Always);
        }
        if matches!(self.stopping, Stopping::Asked { .. }) && requests > 1 {
            self.force_everything();
        }
        self.look_at_times();
    }

    /// Whether the run takes longer than it may.
    fn is_overdue(&self) -> bool {
        self.engine.pipeline.timeout.is_some_and(|timeout| self.began.elapsed() >= timeout)
    }

    /// Whether what comes late need not be waited for any longer.
    pub(super) fn is_out_of_patience(&self) -> bool {
        match self.stopping {
            Stopping::No => false,
            Stopping::Asked { since } => since.elapsed() >= self.engine.grace,
            Stopping::Forced => true,
        }
    }

    pub(super) fn force_everything(&mut self) {
        self.stopping = Stopping::Forced;
        self.ask_running(Cause::Stopped, |_| true);
        self.cancel_waiting(|_| true);
        for handle in self.handles(|ending| ending.is_some_and(|ending| !ending.is_forced)) {
            self.force(&handle);
        }
    }

    /// A step failed for good, and the pipeline wants nothing else to be begun then.
    pub(super) fn fail_fast(&mut self, failed: usize) {
        if self.engine.pipeline.failure_policy != FailurePolicy::FailFast || self.is_failing_fast {
            return;
        }
        self.is_failing_fast = true;
        self.take_what_is_done_unseen();
        self.ask_running(Cause::FailFast, |trigger| trigger == Trigger::OnSuccess);
        let reason = format!("`{}` failed, and the pipeline fails fast", self.name(failed));
        let waiting = self.waiting(|trigger| trigger == Trigger::OnSuccess);
        for step in &waiting {
            self.state.end(*step, StepStatus::Skipped);
        }
        for step in waiting {
            let name = self.name(step).into_owned();
            self.untold.push(Event::StepSkipped { step: name, reason: reason.clone() });
            self.skip_downstream(step, "was skipped");
        }
    }

    /// Ends what has run out of time: first politely, then for certain.
    fn look_at_times(&mut self) {
        if self.looked_at_times.elapsed() < BETWEEN_LOOKS {
            return;
        }
        self.looked_at_times = Instant::now();
        let (now, grace) = (self.looked_at_times, self.engine.grace);
        let late = self.running.iter().filter(|(_, running)| {
            running.ending.is_none() && running.deadline.is_some_and(|deadline| deadline <= now)
        });
        for handle in late.map(|(handle, _)| handle.clone()).collect::<Vec<_>>() {
            self.ask(&handle, Cause::TimedOut);
        }
        let is_due = |ending: &Ending| now.saturating_duration_since(ending.since) >= grace;
        for handle in self.handles(|ending| ending.as_ref().is_some_and(is_due)) {
            let ending = self.running.get(&handle).and_then(|running| running.ending);
            match ending {
                Some(Ending { is_forced: false, .. }) => self.force(&handle),
                Some(_) => self.give_up(handle),
                None => {}
            }
        }
    }

    fn handles(&self, is_meant: impl Fn(&Option<Ending>) -> bool) -> Vec<Handle> {
        let meant = self.running.iter().filter(|(_, running)| is_meant(&running.ending));
        meant.map(|(handle, _)| handle.clone()).collect()
    }

    /// Asks all attempts of steps with such a trigger to end.
    fn ask_running(&mut self, cause: Cause, is_meant: impl Fn(Trigger) -> bool) {
        let meant = self.running.iter().filter(|(_, running)| {
            running.ending.is_none() && is_meant(self.described(running.step).trigger)
        });
        for handle in meant.map(|(handle, _)| handle.clone()).collect::<Vec<_>>() {
            self.ask(&handle, cause);
        }
    }

    fn ask(&mut self, handle: &Handle, cause: Cause) {
        let Some(running) = self.running.get_mut(handle) else { return };
        running.ending = Some(Ending { cause, since: Instant::now(), is_forced: false });
        self.cancel_job(handle);
    }

    fn force(&mut self, handle: &Handle) {
        let Some(running) = self.running.get_mut(handle) else { return };
        if let Some(ending) = &mut running.ending {
            (ending.since, ending.is_forced) = (Instant::now(), true);
        }
        self.cancel_job(handle);
    }

    fn cancel_job(&mut self, handle: &Handle) {
        if let Err(error) = self.engine.orchestrator.cancel(handle)
            && let Some(running) = self.running.get(handle)
        {
            let step = self.name(running.step);
            self.warn(format!("step `{step}` may go on, since it cannot be stopped: {error}"));
        }
    }

    fn give_up(&mut self, handle: Handle) {
        if let Some(running) = self.running.get(&handle) {
            let step = self.name(running.step);
            self.warn(format!("step `{step}` did not end when it was stopped, and may go on"));
        }
        self.apply(Change::new(handle, JobState::Cancelled));
    }

    /// The steps with such a trigger that have not begun.
    fn waiting(&self, is_meant: impl Fn(Trigger) -> bool) -> Vec<usize> {
        let mut waiting = self.state.waiting();
        waiting.retain(|step| is_meant(self.described(*step).trigger));
        waiting
    }

    fn cancel_waiting(&mut self, is_meant: impl Fn(Trigger) -> bool) {
        self.take_what_is_done_unseen();
        let waiting = self.waiting(&is_meant);
        // All of them first: none is to be called skipped because another was cancelled.
        for step in &waiting {
            self.state.end(*step, StepStatus::Cancelled);
        }
        for step in waiting {
            self.cancel_step(step, Some(Cause::Stopped));
        }
    }

    /// Why an attempt was stopped, for people.
    pub(super) fn told(&self, step: usize, cause: Option<Cause>) -> String {
        match cause {
            Some(Cause::Stopped) if self.has_timed_out => "the run took too long".to_owned(),
            Some(Cause::Stopped) => "the run was stopped".to_owned(),
            Some(Cause::FailFast) => "another step failed, and the pipeline fails fast".to_owned(),
            Some(Cause::TimedOut) => {
                let timeout = self.described(step).timeout.unwrap_or_default();
                format!("it took longer than its timeout of {}", spoken(timeout))
            }
            None => "its job was cancelled".to_owned(),
        }
    }

    /// Nobody listens any more: ends what runs, and waits for it, so that nothing is left behind.
    pub(super) fn stop_everything(&mut self) {
        if self.stopping == Stopping::No {
            self.stopping = Stopping::Asked { since: Instant::now() };
            self.ask_running(Cause::Stopped, |_| true);
            self.cancel_waiting(|_| true);
        }
        while !self.running.is_empty() {
            self.hear_orchestrator();
            self.hear_stop();
            self.untold.clear();
        }
    }
}
