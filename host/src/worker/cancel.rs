//! Stopping a command and whatever it has started, from another thread.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

use super::reaper;

/// A request to stop, which may come before, while and after the command runs.
#[derive(Debug, Default)]
pub struct Cancel(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    requests: u32,
    group: Option<Pid>,
}

impl Cancel {
    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one statement, so a thread that panicked has left nothing half-done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the command to stop (SIGTERM); a second request stops it at once (SIGKILL).
    pub fn request(&self) {
        let mut state = self.state();
        state.requests += 1;
        state.deliver();
    }

    /// Whether stopping was asked for.
    pub fn is_requested(&self) -> bool {
        self.state().requests > 0
    }

    /// The command runs now, as the leader of this process group.
    pub(super) fn started(&self, group: Pid) {
        reaper::watch(group);
        let mut state = self.state();
        state.group = Some(group);
        if state.requests > 0 {
            state.deliver();
        }
    }

    /// The command has ended, and is not reaped yet, so that its number cannot be another's: ends what it left running.
    pub(super) fn ended(&self) {
        if let Some(group) = self.state().group.take() {
            // It is well if nobody is left.
            kill_process_group(group, Signal::KILL).ok();
            reaper::forget(group);
        }
    }
}

impl State {
    fn deliver(&self) {
        let signal = if self.requests > 1 { Signal::KILL } else { Signal::TERM };
        if let Some(group) = self.group {
            kill_process_group(group, signal).ok();
        }
    }
}
