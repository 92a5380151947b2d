//! Stopping the run of this process: by a signal, or because another process asks for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::cli::context::Context;
use crate::cli::ui::Ui;
use crate::cli::{Failure, signals};
use crate::engine::Stop;
use crate::metadata::{Requests, RunLock};

/// How often to look for what other processes ask. A look is one question about an open file.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Stops the run: the first time, steps are asked to end; the second time they are ended, and what components are about.
#[derive(Clone)]
pub(super) struct Stopper {
    ui: Ui,
    stop: Arc<Stop>,
    cancelled: Arc<AtomicBool>,
}

impl Stopper {
    pub(super) fn new(context: &Context) -> Self {
        let (stop, cancelled) = (Arc::default(), Arc::clone(&context.cancelled));
        Self { ui: context.ui, stop, cancelled }
    }

    /// Counts the requests.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Stops at the first signal, and kills at the second, until what is returned is dropped.
    ///
    /// # Errors
    /// The system has no room for it.
    pub(super) fn at_signals(&self) -> Result<signals::Heard, Failure> {
        let stopper = self.clone();
        signals::listen(move |_| stopper.ask())
    }

    /// The same for what other processes ask by the run's lock. Where the system has no room for it, nobody is heard.
    pub(super) fn at_requests(&self, lock: &RunLock) -> Listening {
        let ended = Arc::<Ended>::default();
        let (stopper, until) = (self.clone(), Arc::clone(&ended));
        let thread = lock.watch().and_then(|requests| {
            let thread = std::thread::Builder::new().name("requests".to_owned());
            thread.spawn(move || stopper.hear(&requests, &until))
        });
        Listening { ended, thread: thread.ok() }
    }

    fn hear(&self, requests: &Requests, until: &Ended) {
        let mut heard = 0;
        while !until.within(BETWEEN_LOOKS) {
            // One more than two is not worth saying.
            while heard < requests.count().min(2) {
                heard += 1;
                self.ask();
            }
        }
    }

    fn ask(&self) {
        self.stop.request();
        if self.stop.requests() == 1 {
            self.ui.say("Stopping: steps are asked to end. Once more, and they are killed.");
        } else {
            self.cancelled.store(true, Ordering::Relaxed);
            self.ui.say("Killing what still runs.");
        }
    }
}

/// Whether the run has ended.
#[derive(Default)]
struct Ended {
    has_ended: Mutex<bool>,
    change: Condvar,
}

impl Ended {
    /// Whether it ends within so long.
    fn within(&self, time: Duration) -> bool {
        let has_ended = self.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.change.wait_timeout_while(has_ended, time, |has_ended| !*has_ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Requests are heard until this is dropped.
pub(super) struct Listening {
    ended: Arc<Ended>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        *self.ended.has_ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.change.notify_all();
        if let Some(thread) = self.thread.take() {
            // It says something at most, and cannot have panicked in a way that matters now.
            drop(thread.join());
        }
    }
}
