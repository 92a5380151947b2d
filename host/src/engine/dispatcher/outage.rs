//! The artifact store is away: nothing new is begun, and it is asked again, for as long as the run is patient.

use std::time::{Duration, Instant};

use sundae_plugin_api::Error;

use super::Dispatcher;
use crate::pipeline::spoken;

/// Between two requests. Whoever asks has been patient already, by the means of the store.
const PAUSE: Duration = Duration::from_secs(2);

/// A store that did not answer when it was asked last.
#[derive(Debug)]
pub(super) struct Outage {
    since: Instant,
    next: Instant,
}

/// Why something that needs the artifact store was not done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// In words.
    Final(String),
    /// The store is away.
    Away(Error),
}

impl Trouble {
    /// An error of the store; `what` could not be done.
    pub(super) fn of_store(what: &str, error: Error) -> Self {
        if error.is_retryable() {
            Self::Away(error)
        } else {
            Self::Final(format!("{what}: {error}"))
        }
    }
}

impl From<String> for Trouble {
    fn from(message: String) -> Self {
        Self::Final(message)
    }
}

impl Dispatcher<'_> {
    /// Whether the store is not to be asked now.
    pub(super) fn store_is_away(&self) -> bool {
        self.outage.as_ref().is_some_and(|outage| Instant::now() < outage.next)
    }

    /// The store has answered.
    pub(super) fn store_answers(&mut self) {
        self.outage = None;
    }

    /// Where nobody asks the store any more, nothing is known of it: an outage that comes later is another one.
    pub(super) fn forget_outage(&mut self) {
        if !self.store_is_away() && !self.needs_store() {
            self.outage = None;
        }
    }

    /// Whether there is something for which the store is to be asked.
    fn needs_store(&self) -> bool {
        let has_work = self.state.has_ready() || self.state.has_complete();
        has_work || !self.queue.is_empty() || !self.late.is_empty()
    }

    /// What was to be done must wait for the store.
    ///
    /// # Errors
    /// It was waited for long enough; in words.
    pub(super) fn wait_for_store(&mut self, error: &Error) -> Result<(), String> {
        let (now, patience) = (Instant::now(), self.engine.patience);
        let since = self.outage.as_ref().map_or(now, |outage| outage.since);
        if now.duration_since(since) >= patience {
            return Err(format!("the artifact store could not be asked: {error}"));
        }
        if self.outage.is_none() {
            let patience = spoken(patience);
            self.warn(format!(
                "the artifact store cannot be asked now: {error}; it is asked again for {patience}"
            ));
        }
        self.outage = Some(Outage { since, next: now + PAUSE.min(patience) });
        Ok(())
    }

    /// What stood in the way of a step that has not begun: it waits, or has failed.
    pub(super) fn meet(&mut self, step: usize, trouble: Trouble) {
        let message = match trouble {
            Trouble::Final(message) => message,
            Trouble::Away(error) => match self.wait_for_store(&error) {
                Ok(()) => return self.state.may_start(step),
                Err(message) => message,
            },
        };
        self.fail(step, message);
    }
}
