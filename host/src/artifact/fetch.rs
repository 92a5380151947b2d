//! From an artifact in a store to a path on disk, verified.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sundae_plugin_api::{ArtifactStore, Error, ErrorKind};

use super::digest::{OpenFile, digest_of_bytes};
use super::folder::{self, Content};
use super::several::{asked, moved};
use super::{ArtifactKind, ArtifactRef, Stamp, make_executable, object_key};

/// Why an artifact could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The store does not have it (any more).
    #[error("the object {digest} is not in the artifact store")]
    Missing {
        /// Of the file, or of the file in the folder, that is missing.
        digest: String,
    },
    /// What the store has is not what was put there. It has been removed, so that it can be made again.
    #[error("the object {digest} in the artifact store is damaged: {found}")]
    Damaged {
        /// What it should be.
        digest: String,
        /// What is wrong.
        found: String,
    },
    /// The store could not be asked.
    #[error(transparent)]
    Store(#[from] Error),
    /// The destination could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FetchError {
    /// The digest of the object that is damaged or gone, if that is the matter.
    #[must_use]
    pub fn lost_object(&self) -> Option<&str> {
        match self {
            Self::Missing { digest } | Self::Damaged { digest, .. } => Some(digest),
            _ => None,
        }
    }
}

/// A file that was fetched, and how to tell whether it was changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Of its content.
    pub digest: String,
    /// From before it was verified.
    pub stamp: Stamp,
}

/// Makes the artifact available at `destination`, which must not exist. To be read only: it may be the store's own data.
///
/// # Errors
/// [`FetchError`]. A damaged object is removed from the store before its error is returned.
pub fn fetch(
    store: &dyn ArtifactStore,
    artifact: &ArtifactRef,
    destination: &Path,
) -> Result<Vec<Fetched>, FetchError> {
    match artifact.kind {
        ArtifactKind::File => fetch_file(store, &artifact.digest, artifact.executable, destination)
            .map(|fetched| vec![fetched]),
        ArtifactKind::Folder => fetch_folder(store, &artifact.digest, destination),
    }
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Write { path, source }
}

fn fetch_file(
    store: &dyn ArtifactStore,
    digest: &str,
    executable: bool,
    destination: &Path,
) -> Result<Fetched, FetchError> {
    let mut fetched = get_verified(store, digest, destination)?;
    if executable {
        own(destination).map_err(writing(destination))?;
        fetched.stamp = Stamp::read(destination).map_err(writing(destination))?;
    }
    Ok(fetched)
}

/// Gets an object twice before it counts as damaged: what is damaged may be the way and not the object.
fn get_verified(
    store: &dyn ArtifactStore,
    digest: &str,
    destination: &Path,
) -> Result<Fetched, FetchError> {
    let key = object_key(digest).map_err(Error::from)?;
    let mut found = String::new();
    for _ in 0..2 {
        let mut is_whole = true;
        store.get(&key, destination).map_err(|error| missing(digest, error))?;
        let file = OpenFile::open(destination).map_err(writing(destination))?;
        let stamp = file.stamp();
        if !file.is_known_as(digest) {
            found = file.digested().map_err(writing(destination))?.digest;
            is_whole = found == digest;
        }
        if is_whole {
            return Ok(Fetched { path: destination.to_owned(), digest: digest.to_owned(), stamp });
        }
        fs::remove_file(destination).map_err(writing(destination))?;
    }
    Err(damaged(store, digest, format!("its content has the digest {found}")))
}

/// Puts an executable copy in the place of a file: that may be the store's own, whose permissions are not to be changed.
fn own(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let copy = tempfile::NamedTempFile::new_in(folder)?;
    io::copy(&mut fs::File::open(path)?, &mut copy.as_file())?;
    make_executable(copy.as_file())?;
    copy.persist(path)?;
    Ok(())
}

fn fetch_folder(
    store: &dyn ArtifactStore,
    digest: &str,
    destination: &Path,
) -> Result<Vec<Fetched>, FetchError> {
    fs::create_dir(destination).map_err(writing(destination))?;
    let mut files = Vec::new();
    // Entries are sorted, so those of one folder come one after the other.
    let mut made = destination.to_owned();
    for entry in manifest(store, digest)? {
        let path = destination.join(&entry.path);
        if let Some(folder) = path.parent().filter(|folder| *folder != made) {
            fs::create_dir_all(folder).map_err(writing(folder))?;
            folder.clone_into(&mut made);
        }
        match entry.content {
            Content::EmptyFolder => fs::create_dir_all(&path).map_err(writing(&path))?,
            Content::Link { target } => link(&target, &path).map_err(writing(&path))?,
            Content::File { digest, size, executable } => {
                files.push((path, digest, size, executable));
            }
        }
    }
    moved(
        store,
        &files,
        |(_, _, size, _)| *size,
        |(path, digest, _, executable)| fetch_file(store, digest, *executable, path),
    )
}

pub(super) fn manifest(
    store: &dyn ArtifactStore,
    digest: &str,
) -> Result<Vec<folder::Entry>, FetchError> {
    let text = read_object(store, digest)?;
    folder::from_text(&String::from_utf8_lossy(&text))
        .map_err(|reason| damaged(store, digest, reason))
}

