//! How far long work has come, for whoever shows it; and the request to stop it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::KeepingError;

/// How far the work has come. Shared between threads.
#[derive(Debug, Default)]
pub struct Progress {
    doing: Mutex<String>,
    done: AtomicU64,
    all: AtomicU64,
    bytes: AtomicU64,
    /// Set when the work shall stop.
    cancelled: Arc<AtomicBool>,
}

impl Progress {
    /// One for work that stops when `cancelled` is set.
    #[must_use]
    pub fn new(cancelled: Arc<AtomicBool>) -> Self {
        Self { cancelled, ..Self::default() }
    }

    /// Begins something else: so many parts, or 0 if that is not known.
    pub(super) fn begin(&self, doing: &str, all: usize) {
        doing.clone_into(&mut self.doing.lock().unwrap_or_else(PoisonError::into_inner));
        self.done.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.all.store(all as u64, Ordering::Relaxed);
    }

    /// Some more parts are done, with so many bytes.
    pub(super) fn add(&self, parts: u64, bytes: u64) {
        self.done.fetch_add(parts, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// # Errors
    /// Somebody has asked to stop.
    pub(super) fn go_on(&self) -> Result<(), KeepingError> {
        if self.cancelled.load(Ordering::Relaxed) { Err(KeepingError::Stopped) } else { Ok(()) }
    }

    /// What is being done, how many parts of how many are done (0 if that is not known), and how many bytes.
    #[must_use]
    pub fn now(&self) -> (String, u64, u64, u64) {
        let doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (doing, read(&self.done), read(&self.all), read(&self.bytes))
    }
}
