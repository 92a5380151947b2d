//! Which objects are needed by what is kept: artifacts, and what the manifests of folders name.

use std::collections::HashSet;

use serde_json::Value;
use sundae_plugin_api::{ArtifactStore, ErrorKind, Key};

use super::parallel::in_parallel;
use super::{Digest, KeepingError, Progress};
use crate::artifact::lease::{self, Leased};
use crate::artifact::{ArtifactKind, FetchError, objects_of, outcome_key};

/// Objects by their digests, and which of them are manifests of folders.
#[derive(Debug, Default)]
pub struct Reach {
    /// All that are needed.
    pub objects: HashSet<Digest>,
    /// Those that may name others.
    pub folders: HashSet<Digest>,
}

impl Reach {
    /// Adds an artifact. What is no digest is in no store.
    pub fn add(&mut self, kind: ArtifactKind, digest: &str) {
        let Some(digest) = Digest::parse(digest) else { return };
        self.objects.insert(digest);
        if kind == ArtifactKind::Folder {
            self.folders.insert(digest);
        }
    }

    /// Adds all artifacts that an outcome names: in whatever place, as another version may know of more places.
    pub(super) fn add_named(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.add_named(item)),
            Value::Object(map) => {
                if let Some(digest) = map.get("digest").and_then(Value::as_str) {
                    let is_folder = map.get("kind").is_some_and(|kind| kind == "folder");
                    self.add(
                        if is_folder { ArtifactKind::Folder } else { ArtifactKind::File },
                        digest,
                    );
                }
                map.values().for_each(|value| self.add_named(value));
            }
            _ => {}
        }
    }

    /// Adds what another one has.
    pub fn extend(&mut self, other: Self) {
        self.objects.extend(other.objects);
        self.folders.extend(other.folders);
    }
}

/// The objects that the manifests of folders name: one list for each folder whose manifest is there and whole.
///
/// # Errors
/// The store could not be asked.
pub fn expand(
    store: &dyn ArtifactStore,
    folders: &[Digest],
    progress: &Progress,
) -> Result<Vec<(Digest, Vec<Digest>)>, KeepingError> {
    let lists = in_parallel(folders, progress, |folder| {
        progress.add(1, 0);
        match objects_of(store, &folder.to_string()) {
            Ok(objects) => {
                let digests = objects.iter().filter_map(|(digest, _)| Digest::parse(digest));
                Ok(Some((*folder, digests.collect())))
            }
            Err(FetchError::Store(error)) => Err(error.into()),
            // A folder without its manifest is lost; what it named is needed no longer for its sake.
            Err(_) => Ok(None),
        }
    })?;
    Ok(lists.into_iter().flatten().collect())
}

/// What outcomes need, folders not yet expanded.
pub(super) fn of_outcomes(
    store: &dyn ArtifactStore,
    keys: &[Digest],
    progress: &Progress,
) -> Result<Reach, KeepingError> {
    progress.begin("reading outcomes", keys.len());
    let parts = in_parallel(keys, progress, |key| {
        progress.add(1, 0);
        Ok(of_outcome(store, key)?.unwrap_or_default())
    })?;
    let mut all = Reach::default();
    parts.into_iter().for_each(|(_, part)| all.extend(part));
    Ok(all)
}

/// The name of the run that an outcome is of, and what it needs, folders not yet expanded; `None` if it has gone.
pub(super) fn of_outcome(
    store: &dyn ArtifactStore,
    key: &Digest,
) -> Result<Option<(String, Reach)>, KeepingError> {
    let Some(value) = outcome(store, key)? else { return Ok(None) };
    let run = value.get("run").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut reach = Reach::default();
    reach.add_named(&value);
    Ok(Some((run, reach)))
}

fn outcome(store: &dyn ArtifactStore, key: &Digest) -> Result<Option<Value>, KeepingError> {
    let key = outcome_key(&key.to_string()).map_err(sundae_plugin_api::Error::from)?;
    match store.read(&key, None) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| KeepingError::Unreadable { key, reason: error.to_string() }),
        // Somebody has removed it since it was listed.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What leases name, folders expanded.
pub(super) fn of_leases(
    store: &dyn ArtifactStore,
    leases: &[Key],
    progress: &Progress,
) -> Result<Reach, KeepingError> {
    let named = in_parallel(leases, progress, |key| {
        lease::read(store, key).map_err(|error| match error.kind() {
            ErrorKind::Other => {
                KeepingError::Unreadable { key: key.clone(), reason: error.to_string() }
            }
            _ => error.into(),
        })
    })?;
    let mut reach = Reach::default();
    for Leased { kind, digest } in named.into_iter().flatten() {
        reach.add(kind, &digest);
    }
    reach.expand(store, progress)?;
    Ok(reach)
}

impl Reach {
    /// Adds what the manifests of the folders name.
    pub(super) fn expand(
        &mut self,
        store: &dyn ArtifactStore,
        progress: &Progress,
    ) -> Result<(), KeepingError> {
        let folders: Vec<_> = self.folders.iter().copied().collect();
        for (_, objects) in expand(store, &folders, progress)? {
            self.objects.extend(objects);
        }
        Ok(())
    }
}
