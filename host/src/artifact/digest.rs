//! Digests of files: BLAKE3, 64 hexadecimal digits.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::parts::{self, LARGE};
use super::{Stamp, seen};

/// Enough for the hash to work on many blocks at once, and small enough to stay in the processor's cache.
///
/// Files are read and not mapped: somebody who cuts a mapped file short ends the process that reads it.
pub(super) const BUFFER: usize = 256 << 10;

/// Longer than any file system needs to tell two times apart.
const LONG_AGO: Duration = Duration::from_secs(4);

/// A file's content, as far as it is to be known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digested {
    /// BLAKE3, as 64 hexadecimal digits.
    pub digest: String,
    /// In bytes.
    pub size: u64,
    /// From before it was read.
    pub stamp: Stamp,
}

/// The digest of a file's content.
///
/// # Errors
/// The file cannot be read.
pub fn digest_of_file(path: &Path) -> io::Result<Digested> {
    OpenFile::open(path)?.digested()
}

/// The digest of some bytes.
pub(super) fn digest_of_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// A file that is open, and as it was then.
pub(super) struct OpenFile {
    file: File,
    metadata: Metadata,
}

impl OpenFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok(Self { file, metadata })
    }

    /// Opens a file that is ours. A large one is dated back, so that whoever still writes to it leaves a trace: no such write
    /// has a time that looks like this one. Others keep their times: to a later step they may mean something.
    pub(super) fn open_own(path: &Path) -> io::Result<Self> {
        let mut own = Self::open(path)?;
        if own.metadata.len() >= LARGE {
            // Where this is not allowed, the file is only read once more often.
            drop(own.file.set_modified(SystemTime::now() - LONG_AGO));
            own.metadata = own.file.metadata()?;
        }
        Ok(own)
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp::of(&self.metadata)
    }

    /// Whether this process has read the file, found this digest, and nobody has written to it since.
    pub(super) fn is_known_as(&self, digest: &str) -> bool {
        seen::is_known(&self.metadata, digest)
    }

    pub(super) fn digested(mut self) -> io::Result<Digested> {
        let began = SystemTime::now();
        let (hash, size) = match parts::digest(&self.file, &self.metadata)? {
            Some(hash) => (hash, self.metadata.len()),
            None => self.read_through()?,
        };
        let digest = hash.to_hex().to_string();
        seen::remember(&self.metadata, began, &digest);
        Ok(Digested { digest, size, stamp: self.stamp() })
    }

    fn read_through(&mut self) -> io::Result<(blake3::Hash, u64)> {
        let mut hasher = blake3::Hasher::new();
        // One byte more than there is, so that a file that fits is known to end.
        let expected = self.metadata.len();
        let size = usize::try_from(expected).unwrap_or(BUFFER).saturating_add(1);
        let mut buffer = vec![0; size.min(BUFFER)];
        loop {
            match self.file.read(&mut buffer) {
                Ok(length) => {
                    hasher.update(&buffer[..length]);
                    let is_all = length < buffer.len() && hasher.count() == expected;
                    if length == 0 || is_all {
                        return Ok((hasher.finalize(), hasher.count()));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
