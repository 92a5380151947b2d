//! The folder in which a run prepares its files: inputs for steps, outputs before they are published.
//!
//! It belongs to one process, which holds a lock in it. The kernel releases the lock when the process ends, however it
//! ends; so what a killed run has left behind can be told from what is in use, and the next run removes it.

use std::fs::{self, File};
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
        if is_left(&entry) {
            drop(remove(&entry.path()));
        }
    }
}

/// Whether nobody has any use for it: a run's folder without an owner, or what else has not been touched for a day.
fn is_left(entry: &fs::DirEntry) -> bool {
    let folder = entry.path();
    let is_being_made = entry.file_name().as_encoded_bytes().starts_with(b".");
    match File::open(folder.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok() && (!is_being_made || is_abandoned(entry)),
        // Whoever removed a folder came as far as the lock, which goes last. A file is the store's own.
        Err(_) => is_abandoned(entry) || (!is_being_made && is_empty(&folder)),
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn is_abandoned(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified()).ok();
    let age = modified.and_then(|time| SystemTime::now().duration_since(time).ok());
    age.is_some_and(|age| age > ABANDONED_AFTER)
}

/// Removes a file, or a folder with its lock last: what was not removed to the end is swept again.
fn remove(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        return fs::remove_file(path);
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if entry.file_name() != LOCK {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_file(path.join(LOCK)).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    fs::remove_dir(path)
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
        // A step may run for days, and then nothing changes in the folder.
        let long_ago = SystemTime::now() - 2 * ABANDONED_AFTER;
        File::open(held.folder()).unwrap().set_modified(long_ago).unwrap();
        sweep(folder.path());
        assert!(held.folder().is_dir());
        assert!(!left.exists());
        let path = held.folder().to_owned();
        drop(held);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_being_made_or_written_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path(".making")).unwrap();
        File::create(path(".making").join(LOCK)).unwrap();
        File::create(path("being-written")).unwrap();
        // Its removal was interrupted behind the lock.
        fs::create_dir(path("removed")).unwrap();
        sweep(folder.path());
        assert!(path(".making").join(LOCK).exists() && path("being-written").exists());
        assert!(!path("removed").exists());
        // But not for ever.
        for name in [".making", "being-written"] {
            let long_ago = SystemTime::now() - 2 * ABANDONED_AFTER;
            File::open(path(name)).unwrap().set_modified(long_ago).unwrap();
        }
        sweep(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn nothing_outside_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        fs::create_dir_all(run.join("a/b")).unwrap();
        File::create(run.join(LOCK)).unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), run.join("link")).unwrap();
        sweep(folder.path());
        assert!(!run.exists(), "links are removed as links");
        assert!(outside.path().exists());
    }
}
