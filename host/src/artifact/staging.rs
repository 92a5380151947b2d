//! The folder in which a run prepares its files: inputs for steps, outputs before they are published.
//!
//! It belongs to one process, which holds a lock in it. The kernel releases the lock when the process ends, however it
//! ends; so what a killed run has left behind can be told from what is in use, and the next run removes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const LOCK: &str = "lock";

/// Files of a store that was interrupted while writing are left alone for a day.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A run's folder; removed when dropped.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    /// Held until the folder is gone.
    _lock: File,
}

impl Staging {
    /// Makes the folder `name` below `parent`.
    ///
    /// # Errors
    /// It cannot be made or locked.
    pub fn create(parent: &Path, name: &str) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        // Under a hidden name until the lock is held, so that nobody takes it for abandoned in between.
        let hidden = parent.join(format!(".{name}"));
        fs::create_dir(&hidden)?;
        let lock = File::create_new(hidden.join(LOCK))?;
        lock.lock()?;
        let folder = parent.join(name);
        fs::rename(&hidden, &folder)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What is left is removed by the next run's `sweep`.
        drop(remove(&self.folder));
    }
}

/// Removes what runs that are gone have left below `parent`. Faults are left for the next time.
pub fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        // One that is hidden is being made: its lock may be there and not yet be held.
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            if is_abandoned(&entry) {
                drop(remove(&path));
            }
            continue;
        }
        match File::open(path.join(LOCK)) {
            Ok(lock) => match lock.try_lock() {
                Ok(()) => drop(remove(&path)),
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
            },
            Err(_) if is_abandoned(&entry) => drop(remove(&path)),
            Err(_) => {}
        }
    }
}

fn is_abandoned(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
    let age = modified.and_then(|time| SystemTime::now().duration_since(time).ok());
    age.is_some_and(|age| age > ABANDONED_AFTER)
}

/// The lock goes last: what cannot be removed now, because something still writes to it, can then be told for abandoned later.
fn remove(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return fs::remove_file(path);
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false if entry.file_name() == LOCK => {}
            false => fs::remove_file(entry.path())?,
        }
    }
    fs::remove_dir_all(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let held = Staging::create(folder.path(), "held").unwrap();
        let left = folder.path().join("left");
        fs::create_dir(&left).unwrap();
        File::create(left.join(LOCK)).unwrap();
        fs::write(left.join("half-written"), "x").unwrap();
        let being_made = folder.path().join(".being-made");
        fs::create_dir(&being_made).unwrap();
        File::create(being_made.join(LOCK)).unwrap();
        sweep(folder.path());
        assert!(held.folder().is_dir());
        assert!(!left.exists());
        assert!(being_made.exists());
        let path = held.folder().to_owned();
        drop(held);
        assert!(!path.exists());
    }
}
