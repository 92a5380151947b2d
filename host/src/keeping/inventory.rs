//! What is in a store, as far as it is ours: by name, size and time, without reading any of it.

use sundae_plugin_api::artifact_store::Object;
use sundae_plugin_api::{ArtifactStore, Key};

use super::{Digest, KeepingError, Progress};
use crate::artifact::digits_in;

/// Objects a page of a listing: few questions, and little memory.
const PAGE: usize = 10_000;

/// An object, or an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The digest of an object, the cache key of an outcome.
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    /// When it became visible, in milliseconds since 1970.
    pub modified_ms: u64,
}

/// What is in a store. What is in it beside this is not ours to know.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Files, manifests, logs.
    pub objects: Vec<Stored>,
    /// Outcomes of steps.
    pub outcomes: Vec<Stored>,
    /// What runs have held.
    pub leases: Vec<Object>,
    /// What workers elsewhere were told, and have answered.
    pub attempts: Vec<Object>,
    /// Announcements of removals.
    pub removals: Vec<Object>,
}

impl Inventory {
    /// Lists a store.
    ///
    /// # Errors
    /// It could not be asked.
    pub fn read(store: &dyn ArtifactStore, progress: &Progress) -> Result<Self, KeepingError> {
        progress.begin("listing", 0);
        // What is relied on is listed before what may go: an outcome that is written meanwhile is of young objects.
        Ok(Self {
            leases: plain(store, "leases/", progress)?,
            removals: plain(store, "removals/", progress)?,
            attempts: plain(store, "attempts/", progress)?,
            outcomes: named(store, "outcomes", progress)?,
            objects: named(store, "objects", progress)?,
        })
    }
}

fn named(
    store: &dyn ArtifactStore,
    folder: &str,
    progress: &Progress,
) -> Result<Vec<Stored>, KeepingError> {
    let mut all = Vec::new();
    each(store, &format!("{folder}/"), progress, |object| {
        let digest = digits_in(folder, &object.key).and_then(|digits| Digest::parse(&digits));
        let stored = |digest| Stored { digest, size: object.size, modified_ms: object.modified_ms };
        all.extend(digest.map(stored));
    })?;
    Ok(all)
}

/// The objects whose keys start so.
pub(super) fn plain(
    store: &dyn ArtifactStore,
    prefix: &str,
    progress: &Progress,
) -> Result<Vec<Object>, KeepingError> {
    let mut all = Vec::new();
    each(store, prefix, progress, |object| all.push(object))?;
    Ok(all)
}

fn each(
    store: &dyn ArtifactStore,
    prefix: &str,
    progress: &Progress,
    mut visit: impl FnMut(Object),
) -> Result<(), KeepingError> {
    let mut after: Option<Key> = None;
    loop {
        progress.go_on()?;
        let page = store.list(prefix, after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.clone());
        progress.add(page.len() as u64, 0);
        page.into_iter().for_each(&mut visit);
    }
}
