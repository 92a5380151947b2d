//! Whether there is room left where an attempt is made. A program that finds none often says so nowhere: its log is there, too.

use std::fs;
use std::io;
use std::path::Path;

/// So much is tried to be written, in bytes: no less than what programs write at once.
const TRIED: usize = 64 << 10;

/// Why nothing more can be written in a folder, in words that are followed by where that is.
pub(super) fn none_left(folder: &Path) -> Option<&'static str> {
    let probe = folder.join(".room");
    let tried = fs::write(&probe, vec![0; TRIED]);
    drop(fs::remove_file(&probe));
    match tried.map_err(|error| error.kind()) {
        Err(io::ErrorKind::StorageFull) => Some("no space is left"),
        Err(io::ErrorKind::QuotaExceeded) => Some("the disk quota is used up"),
        _ => None,
    }
}

/// The same, at next to no cost where there is room. A quota is not seen.
pub(super) fn none_left_at_a_glance(folder: &Path) -> Option<&'static str> {
    let there = rustix::fs::statvfs(folder).ok()?;
    let is_tight = there.f_bavail.saturating_mul(there.f_frsize) < TRIED as u64
        || (there.f_files > 0 && there.f_favail == 0);
    if is_tight { none_left(folder) } else { None }
}
