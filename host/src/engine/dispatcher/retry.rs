//! Another try: a step that failed waits a while, and may start again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Dispatcher, Stopping};
use crate::engine::event::{Event, StepStatus};

/// Steps that wait to be tried again, by when.
#[derive(Debug, Default)]
pub(super) struct Delayed(BTreeSet<(Instant, usize)>);

impl Delayed {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long until the first of them may start.
    pub(super) fn shortest_wait(&self) -> Option<Duration> {
        let (due, _) = self.0.first()?;
        Some(due.saturating_duration_since(Instant::now()))
    }
}

impl Dispatcher<'_> {
    /// An attempt failed by itself: the step is tried again if it is to be, else it has failed.
    pub(super) fn retry_or_fail(&mut self, step: usize, exit_code: Option<i32>, reason: String) {
        let failed = self.state.count_failure(step);
        let retry = &self.described(step).retry;
        let is_ending = self.stopping != Stopping::No || self.is_failing_fast;
        let wait = retry.wait_after(failed, exit_code).filter(|_| !is_ending);
        let Some(wait) = wait else { return self.fail(step, reason) };
        let (name, attempts) = (self.name(step).into_owned(), retry.attempts);
        let attempt = self.state.step(step).attempts;
        self.untold.push(Event::StepRetried { step: name, attempt, attempts, reason, wait });
        self.state.wait_for_retry(step);
        self.delayed.0.insert((Instant::now() + wait, step));
    }

    /// Lets those start that have waited long enough, and forgets those that have ended meanwhile.
    pub(super) fn take_up_delayed(&mut self) {
        if self.delayed.is_empty() {
            return;
        }
        let state = &self.state;
        self.delayed.0.retain(|(_, step)| state.step(*step).status == StepStatus::Waiting);
        let now = Instant::now();
        while let Some((due, step)) = self.delayed.0.first().copied()
            && due <= now
        {
            self.delayed.0.pop_first();
            self.state.may_start(step);
        }
    }
}
