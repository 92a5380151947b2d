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

/// The folder that has these artifacts as its entries. What was said of each is under `items` of what is said of the folder, in
/// the same order. The names must be sorted and no paths.
///
/// # Errors
/// A folder among them cannot be read, or the store did not take the manifest.
pub fn joined(
    store: &dyn ArtifactStore,
    entries: &[(String, ArtifactRef)],
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
    let items: Vec<Value> =
        entries.iter().map(|(_, artifact)| artifact.metadata.clone().into()).collect();
    let is_said = entries.iter().any(|(_, artifact)| !artifact.metadata.is_empty());
    let mut metadata = Map::new();
    if is_said {
        metadata.insert("items".to_owned(), items.into());
    }
    Ok(ArtifactRef { metadata, ..written(store, &lines, size)? })
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

/// The entries of a folder, each as an artifact, by name and in the order of the names.
///
/// # Errors
/// The folder cannot be read, an entry of it is a link, or the store did not take the manifest of a folder in it.
pub fn entries(
    store: &dyn ArtifactStore,
    folder: &ArtifactRef,
) -> Result<Vec<(String, ArtifactRef)>, FetchError> {
    let lines = manifest(store, &folder.digest)?;
    let mut entries: Vec<(String, ArtifactRef)> = Vec::new();
    let mut lines = lines.into_iter().peekable();
    while let Some(line) = lines.next() {
        let Some((name, rest)) = line.path.split_once('/') else {
            entries.push((line.path.clone(), entry(store, &line)?));
            continue;
        };
        let (name, first) = (name.to_owned(), Entry { path: rest.to_owned(), ..line.clone() });
        let mut inner = vec![first];
        let prefix = format!("{name}/");
        while let Some(next) = lines.next_if(|next| next.path.starts_with(&prefix)) {
            inner.push(Entry { path: next.path[prefix.len()..].to_owned(), ..next });
        }
        let size = inner.iter().map(|line| size_of(&line.content)).sum();
        entries.push((name, written(store, &inner, size)?));
    }
    Ok(entries)
}

fn entry(store: &dyn ArtifactStore, line: &Entry) -> Result<ArtifactRef, FetchError> {
    match &line.content {
        Content::File { digest, size, executable } => Ok(ArtifactRef {
            kind: ArtifactKind::File,
            digest: digest.clone(),
            size: *size,
            executable: *executable,
            metadata: Map::new(),
        }),
        Content::EmptyFolder => written(store, &[], 0),
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

fn written(
    store: &dyn ArtifactStore,
    lines: &[Entry],
    size: u64,
) -> Result<ArtifactRef, FetchError> {
    let text = folder::to_text(lines).map_err(|error| Error::other(error.to_string()))?;
    let digest = digest_of_bytes(text.as_bytes());
    let key = object_key(&digest).map_err(Error::from)?;
    about_to_put(store, &digest, [digest.as_str()])?;
    store.write(&key, text.as_bytes(), Existing::Replace)?;
    let kind = ArtifactKind::Folder;
    Ok(ArtifactRef { kind, digest, size, executable: false, metadata: Map::new() })
}
