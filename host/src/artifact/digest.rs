//! Digests of files: BLAKE3, 64 hexadecimal digits.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::Stamp;

/// Enough for the hash to work on many blocks at once, and small enough to stay in the processor's cache.
///
/// Files are read and not mapped: somebody who cuts a mapped file short ends the process that reads it.
const BUFFER: usize = 256 << 10;

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
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    // One byte more than there is, so that a file that fits is known to end.
    let size = usize::try_from(metadata.len()).unwrap_or(BUFFER).saturating_add(1);
    let mut buffer = vec![0; size.min(BUFFER)];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                hasher.update(&buffer[..length]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let digest = hasher.finalize().to_hex().to_string();
    Ok(Digested { digest, size: hasher.count(), stamp: Stamp::of(&metadata) })
}

/// The digest of some bytes.
pub(super) fn digest_of_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
