//! Digests of files: BLAKE3, 64 hexadecimal digits.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// From this size on a file is mapped instead of read: below, mapping costs more than it saves.
const MAPPED_FROM: u64 = 256 << 10;

/// The digest and the size of a file's content.
///
/// # Errors
/// The file cannot be read.
pub fn digest_of_file(path: &Path) -> io::Result<(String, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    if size >= MAPPED_FROM {
        hasher.update_mmap(path)?;
    } else {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes)?;
        hasher.update(&bytes);
    }
    Ok((hasher.finalize().to_hex().to_string(), size))
}

/// The digest of some bytes.
pub(super) fn digest_of_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
