//! Stopping a command and whatever it has started, from another thread.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
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
    /// Over which a warm server is being asked to start the command.
    call: Option<UnixStream>,
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

    /// A warm server is being asked: a request to stop ends the call.
    pub(super) fn calling(&self, call: UnixStream) {
        let mut state = self.state();
        state.call = Some(call);
        if state.requests > 0 {
            state.deliver();
        }
    }

    /// The call is over, and nothing has been started.
    pub(super) fn refused(&self) {
        self.state().call = None;
    }

    /// The command runs now, as the leader of this process group.
    pub(super) fn started(&self, group: Pid) {
        reaper::watch(group);
        self.runs_in(group);
    }

    /// The command runs now in the process of a server, which leads this process group and is watched already.
    pub(super) fn runs_in(&self, group: Pid) {
        let mut state = self.state();
        state.call = None;
        state.group = Some(group);
        if state.requests > 0 {
            state.deliver();
        }
    }

    /// The command has ended in the process of a server, which stays.
    pub(super) fn left(&self) {
        self.state().group = None;
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
        } else if let Some(call) = &self.call {
            call.shutdown(Shutdown::Both).ok();
        }
    }
}
