//! A store that is asked again: what a step has made in hours is not given up because its store is away for a minute.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use sundae_plugin_api::artifact_store::{Capabilities, Existing, Object, Source};
use sundae_plugin_api::{ArtifactStore, Error, Key};

use super::Cancel;
use crate::pipeline::spoken;

/// Between two requests at first; then twice as long each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How often somebody who waits looks whether that is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// A store each of whose calls is repeated while it fails with what may pass.
///
/// Not for [`Existing::Refuse`], which a worker never asks for: a request whose answer was lost would find its own object.
#[derive(Clone, Copy)]
pub(super) struct Patient<'a> {
    pub(super) store: &'a dyn ArtifactStore,
    /// How long one call may take to succeed.
    pub(super) patience: Duration,
    /// Whoever cancels waits for nothing.
    pub(super) cancel: &'a Cancel,
    /// Hears in words that the store is waited for.
    pub(super) tell: &'a (dyn Fn(&str) + Sync),
}

impl Patient<'_> {
    fn ask<T>(&self, call: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match call() {
                Err(error) if error.is_retryable() => error,
                answer => return answer,
            };
            if began.elapsed() + pause > self.patience || self.cancel.is_requested() {
                return Err(error);
            }
            if pause == FIRST_PAUSE {
                let patience = spoken(self.patience);
                (self.tell)(&format!(
                    "the artifact store cannot be reached now: {error}; it is tried again for {patience}"
                ));
            }
            self.wait(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn wait(&self, pause: Duration) {
        let began = Instant::now();
        while began.elapsed() < pause && !self.cancel.is_requested() {
            std::thread::sleep(LOOK.min(pause));
        }
    }
}

impl ArtifactStore for Patient<'_> {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    fn check(&self) -> Result<(), Error> {
        self.ask(|| self.store.check())
    }

    fn put(&self, key: &Key, file: &Path, source: Source) -> Result<(), Error> {
        self.ask(|| self.store.put(key, file, source))
    }

    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        self.ask(|| self.store.get(key, destination))
    }

    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        self.ask(|| self.store.write(key, bytes, existing))
    }

    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        self.ask(|| self.store.read(key, range.clone()))
    }

    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        self.ask(|| self.store.stat(key))
    }

    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        self.ask(|| self.store.list(prefix, after, limit))
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.ask(|| self.store.delete(key))
    }
}
