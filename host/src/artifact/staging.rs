//! The folder in which a run prepares its files: inputs for steps, outputs before they are published.
//!
//! It belongs to one process, which holds a lock in it. The kernel releases the lock when the process ends, however it
//! ends; so what a killed run has left behind can be told from what is in use, and the next run removes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::lock::is_at;

const LOCK: &str = "lock";

/// Files of a store that was interrupted while writing are left alone for a day.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A run's folder; removed when dropped.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    /// Held until the folder is gone.
    lock: File,
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
        Ok(Self { folder, lock })
    }

    /// Makes the folder `name` below `parent` for a run that goes on, in the place of the one that its killed process has left.
    ///
    /// Whoever still ends what that process has started holds the lock: it is waited for. `tidy` is called with the old folder
    /// before it is removed.
    ///
    /// # Errors
    /// It cannot be made or locked; [`TimedOut`](io::ErrorKind::TimedOut) if the old one is held for too long.
    pub fn take_over(
        parent: &Path,
        name: &str,
        patience: Duration,
        tidy: impl FnOnce(&Path),
    ) -> io::Result<Self> {
        let folder = parent.join(name);
        let left = wait_for(&folder.join(LOCK), patience)?;
        tidy(&folder);
        // Another run may be sweeping; and something may have been killed while it was being made.
        for old in [&folder, &parent.join(format!(".{name}"))] {
            drop(remove(old));
        }
        drop(left);
        Self::create(parent, name)
    }

    /// The lock, for a process that shall hold it as long as it is there itself.
    ///
    /// # Errors
    /// The process has too many files open.
    pub fn lock(&self) -> io::Result<File> {
        self.lock.try_clone()
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

/// The lock at a path when nobody holds it any more; `None` if there is none.
fn wait_for(path: &Path, patience: Duration) -> io::Result<Option<File>> {
    let lock = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let asked = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(lock)),
            Err(TryLockError::WouldBlock) if asked.elapsed() > patience => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Removes what runs that are gone have left below `parent`. Faults are left for the next time.
pub fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    entries.filter_map(Result::ok).for_each(|entry| drop(sweep_entry(&entry)));
}

/// Removes what nobody has any use for: a run's folder without an owner, or what else has not been touched for a day.
fn sweep_entry(entry: &fs::DirEntry) -> io::Result<()> {
    let path = entry.path();
    let is_being_made = entry.file_name().as_encoded_bytes().starts_with(b".");
    match File::open(path.join(LOCK)) {
        Ok(_) if is_being_made && !is_abandoned(entry) => Ok(()),
        // Held meanwhile: the run may go on, in a folder of the same name.
        Ok(lock) if lock.try_lock().is_ok() && is_at(&lock, &path.join(LOCK)) => remove(&path),
        Ok(_) => Ok(()),
        // A file is the store's own.
        Err(_) if is_abandoned(entry) => remove(&path),
        // Whoever removed a folder came as far as the lock, which goes last.
        Err(_) if !is_being_made => fs::remove_dir(&path),
        Err(_) => Ok(()),
    }
}

/// What runs that are gone have left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// A run's folder, or a file of the store.
    pub path: PathBuf,
    /// In bytes, all files in it together.
    pub size: u64,
}

/// What [`sweep`] would remove.
#[must_use]
pub fn left(parent: &Path) -> Vec<Left> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let left = entries.filter_map(Result::ok).filter(is_left);
    left.map(|entry| Left { path: entry.path(), size: size_of(&entry.path()) }).collect()
}

fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let entries = fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| size_of(&entry.path())).sum()
}

/// Whether [`sweep_entry`] would remove it.
fn is_left(entry: &fs::DirEntry) -> bool {
    let path = entry.path();
    let is_being_made = entry.file_name().as_encoded_bytes().starts_with(b".");
    match File::open(path.join(LOCK)) {
        Ok(_) if is_being_made && !is_abandoned(entry) => false,
        Ok(lock) => lock.try_lock().is_ok(),
        Err(_) => is_abandoned(entry) || (!is_being_made && is_empty(&path)),
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
    fn a_folder_is_taken_over_when_nobody_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Staging::create(folder.path(), "run").unwrap();
        fs::write(first.folder().join("half-written"), "x").unwrap();
        fs::create_dir(folder.path().join(".run")).unwrap();
        let held = first.lock().unwrap();
        let take_over = |patience| {
            let mut seen = false;
            let tidy = |old: &Path| seen = old.join("half-written").exists();
            Staging::take_over(folder.path(), "run", patience, tidy).map(|taken| (taken, seen))
        };
        std::mem::forget(first);
        let error = take_over(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // As when its process was killed: the descriptor that was forgotten is a copy of this one.
        held.unlock().unwrap();
        let (second, was_seen) = take_over(Duration::ZERO).unwrap();
        assert!(was_seen && !second.folder().join("half-written").exists());
        sweep(folder.path());
        assert!(second.folder().join(LOCK).exists());
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
