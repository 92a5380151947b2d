//! Locks on files: the kernel releases them with the process that holds them, however that ends.

use std::fs::{self, File, Metadata};
use std::path::Path;

/// Whether an open file is still the one at a path. One that was removed and made anew is another, whatever it is called; so
/// whoever has locked a file that others may remove has to look.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(of_file), Ok(of_path)) => is_same(&of_file, &of_path),
        _ => false,
    }
}

#[cfg(unix)]
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Elsewhere, a file that is open cannot be removed.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}
