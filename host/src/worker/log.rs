//! The log of an attempt: what its command writes to stdout and stderr, and what we add.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use sundae_plugin_api::ArtifactStore;

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
    /// Makes the file.
    pub(super) fn create(path: PathBuf) -> io::Result<Self> {
        // For appending: whoever writes, writes at the end.
        let file = OpenOptions::new().read(true).append(true).create_new(true).open(&path)?;
        Ok(Self { path, file })
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

/// The last lines of a log, for people.
#[must_use]
pub fn tail_of(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
