//! The log of an attempt: what its command writes to stdout and stderr, and what we add.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sundae_plugin_api::ArtifactStore;

use super::folders::Folders;
use super::surroundings::log_beside;
use crate::artifact::{ArtifactRef, publish};

/// How much of the log a report quotes.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 16 << 10;

/// A log that is being written, by us and by the command.
pub(super) struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// The log that an attempt in `folder` begins with, empty.
    pub(super) fn begin(folders: &Folders, folder: &Path) -> io::Result<Self> {
        Ok(Self { path: log_beside(folder), file: folders.make_log(folder)? })
    }

    /// Nothing more is written to it.
    pub(super) fn end(self, folders: &Folders, folder: &Path) {
        folders.give_log_back(folder, self.file);
    }

    /// For the command to write to.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Adds a line of ours. A log that cannot be written to does not make the step fail.
    pub(super) fn add(&self, line: &str) {
        drop((&self.file).write_all(format!("sundae: {line}\n").as_bytes()));
    }

    /// Keeps the log in the store. An empty one is none.
    ///
    /// # Errors
    /// It could not be kept; the text follows the step's name.
    pub(super) fn keep(&self, store: &dyn ArtifactStore) -> Result<Option<ArtifactRef>, String> {
        if self.length() == 0 {
            return Ok(None);
        }
        match publish(store, &self.path) {
            Ok(artifact) => Ok(Some(artifact)),
            Err(error) => Err(format!("its log could not be kept: {error}")),
        }
    }

    /// The last lines, for people.
    pub(super) fn tail(&self) -> String {
        let length = self.length();
        if length == 0 { String::new() } else { self.lines_up_to(length).unwrap_or_default() }
    }

    fn length(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    fn lines_up_to(&self, length: u64) -> io::Result<String> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        // No more than that, though somebody may still be writing.
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(tail_of(&String::from_utf8_lossy(&bytes)))
    }
}

/// What the log of an attempt says behind so many bytes while it is being written. `None` if there is none: the attempt has not
/// begun, or has ended.
#[must_use]
pub fn read_log(path: &Path, start: u64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    // An empty log becomes another attempt's when its own has ended, under another name.
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let is_its_own = place(file.metadata().ok()?) == place(fs::metadata(path).ok()?);
    is_its_own.then_some(bytes)
}

/// The last lines of a log, for people.
#[must_use]
pub fn tail_of(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_of_a_log_is_what_its_own_attempt_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["1.log", "2.log"].map(|name| folder.path().join(name));
        fs::write(&first, "hello\nworld\n").unwrap();
        assert_eq!(read_log(&first, 6).unwrap(), b"world\n");
        assert_eq!(read_log(&first, 12).unwrap(), b"");
        fs::rename(&first, &second).unwrap();
        assert_eq!(read_log(&first, 0), None);
    }
}
