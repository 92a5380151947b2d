//! Whether the code that a step ran with is the code that its cache key tells of.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::artifact::{Stamp, digest_of_file};

/// A file whose content went into a cache key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeFile {
    /// Where it is.
    pub path: PathBuf,
    /// Of the content that the key tells of.
    pub digest: String,
    /// From before it was read for the key.
    pub stamp: Stamp,
}

impl CodeFile {
    /// A worker on another machine may have a copy that is equal and younger, or none at this path.
    fn is_changed(&self) -> bool {
        let Ok(stamp) = Stamp::read(&self.path) else { return false };
        stamp != self.stamp && digest_of_file(&self.path).is_ok_and(|now| now.digest != self.digest)
    }
}

/// The first file that was changed since it was read for the key.
pub(super) fn changed(code: &[CodeFile]) -> Option<&CodeFile> {
    code.iter().find(|file| file.is_changed())
}
