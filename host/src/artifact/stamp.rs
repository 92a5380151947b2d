//! What tells, without reading it, whether a file was written to since.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Some systems know the time of a change only to some milliseconds: two changes within them look like one.
pub(super) const COARSEST: Duration = Duration::from_millis(50);

/// A file's size and the time of its last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }

    /// The stamp of the file at `path` now.
    ///
    /// # Errors
    /// There is none, or it cannot be asked.
    pub fn read(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::of(&metadata))
    }

    /// Whether an equal stamp later on proves that the file was not changed after `moment`.
    #[must_use]
    pub fn is_older_than(&self, moment: SystemTime) -> bool {
        self.modified.is_some_and(|modified| modified + COARSEST < moment)
    }
}
