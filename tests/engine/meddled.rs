//! The real local flavors, with somebody in between who meddles with what is said.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use sundae_local_artifact_store::LocalArtifactStore;
use sundae_local_orchestrator::LocalOrchestrator;
use sundae_plugin_api::artifact_store::{self, ArtifactStore, Existing, Object, Source};
use sundae_plugin_api::orchestrator::{Capabilities, Change, Handle, Job, Orchestrator};
use sundae_plugin_api::{Error, Key};

use super::support;

type OnSubmit = dyn Fn(&Job) -> Result<(), Error> + Send + Sync;
type OnWait = dyn Fn(Vec<Change>) -> Result<Vec<Change>, Error> + Send + Sync;
type OnCancel = dyn Fn(&Handle) -> Result<bool, Error> + Send + Sync;

/// The local orchestrator, meddled with.
pub(crate) struct Meddled {
    inner: LocalOrchestrator,
    pub(crate) capabilities: Capabilities,
    /// May refuse a job.
    pub(crate) on_submit: Box<OnSubmit>,
    /// May change what is reported.
    pub(crate) on_wait: Box<OnWait>,
    /// Whether a request to cancel is passed on.
    pub(crate) on_cancel: Box<OnCancel>,
}

impl Meddled {
    pub(crate) fn new(parallelism: u32) -> Self {
        let inner = support::orchestrator(parallelism);
        Self {
            capabilities: inner.capabilities(),
            inner,
            on_submit: Box::new(|_| Ok(())),
            on_wait: Box::new(Ok),
            on_cancel: Box::new(|_| Ok(true)),
        }
    }
}

impl Orchestrator for Meddled {
    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }
    fn submit(&self, job: Job) -> Result<Handle, Error> {
        (self.on_submit)(&job)?;
        self.inner.submit(job)
    }
    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        (self.on_wait)(self.inner.wait(timeout)?)
    }
    fn cancel(&self, handle: &Handle) -> Result<(), Error> {
        if (self.on_cancel)(handle)? { self.inner.cancel(handle) } else { Ok(()) }
    }
}

/// What a store is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Put,
    Get,
    Write,
    Read,
    Stat,
    Delete,
}

type Before = dyn Fn(Call, &Key) -> Result<(), Error> + Send + Sync;

/// The local store, which first asks somebody else whether it may.
pub(crate) struct MeddledStore {
    inner: LocalArtifactStore,
    pub(crate) capabilities: artifact_store::Capabilities,
    before: Box<Before>,
}

impl MeddledStore {
    /// A store in this folder.
    pub(crate) fn new(
        folder: &Path,
        before: impl Fn(Call, &Key) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        let inner = support::store(folder);
        Self { capabilities: inner.capabilities(), inner, before: Box::new(before) }
    }
}

impl ArtifactStore for MeddledStore {
    fn capabilities(&self) -> artifact_store::Capabilities {
        self.capabilities.clone()
    }
    fn put(&self, key: &Key, file: &Path, source: Source) -> Result<(), Error> {
        (self.before)(Call::Put, key)?;
        self.inner.put(key, file, source)
    }
    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        (self.before)(Call::Get, key)?;
        self.inner.get(key, destination)
    }
    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        (self.before)(Call::Write, key)?;
        self.inner.write(key, bytes, existing)
    }
    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        (self.before)(Call::Read, key)?;
        self.inner.read(key, range)
    }
    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        (self.before)(Call::Stat, key)?;
        self.inner.stat(key)
    }
    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        self.inner.list(prefix, after, limit)
    }
    fn delete(&self, key: &Key) -> Result<(), Error> {
        (self.before)(Call::Delete, key)?;
        self.inner.delete(key)
    }
}
