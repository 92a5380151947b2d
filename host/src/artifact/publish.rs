//! From a path on disk to an artifact in a store: digested, then made visible in one step.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Map;
use sundae_plugin_api::artifact_store::{Existing, Source};
use sundae_plugin_api::{ArtifactStore, Error};

use super::digest::{OpenFile, digest_of_bytes};
use super::folder::{self, Content, Entry, What};
use super::lease::{self, Leased};
use super::several::{asked, moved};
use super::{ArtifactKind, ArtifactRef, is_executable, is_present, object_key};

/// Why something could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is nothing at the path.
    #[error("there is nothing at {}", .0.display())]
    Absent(PathBuf),
    /// It is neither a file nor a folder.
    #[error("{} is neither a file nor a folder", .0.display())]
    Unfit(PathBuf),
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store did not take it.
    #[error("the artifact store refused it: {0}")]
    Store(#[from] Error),
}

/// Publishes the file or folder at `path`, which is the store's from then on: it may be moved away.
///
/// What is not only at `path` stays where it is: the target of a link, and a file that has another name elsewhere.
/// Files are published before the manifest that names them, so a folder is visible only when it is complete.
///
/// # Errors
/// [`PublishError`]; what was published before the error stays, unreferenced.
pub fn publish(store: &dyn ArtifactStore, path: &Path) -> Result<ArtifactRef, PublishError> {
    let mut metadata = fs::symlink_metadata(path).map_err(|error| unreadable(path, error))?;
    let mut source = Source::Give;
    if metadata.is_symlink() {
        source = Source::Keep;
        metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    }
    let executable = metadata.is_file() && is_executable(&metadata);
    let (kind, (digest, size)) = if metadata.is_dir() {
        (ArtifactKind::Folder, publish_folder(store, path, source)?)
    } else if metadata.is_file() {
        (ArtifactKind::File, publish_file(store, path, &metadata, source)?)
    } else {
        // A pipe, say: reading it could take for ever.
        return Err(PublishError::Unfit(path.to_owned()));
    };
    Ok(ArtifactRef { kind, digest, size, executable, metadata: Map::new() })
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> PublishError {
    if source.kind() == io::ErrorKind::NotFound {
        PublishError::Absent(path.to_owned())
    } else {
        PublishError::Read { path: path.to_owned(), source }
    }
}

fn publish_file(
    store: &dyn ArtifactStore,
    path: &Path,
    metadata: &Metadata,
    source: Source,
) -> Result<(String, u64), PublishError> {
    let file = Digested::of(path, metadata, source)?;
    about_to_put(store, &file.digest, [file.digest.as_str()])?;
    file.put(store)?;
    Ok((file.digest, file.size))
}

/// Publishes the file at `path`, which is the store's from then on, unless the store has its content.
///
/// # Errors
/// [`PublishError`]
pub fn publish_once(store: &dyn ArtifactStore, path: &Path) -> Result<ArtifactRef, PublishError> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    let file = Digested::of(path, &metadata, Source::Give)?;
    about_to_put(store, &file.digest, [file.digest.as_str()])?;
    let artifact = ArtifactRef {
        kind: ArtifactKind::File,
        digest: file.digest.clone(),
        size: file.size,
        executable: false,
        metadata: Map::new(),
    };
    if !is_present(store, &artifact)? {
        file.put(store)?;
    }
    Ok(artifact)
}

/// A file that is about to be published.
struct Digested<'a> {
    path: &'a Path,
    digest: String,
    size: u64,
    source: Source,
}

impl<'a> Digested<'a> {
    fn of(path: &'a Path, metadata: &Metadata, source: Source) -> Result<Self, PublishError> {
        // A file with another name elsewhere is not ours to move and protect: whoever knows the other name may write to it.
        let source = if has_other_names(metadata) { Source::Keep } else { source };
        let file = match source {
            Source::Give => OpenFile::open_own(path),
            Source::Keep => OpenFile::open(path),
        };
        let digested =
            file.and_then(OpenFile::digested).map_err(|error| unreadable(path, error))?;
        Ok(Self { path, digest: digested.digest, size: digested.size, source })
    }

    fn put(&self, store: &dyn ArtifactStore) -> Result<(), Error> {
        store.put(&object_key(&self.digest)?, self.path, self.source)
    }
}

fn publish_folder(
    store: &dyn ArtifactStore,
    path: &Path,
    source: Source,
) -> Result<(String, u64), PublishError> {
    let found = folder::scan(path).map_err(|error| unreadable(path, error))?;
    let mut total = 0;
    let mut files = Vec::new();
    let mut entries = Vec::new();
    for found in &found {
        let content = match &found.what {
            What::EmptyFolder => Content::EmptyFolder,
            What::Link { target } => Content::Link { target: target.clone() },
            What::File(metadata) => {
                let file = Digested::of(&found.on_disk, metadata, source)?;
                let (digest, size) = (file.digest.clone(), file.size);
                total += size;
                files.push(file);
                Content::File { digest, size, executable: is_executable(metadata) }
            }
        };
        entries.push(Entry { path: found.path.clone(), content });
    }
    let manifest = folder::to_text(&entries).map_err(|error| unreadable(path, error.into()))?;
    let digest = digest_of_bytes(manifest.as_bytes());
    let all = files.iter().map(|file| file.digest.as_str()).chain([digest.as_str()]);
    about_to_put(store, &digest, all)?;
    moved(store, &files, |file| file.size, |file| file.put(store))?;
    store.write(
        &object_key(&digest).map_err(Error::from)?,
        manifest.as_bytes(),
        Existing::Replace,
    )?;
    Ok((digest, total))
}

/// Publishes a text as a file artifact.
///
/// # Errors
/// The store did not take it.
pub fn publish_text(store: &dyn ArtifactStore, text: &[u8]) -> Result<ArtifactRef, Error> {
    let digest = digest_of_bytes(text);
    about_to_put(store, &digest, [digest.as_str()])?;
    store.write(&object_key(&digest)?, text, Existing::Replace)?;
    Ok(ArtifactRef {
        kind: ArtifactKind::File,
        digest,
        size: text.len() as u64,
        executable: false,
        metadata: Map::new(),
    })
}

/// Makes sure that nobody removes objects, as old ones that nothing needs, just as they are put anew.
pub(super) fn about_to_put<'a>(
    store: &dyn ArtifactStore,
    id: &str,
    digests: impl IntoIterator<Item = &'a str>,
) -> Result<(), Error> {
    let digests: Vec<_> = digests.into_iter().collect();
    let old = asked(store, &digests, |digest| -> Result<_, Error> {
        let object = store.stat(&object_key(digest)?)?;
        let is_old = object.is_some_and(|object| lease::is_old_object(&object));
        Ok(is_old.then(|| Leased { kind: ArtifactKind::File, digest: (*digest).to_owned() }))
    })?;
    let old: Vec<_> = old.into_iter().flatten().collect();
    if old.is_empty() {
        // One that is not there may be one that is just being removed.
        return lease::wait_for_removals(store).map(drop);
    }
    lease::hold(store, id, old)
}

#[cfg(unix)]
fn has_other_names(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink() > 1
}

#[cfg(not(unix))]
fn has_other_names(_: &Metadata) -> bool {
    false
}
