//! Artifact stores keep what steps produce. They know bytes and keys; what the bytes mean is the host's business.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Key};

/// The interface that this file defines.
pub const INTERFACE: &str = "artifact-store/1";

/// What a store can do. Undeclared means "no".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Other machines reach the same objects by the same configuration.
    pub shared: bool,
    /// Where the objects are, for people: a folder, a URL.
    pub location: String,
    /// A folder on the same file system as the objects, where the host may prepare what it will [`put`](ArtifactStore::put).
    ///
    /// With it, putting a file moves it and getting one links it, and no bytes are copied. The host cleans up after itself.
    pub staging: Option<PathBuf>,
}

impl Capabilities {
    /// The capabilities of a store at this location that can do the least.
    pub fn at(location: impl Into<String>) -> Self {
        Self { location: location.into(), ..Self::default() }
    }

    /// Declares [`Self::shared`].
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Declares [`Self::staging`].
    #[must_use]
    pub fn staging(mut self, folder: PathBuf) -> Self {
        self.staging = Some(folder);
        self
    }
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub key: Key,
    /// Its length in bytes.
    pub size: u64,
    /// When it became visible, in milliseconds since 1970 (UTC).
    pub modified_ms: u64,
}

/// What [`ArtifactStore::put`] may do with the file that it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Leave it as it is.
    Keep,
    /// It belongs to the store now: it may be moved and need not exist afterwards.
    Give,
}

/// What [`ArtifactStore::write`] does where the key is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The new object takes the place of the old one, in one step.
    Replace,
    /// The old object stays, and the call fails with [`AlreadyExists`](crate::ErrorKind::AlreadyExists).
    Refuse,
}

/// Keeps objects under keys.
///
/// Every method may be called from many threads at once. An object becomes visible whole or not at all, for every reader,
/// also when the process is killed in the middle. Caching, digests and logging are the host's business. A store may repeat a
/// request to its service that is harmless to repeat, such as one part of many, a few times and within a time limit: only it
/// knows which. What it then reports is final, and the host decides what becomes of the run. The host never uses a key that is
/// a folder of another, such as `a` beside `a/b`.
pub trait ArtifactStore: Send + Sync {
    /// What this store can do. Constant for the life of the component, and cheap.
    fn capabilities(&self) -> Capabilities;

    /// Whether the store can work now: its service is reached, its credentials suffice, its folder or bucket is there.
    ///
    /// Called when people register a component or ask how it is. The default lists one object.
    ///
    /// # Errors
    /// What stands in the way, so that the reader knows what to change.
    fn check(&self) -> Result<(), Error> {
        self.list("", None, 1).map(drop)
    }

    /// Makes the content of a file visible under a key; what stood there before is replaced.
    ///
    /// `file` is a regular file. Where the store can, the object is protected against later change (read-only).
    ///
    /// # Errors
    /// [`OutOfSpace`](crate::ErrorKind::OutOfSpace), [`PermissionDenied`](crate::ErrorKind::PermissionDenied) and so on;
    /// then nothing is visible under the key that was not before.
    fn put(&self, key: &Key, file: &Path, source: Source) -> Result<(), Error>;

    /// Makes the object available as a file at `destination`, which must not exist; its folder must.
    ///
    /// The file may be a link to the store's own data, so it is to be read and not written.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such object, [`AlreadyExists`](crate::ErrorKind::AlreadyExists)
    /// if there is something at the destination; after any error of another kind there is nothing at it.
    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error>;

    /// Makes a few bytes visible under a key. For objects that fit into memory.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if so asked, and what [`put`](Self::put) can report.
    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error>;

    /// The bytes of an object, or of the part of it that lies in `range`. What of the range is past the end is left out, so
    /// that nothing may be left of it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such object.
    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error>;

    /// The size and time of an object, or `None` if there is none.
    ///
    /// # Errors
    /// Only where the store cannot be asked.
    fn stat(&self, key: &Key) -> Result<Option<Object>, Error>;

    /// At most `limit` objects whose keys start with `prefix`, in the order of their keys' bytes, after the key `after`.
    ///
    /// The prefix is text, not a folder: `a/b` finds `a/bc`. An empty answer is the end of the listing.
    ///
    /// # Errors
    /// Only where the store cannot be asked.
    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error>;

    /// Removes an object. It is no error if there is none.
    ///
    /// # Errors
    /// Only where the object may still exist afterwards.
    fn delete(&self, key: &Key) -> Result<(), Error>;
}
