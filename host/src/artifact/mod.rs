//! What passes between steps: files and folders, known by the digest of their content.

mod assembly;
mod digest;
mod fetch;
mod folder;
mod keys;
mod known;
pub mod lease;
mod outside;
mod parts;
mod permissions;
mod publish;
mod seen;
mod several;
pub mod staging;
mod stamp;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use assembly::{Manifests, entries, joined};
pub use digest::{Digested, digest_of_file};
pub use fetch::{FetchError, Fetched, fetch, files_in, is_present, objects_of, read_text};
pub use keys::{attempt_key, digits_in, object_key, outcome_key};
pub use known::{KnownDigests, Look, NothingKnown, digest_of_known_file};
pub use outside::Outside;
pub use publish::{PublishError, publish, publish_once, publish_text};
pub use several::{REQUESTS, on_threads, requests_at_once};
pub use stamp::Stamp;

use keys::{lease_key, removal_key};
pub use permissions::is_executable;
use permissions::make_executable;

/// Whether an artifact is a file or a folder of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactKind {
    /// One file: its digest is the BLAKE3 of its bytes.
    File,
    /// A folder: its digest is the BLAKE3 of its manifest, which names the digest of each file.
    Folder,
}

impl fmt::Display for ArtifactKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::File => "file",
            Self::Folder => "folder",
        })
    }
}

/// An artifact by its content: the same content is the same artifact, whoever made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArtifactRef {
    /// File or folder.
    pub kind: ArtifactKind,
    /// BLAKE3, as 64 hexadecimal digits.
    pub digest: String,
    /// Bytes of the file, or of all files of the folder.
    pub size: u64,
    /// Whether it is a file that may be run: a program that one step builds and another one starts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
    /// What the step that made it said of it. Not part of its identity.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
}
