//! Stopping: the first request asks steps to end, the second ends them, and so does the end of patience.

use std::time::Instant;

use sundae_plugin_api::orchestrator::{Change, JobState};

use super::Dispatcher;

/// How far stopping has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stopping {
    No,
    Asked {
        since: Instant,
    },
    Forced {
        since: Instant,
    },
    /// What has not ended by now is left alone.
    GivenUp,
}

impl Dispatcher<'_> {
    pub(super) fn hear_stop(&mut self) {
        let requests = self.engine.stop.requests();
        let (now, grace) = (Instant::now(), self.engine.grace);
        match self.stopping {
            Stopping::No if requests > 0 => {
                self.stopping = Stopping::Asked { since: now };
                self.cancel_running();
                self.cancel_waiting();
            }
            Stopping::Asked { since } if requests > 1 || now - since >= grace => {
                self.stopping = Stopping::Forced { since: now };
                self.cancel_running();
            }
            Stopping::Forced { since } if now - since >= grace => {
                self.stopping = Stopping::GivenUp;
                self.give_up_running();
            }
            _ => {}
        }
    }

    fn give_up_running(&mut self) {
        let handles: Vec<_> = self.running.keys().cloned().collect();
        for handle in handles {
            if let Some(running) = self.running.get(&handle) {
                let step = self.name(running.step);
                self.warn(format!("step `{step}` did not end when it was stopped, and may go on"));
            }
            self.apply(Change { handle, state: JobState::Cancelled });
        }
    }

    fn cancel_running(&mut self) {
        let orchestrator = self.engine.orchestrator;
        let running = self.running.iter();
        let refused = running.filter_map(|(handle, running)| {
            Some((running.step, orchestrator.cancel(handle).err()?))
        });
        for (step, error) in refused.collect::<Vec<_>>() {
            let step = self.name(step);
            self.warn(format!("step `{step}` may go on, since it cannot be stopped: {error}"));
        }
    }

    fn cancel_waiting(&mut self) {
        self.queue.clear();
        for step in self.state.waiting() {
            self.cancel_step(step);
        }
    }

    /// Nobody listens any more: ends what runs, and waits for it, so that nothing is left behind.
    pub(super) fn stop_everything(&mut self) {
        if self.stopping == Stopping::No {
            self.stopping = Stopping::Asked { since: Instant::now() };
            self.cancel_running();
            self.cancel_waiting();
        }
        while !self.running.is_empty() {
            self.hear_orchestrator();
            self.hear_stop();
            self.untold.clear();
        }
    }
}
