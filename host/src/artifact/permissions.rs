//! Whether a file may be run: the one permission that is part of an artifact.

use std::fs::{File, Metadata};
use std::io;

/// Whether a file may be run.
#[cfg(unix)]
pub fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

/// To be run and read by all, to be written by nobody.
#[cfg(unix)]
pub(super) fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o555))
}

/// Whether a file may be run.
#[cfg(not(unix))]
pub fn is_executable(_: &Metadata) -> bool {
    false
}

#[cfg(not(unix))]
pub(super) fn make_executable(_: &File) -> io::Result<()> {
    Ok(())
}