/// The files in a folder artifact, by their paths in it. Nothing is read but the manifest.
///
/// # Errors
/// [`FetchError`].
pub fn files_in(
    store: &dyn ArtifactStore,
    folder: &ArtifactRef,
) -> Result<Vec<(String, ArtifactRef)>, FetchError> {
    let entries = manifest(store, &folder.digest)?.into_iter();
    let file = |entry: folder::Entry| match entry.content {
        Content::File { digest, size, executable } => {
            let (kind, metadata) = (ArtifactKind::File, serde_json::Map::new());
            Some((entry.path, ArtifactRef { kind, digest, size, executable, metadata }))
        }
        Content::EmptyFolder | Content::Link { .. } => None,
    };
    Ok(entries.filter_map(file).collect())
}

/// The bytes of an object, verified as [`get_verified`] does it.
fn read_object(store: &dyn ArtifactStore, digest: &str) -> Result<Vec<u8>, FetchError> {
    let key = object_key(digest).map_err(Error::from)?;
    let mut found = String::new();
    for _ in 0..2 {
        let bytes = store.read(&key, None).map_err(|error| missing(digest, error))?;
        found = digest_of_bytes(&bytes);
        if found == digest {
            return Ok(bytes);
        }
    }
    Err(damaged(store, digest, format!("its content has the digest {found}")))
}

fn missing(digest: &str, error: Error) -> FetchError {
    if error.kind() == ErrorKind::NotFound {
        FetchError::Missing { digest: digest.to_owned() }
    } else {
        FetchError::Store(error)
    }
}

/// Takes a damaged object out of the store, so that nobody meets it again and the next run makes it anew.
fn damaged(store: &dyn ArtifactStore, digest: &str, found: String) -> FetchError {
    if let Ok(key) = object_key(digest) {
        // If it cannot be removed, the next reader reports it again.
        drop(store.delete(&key));
    }
    FetchError::Damaged { digest: digest.to_owned(), found }
}

/// Whether all of an artifact's data is in the store, by name and size: nothing is read but manifests.
///
/// # Errors
/// The store could not be asked.
pub fn is_present(store: &dyn ArtifactStore, artifact: &ArtifactRef) -> Result<bool, Error> {
    let has = |digest: &str, size: u64| -> Result<bool, Error> {
        // What is no digest is in no store.
        let Ok(key) = object_key(digest) else { return Ok(false) };
        let object = store.stat(&key)?;
        Ok(object.is_some_and(|object| object.size == size))
    };
    if artifact.kind == ArtifactKind::File {
        return has(&artifact.digest, artifact.size);
    }
    if object_key(&artifact.digest).is_err() {
        return Ok(false);
    }
    let entries = match manifest(store, &artifact.digest) {
        Ok(entries) => entries,
        Err(FetchError::Store(error)) => return Err(error),
        Err(_) => return Ok(false),
    };
    let files: Vec<_> = entries
        .into_iter()
        .filter_map(|entry| match entry.content {
            Content::File { digest, size, .. } => Some((digest, size)),
            Content::EmptyFolder | Content::Link { .. } => None,
        })
        .collect();
    let looked = asked(store, &files, |(digest, size)| match has(digest, *size) {
        Ok(true) => Ok(()),
        Ok(false) => Err(None),
        Err(error) => Err(Some(error)),
    });
    match looked {
        Ok(_) => Ok(true),
        // One that is not there suffices.
        Err(None) => Ok(false),
        Err(Some(error)) => Err(error),
    }
}

/// The digests and sizes of the objects that a folder's manifest names.
///
/// # Errors
/// [`FetchError`]; unlike elsewhere, a damaged manifest stays where it is.
pub fn objects_of(
    store: &dyn ArtifactStore,
    folder: &str,
) -> Result<Vec<(String, u64)>, FetchError> {
    let key = object_key(folder).map_err(Error::from)?;
    let text = store.read(&key, None).map_err(|error| missing(folder, error))?;
    let found = digest_of_bytes(&text);
    let damaged = |found: String| FetchError::Damaged { digest: folder.to_owned(), found };
    if found != folder {
        return Err(damaged(format!("its content has the digest {found}")));
    }
    let entries = folder::from_text(&String::from_utf8_lossy(&text)).map_err(damaged)?;
    let objects = entries.into_iter().filter_map(|entry| match entry.content {
        Content::File { digest, size, .. } => Some((digest, size)),
        Content::EmptyFolder | Content::Link { .. } => None,
    });
    Ok(objects.collect())
}

/// The content of a file artifact, for logs and other texts that fit into memory.
///
/// # Errors
/// [`FetchError`].
pub fn read_text(store: &dyn ArtifactStore, artifact: &ArtifactRef) -> Result<String, FetchError> {
    let bytes = read_object(store, &artifact.digest)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn link(_: &str, _: &Path) -> io::Result<()> {
    Err(io::Error::other("symbolic links cannot be made here"))
}
