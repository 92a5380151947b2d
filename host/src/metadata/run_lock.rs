//! Which process a run belongs to: the one that holds a lock on a file. The kernel releases it with the process, however
//! that ends, so nobody ever has to delete a lock file.
//!
//! The file is also where others ask the owner to stop: each request is a byte in it. So a request reaches whoever owns the
//! run at that moment, and nobody else: no process number that may be another's by now, and nothing that stays behind.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Database, MetadataError};
use crate::lock::{is_at, is_of_the_dead};

/// Whoever looks whether a lock is free, or marks a run as interrupted, holds it for a moment; an owner does so for longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a killed process had just started holds its locks until it runs its own program; on a machine that is short of everything
/// that takes a while.
const PATIENCE_WITH_THE_DEAD: Duration = Duration::from_secs(30);

/// Says that a run is under way; until it is dropped, or its process ends.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    /// Held until the file is gone.
    file: File,
}

impl RunLock {
    /// Takes the lock of a run; `None` if another process has it.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub fn take(folder: &Path, run: &str) -> io::Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        sweep(folder);
        Self::hold(folder.join(run), PATIENCE)
    }

    /// Takes the lock at a path, from whoever has it for so long at most.
    fn hold(path: PathBuf, patience: Duration) -> io::Result<Option<Self>> {
        let asked = Instant::now();
        loop {
            let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
            match file.try_lock() {
                // Somebody who found it free may have removed it meanwhile: then it says nothing to anybody.
                Ok(()) if is_at(&file, &path) => {
                    // What a process before this one was asked.
                    file.set_len(0)?;
                    return Ok(Some(Self { path, file }));
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock)
                    if asked.elapsed() > patience
                        && (patience.is_zero()
                            || asked.elapsed() > PATIENCE_WITH_THE_DEAD
                            || !is_of_the_dead(&file)) =>
                {
                    return Ok(None);
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// How often others have asked the owner to stop.
    #[must_use]
    pub fn requests(&self) -> u32 {
        requests(&self.file)
    }

    /// Another way to ask for the [`requests`](Self::requests), for another thread.
    ///
    /// # Errors
    /// The process has too many files open.
    pub fn watch(&self) -> io::Result<Requests> {
        Ok(Requests(self.file.try_clone()?))
    }
}

/// Counts the requests to stop a run of this process.
#[derive(Debug)]
pub struct Requests(File);

impl Requests {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u32 {
        requests(&self.0)
    }
}

fn requests(file: &File) -> u32 {
    file.metadata().map_or(0, |metadata| u32::try_from(metadata.len()).unwrap_or(u32::MAX))
}

/// Asks the process that owns a run to stop it, so many times. Returns whether there is one.
///
/// # Errors
/// The lock cannot be written to: the run is another user's.
pub fn request_stop(folder: &Path, run: &str, times: usize) -> io::Result<bool> {
    let path = folder.join(run);
    if is_free(&path) {
        return Ok(false);
    }
    match OpenOptions::new().append(true).open(path) {
        Ok(mut file) => file.write_all(&b"stop"[..times.min(4)]).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes what killed processes have left. Whether their runs are marked does not matter: no lock is a free one.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    entries.filter_map(Result::ok).for_each(|entry| remove_if_free(&entry.path()));
}

/// Removes a lock that nobody holds. It is held meanwhile: whoever wants it notices that it has gone.
fn remove_if_free(path: &Path) {
    let Ok(file) = File::open(path) else { return };
    if file.try_lock().is_ok() && is_at(&file, path) {
        drop(fs::remove_file(path));
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // One that stays does no harm: nobody holds it any more.
        drop(fs::remove_file(&self.path));
    }
}

impl Database {
    /// Marks as interrupted the runs under way whose process is gone. `locks` is the folder of the locks.
    ///
    /// Costs one look into an index where no run is under way.
    ///
    /// # Errors
    /// The database cannot be read, or not be written although there is something to write.
    pub fn mark_abandoned_runs(&self, locks: &Path) -> Result<(), MetadataError> {
        for run in self.runs_under_way()? {
            let lock = locks.join(&run);
            if !is_free(&lock) {
                continue;
            }
            // Held meanwhile: nobody shall go on with the run just as it is marked. Where nobody can hold it, nobody can go on.
            let held = RunLock::hold(lock, Duration::ZERO);
            if !matches!(held, Ok(None)) {
                self.mark_interrupted(&run)?;
            }
        }
        Ok(())
    }
}

/// Whether nobody holds the lock. Where that cannot be told, somebody does.
fn is_free(lock: &Path) -> bool {
    match File::open(lock) {
        // Shared, so that two who look do not take each other for the owner.
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_free_when_its_owner_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let lock = RunLock::take(folder.path(), "a").unwrap().unwrap();
        let path = folder.path().join("a");
        assert!(!is_free(&path));
        assert!(RunLock::take(folder.path(), "a").unwrap().is_none(), "somebody has it");
        drop(lock);
        assert!(is_free(&path), "the file is removed");
        File::create(&path).unwrap();
        assert!(is_free(&path), "a file that a killed process has left");
        drop(RunLock::take(folder.path(), "b").unwrap());
        assert!(!path.exists(), "and the next run removes");
    }

    #[test]
    fn whoever_takes_it_among_many_has_it_alone() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let (owners, taken) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        remove_if_free(&folder.path().join("a"));
                        let Some(lock) = RunLock::take(folder.path(), "a").unwrap() else {
                            continue;
                        };
                        assert_eq!(owners.fetch_add(1, Ordering::SeqCst), 0);
                        assert!(!is_free(&lock.path));
                        taken.fetch_add(1, Ordering::SeqCst);
                        owners.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(taken.into_inner() > 0);
    }

    #[test]
    fn only_the_owner_of_the_moment_hears_a_request() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!request_stop(folder.path(), "a", 1).unwrap(), "there is nobody");
        let lock = RunLock::take(folder.path(), "a").unwrap().unwrap();
        assert_eq!(lock.requests(), 0);
        assert!(request_stop(folder.path(), "a", 1).unwrap());
        assert!(request_stop(folder.path(), "a", 1).unwrap());
        assert_eq!((lock.requests(), lock.watch().unwrap().count()), (2, 2));
        drop(lock);
        fs::write(folder.path().join("a"), "stop").unwrap();
        let lock = RunLock::take(folder.path(), "a").unwrap().unwrap();
        assert_eq!(lock.requests(), 0, "that was for one who is gone");
    }
}
