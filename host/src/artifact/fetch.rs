//! From an artifact in a store to a path on disk, verified.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sundae_plugin_api::{ArtifactStore, Error, ErrorKind};

use super::digest::{digest_of_bytes, digest_of_file};
use super::folder::{self, Content};
use super::{ArtifactKind, ArtifactRef, object_key};

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

/// Makes the artifact available at `destination`, which must not exist. It is to be read only: it may be the store's own data.
///
/// # Errors
/// [`FetchError`]. A damaged object is removed from the store before its error is returned.
pub fn fetch(
    store: &dyn ArtifactStore,
    artifact: &ArtifactRef,
    destination: &Path,
) -> Result<(), FetchError> {
    match artifact.kind {
        ArtifactKind::File => fetch_file(store, &artifact.digest, destination),
        ArtifactKind::Folder => fetch_folder(store, &artifact.digest, destination),
    }
}

fn fetch_file(
    store: &dyn ArtifactStore,
    digest: &str,
    destination: &Path,
) -> Result<(), FetchError> {
    let key = object_key(digest).map_err(Error::from)?;
    store.get(&key, destination).map_err(|error| missing(digest, error))?;
    let (found, _) = digest_of_file(destination)
        .map_err(|source| FetchError::Write { path: destination.to_owned(), source })?;
    if found == digest {
        return Ok(());
    }
    drop(fs::remove_file(destination));
    Err(damaged(store, digest, format!("its content has the digest {found}")))
}

fn fetch_folder(
    store: &dyn ArtifactStore,
    digest: &str,
    destination: &Path,
) -> Result<(), FetchError> {
    let writing = |path: &Path| {
        let path = path.to_owned();
        move |source| FetchError::Write { path, source }
    };
    fs::create_dir(destination).map_err(writing(destination))?;
    for entry in manifest(store, digest)? {
        let path = destination.join(&entry.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(writing(folder))?;
        }
        match entry.content {
            Content::EmptyFolder => fs::create_dir_all(&path).map_err(writing(&path))?,
            Content::Link { target } => link(&target, &path).map_err(writing(&path))?,
            Content::File { digest, executable, .. } => {
                fetch_file(store, &digest, &path)?;
                if executable {
                    make_executable(&path).map_err(writing(&path))?;
                }
            }
        }
    }
    Ok(())
}

fn manifest(store: &dyn ArtifactStore, digest: &str) -> Result<Vec<folder::Entry>, FetchError> {
    let key = object_key(digest).map_err(Error::from)?;
    let bytes = store.read(&key, None).map_err(|error| missing(digest, error))?;
    let found = digest_of_bytes(&bytes);
    if found != digest {
        return Err(damaged(store, digest, format!("its content has the digest {found}")));
    }
    let text = String::from_utf8_lossy(&bytes);
    folder::from_text(&text).map_err(|reason| damaged(store, digest, reason))
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
    let has = |digest: &str, size: Option<u64>| -> Result<bool, Error> {
        let object = store.stat(&object_key(digest)?)?;
        Ok(object.is_some_and(|object| size.is_none_or(|size| object.size == size)))
    };
    if artifact.kind == ArtifactKind::File {
        return has(&artifact.digest, Some(artifact.size));
    }
    let entries = match manifest(store, &artifact.digest) {
        Ok(entries) => entries,
        Err(FetchError::Store(error)) => return Err(error),
        Err(_) => return Ok(false),
    };
    for entry in entries {
        if let Content::File { digest, size, .. } = entry.content
            && !has(&digest, Some(size))?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The content of a file artifact, for logs and other texts that fit into memory.
///
/// # Errors
/// [`FetchError`].
pub fn read_text(store: &dyn ArtifactStore, artifact: &ArtifactRef) -> Result<String, FetchError> {
    let digest = artifact.digest.as_str();
    let key = object_key(digest).map_err(Error::from)?;
    let bytes = store.read(&key, None).map_err(|error| missing(digest, error))?;
    let found = digest_of_bytes(&bytes);
    if found != digest {
        return Err(damaged(store, digest, format!("its content has the digest {found}")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The file may be the store's own, whose permissions are not to be changed: an executable is a copy.
#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let aside = path.with_extension("sundae-copy");
    fs::copy(path, &aside)?;
    fs::set_permissions(&aside, fs::Permissions::from_mode(0o555))?;
    fs::rename(&aside, path)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn link(_: &str, _: &Path) -> io::Result<()> {
    Err(io::Error::other("symbolic links cannot be made here"))
}
