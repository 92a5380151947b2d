//! Folders taken apart and put together by their manifests: no byte of a file is copied.

use sundae_plugin_api::ArtifactStore;
use sundae_plugin_api::Error;
use sundae_plugin_api::artifact_store::Existing;

use super::digest::digest_of_bytes;
use super::fetch::manifest;
use super::folder::{self, Content, Entry};
use super::publish::about_to_put;
use super::{ArtifactKind, ArtifactRef, FetchError, object_key};
use serde_json::{Map, Value};

/// Where what is said of the entries of a folder stands in what is said of the folder: a table by their names.
const ITEMS: &str = "items";

/// Whether the manifests of new folders are put into the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manifests {
    /// They are: the folders can be fetched.
    Put,
    /// They are not: only to tell what the folders would be.
    Foretold,
}

/// The folder that has these artifacts as its entries. What was said of each is under `items` of what is said of the folder, by
/// name. The names must be no paths.
///
/// # Errors
/// A folder among them cannot be read, or the store did not take the manifest.
pub fn joined(
    store: &dyn ArtifactStore,
    entries: &[(String, ArtifactRef)],
    manifests: Manifests,
) -> Result<ArtifactRef, FetchError> {
    let mut lines = Vec::with_capacity(entries.len());
    let mut size = 0;
    for (name, artifact) in entries {
        size += artifact.size;
        match artifact.kind {
            ArtifactKind::File => {
                let ArtifactRef { digest, size, executable, .. } = artifact.clone();
                let content = Content::File { digest, size, executable };
                lines.push(Entry { path: name.clone(), content });
            }
            ArtifactKind::Folder => lines.extend(below(store, name, &artifact.digest)?),
        }
    }
    lines.sort_by(|a, b| a.path.cmp(&b.path));
    let said = entries.iter().filter(|(_, artifact)| !artifact.metadata.is_empty());
    let items: Map<String, Value> =
        said.map(|(name, artifact)| (name.clone(), artifact.metadata.clone().into())).collect();
    let mut metadata = Map::new();
    if !items.is_empty() {
        metadata.insert(ITEMS.to_owned(), items.into());
    }
    Ok(ArtifactRef { metadata, ..made(store, &lines, size, manifests)? })
}

fn below(store: &dyn ArtifactStore, name: &str, digest: &str) -> Result<Vec<Entry>, FetchError> {
    let mut lines = manifest(store, digest)?;
    if lines.is_empty() {
        return Ok(vec![Entry { path: name.to_owned(), content: Content::EmptyFolder }]);
    }
    for line in &mut lines {
        line.path = format!("{name}/{}", line.path);
    }
    Ok(lines)
}

/// The entries of a folder, each as an artifact, by name and in the order of the names. What [`joined`] has kept of what was said
/// of them is said again.
///
/// # Errors
/// The folder cannot be read, an entry of it is a link, or the store did not take the manifest of a folder in it.
pub fn entries(
    store: &dyn ArtifactStore,
    folder: &ArtifactRef,
    manifests: Manifests,
) -> Result<Vec<(String, ArtifactRef)>, FetchError> {
    let lines = manifest(store, &folder.digest)?;
    let mut entries: Vec<(String, ArtifactRef)> = Vec::new();
    let mut lines = lines.into_iter().peekable();
    while let Some(line) = lines.next() {
        let Some((name, rest)) = line.path.split_once('/') else {
            entries.push((line.path.clone(), entry(store, &line, manifests)?));
            continue;
        };
        let (name, first) = (name.to_owned(), Entry { path: rest.to_owned(), ..line.clone() });
        let mut inner = vec![first];
        let prefix = format!("{name}/");
        while let Some(next) = lines.next_if(|next| next.path.starts_with(&prefix)) {
            inner.push(Entry { path: next.path[prefix.len()..].to_owned(), ..next });
        }
        let size = inner.iter().map(|line| size_of(&line.content)).sum();
        entries.push((name, made(store, &inner, size, manifests)?));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let said = folder.metadata.get(ITEMS).and_then(Value::as_object);
    for (name, artifact) in &mut entries {
        if let Some(Value::Object(said)) = said.and_then(|said| said.get(name)) {
            artifact.metadata.clone_from(said);
        }
    }
    Ok(entries)
}

fn entry(
    store: &dyn ArtifactStore,
    line: &Entry,
    manifests: Manifests,
) -> Result<ArtifactRef, FetchError> {
    match &line.content {
        Content::File { digest, size, executable } => Ok(ArtifactRef {
            kind: ArtifactKind::File,
            digest: digest.clone(),
            size: *size,
            executable: *executable,
            metadata: Map::new(),
        }),
        Content::EmptyFolder => made(store, &[], 0, manifests),
        Content::Link { target } => {
            let (path, target) = (&line.path, target);
            let message = format!("`{path}` is a link to `{target}`, and no artifact of its own");
            Err(FetchError::Store(Error::other(message)))
        }
    }
}

fn size_of(content: &Content) -> u64 {
    match content {
        Content::File { size, .. } => *size,
        _ => 0,
    }
}

fn made(
    store: &dyn ArtifactStore,
    lines: &[Entry],
    size: u64,
    manifests: Manifests,
) -> Result<ArtifactRef, FetchError> {
    let text = folder::to_text(lines).map_err(|error| Error::other(error.to_string()))?;
    let digest = digest_of_bytes(text.as_bytes());
    if manifests == Manifests::Put {
        let key = object_key(&digest).map_err(Error::from)?;
        about_to_put(store, &digest, [digest.as_str()])?;
        store.write(&key, text.as_bytes(), Existing::Replace)?;
    }
    let kind = ArtifactKind::Folder;
    Ok(ArtifactRef { kind, digest, size, executable: false, metadata: Map::new() })
}
