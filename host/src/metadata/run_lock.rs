//! Which process a run belongs to: the one that holds a lock on a file. The kernel releases it with the process, however
//! that ends, so nobody ever has to delete a lock file.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{Database, MetadataError};

/// Says that a run is under way; until it is dropped, or its process ends.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    /// Held until the file is gone.
    _file: File,
}

impl RunLock {
    /// Takes the lock of a run, which must not be recorded yet.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub fn take(folder: &Path, run: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        sweep(folder);
        // Under a hidden name until it is held, so that nobody takes it for free in between.
        let hidden = folder.join(format!(".{run}"));
        let file = File::create_new(&hidden)?;
        file.lock()?;
        let path = folder.join(run);
        fs::rename(&hidden, &path)?;
        Ok(Self { path, _file: file })
    }
}

/// Removes what killed processes have left. Whether their runs are marked does not matter: no lock is a free one.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !is_hidden && is_free(&entry.path()) {
            drop(fs::remove_file(entry.path()));
        }
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
            if is_free(&lock) {
                self.mark_interrupted(&run)?;
                drop(fs::remove_file(&lock));
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
        let lock = RunLock::take(folder.path(), "a").unwrap();
        let path = folder.path().join("a");
        assert!(!is_free(&path));
        drop(lock);
        assert!(is_free(&path), "the file is removed");
        File::create(&path).unwrap();
        assert!(is_free(&path), "a file that a killed process has left");
        drop(RunLock::take(folder.path(), "b").unwrap());
        assert!(!path.exists(), "and the next run removes");
    }
}
