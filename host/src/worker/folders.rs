//! The folders in which attempts are made, below one folder that is nobody else's.
//!
//! An attempt's folder has a path that no other attempt has. But what one attempt has left becomes the next one's, by a
//! rename: making folders and removing them again would be most of what a trivial step costs. Some file systems free what
//! is removed at once and with much care, and look at all that was removed lately before they make something new. So
//! little is removed while a run goes on, and the rest when it ends.

use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::spare_logs::{self, SpareLogs};
use super::surroundings::{CONTEXT, INPUTS, OUTPUTS, folder_beside, log_beside};

/// The folders below one.
#[derive(Debug)]
pub struct Folders {
    parent: PathBuf,
    /// The machine's name, where that is not the host's.
    machine: Option<String>,
    left: Mutex<Left>,
}

/// What ended attempts have left.
#[derive(Debug, Default)]
struct Left {
    /// Folders for others.
    spare: Vec<PathBuf>,
    /// Logs, likewise.
    logs: SpareLogs,
    is_closed: bool,
}

impl Folders {
    /// Folders below `parent`, which is made when it is needed.
    #[must_use]
    pub fn below(parent: &Path) -> Self {
        Self { parent: parent.to_owned(), machine: None, left: Mutex::default() }
    }

    /// Folders on a machine that may be another one than the host's: when they are spoken of, it is named.
    #[must_use]
    pub fn elsewhere(parent: &Path) -> Self {
        // Where this cannot be read, the orchestrator may know the name.
        let name = fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let machine = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        Self { machine, ..Self::below(parent) }
    }

    /// Where a folder is, for people.
    pub(super) fn told(&self, folder: &Path) -> String {
        match &self.machine {
            Some(machine) => format!("{} on {machine}", folder.display()),
            None => folder.display().to_string(),
        }
    }

    /// The path for an attempt of a step.
    #[must_use]
    pub fn path(&self, step: &str, attempt: u32) -> PathBuf {
        // A step of a pipeline within the pipeline has a `/` in its name; no name has a dot.
        self.parent.join(format!("{}-{attempt}", step.replace('/', ".")))
    }

    /// Removes what ended attempts have left, and from now on what they leave at once.
    pub fn close(&self) {
        let mut left = self.left();
        left.is_closed = true;
        let spare = std::mem::take(&mut left.spare);
        drop(left);
        // What cannot be removed now is removed with the folder of the run.
        spare.iter().for_each(|folder| drop(fs::remove_dir_all(folder)));
        for entry in fs::read_dir(&self.parent).into_iter().flatten().flatten() {
            let path = entry.path();
            // Beside a folder, it is one of an attempt that has been given up and still runs.
            if is_log(&path) && !folder_beside(&path).exists() {
                drop(fs::remove_file(path));
            }
        }
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        // Each change is one statement, so a thread that panicked has left nothing half-done.
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a folder, with those for inputs and outputs in it. Both are empty; there may be an old context file beside them.
    pub(super) fn make(&self, folder: &Path) -> io::Result<()> {
        let spare = self.left().spare.pop();
        if let Some(spare) = spare
            && fs::rename(spare, folder).is_ok()
        {
            // Under the path that it had, something that outlived its step may have written to it until now.
            if is_empty(&folder.join(INPUTS)) && is_empty(&folder.join(OUTPUTS)) {
                return Ok(());
            }
            fs::remove_dir_all(folder)?;
        }
        if let Err(error) = fs::create_dir(folder) {
            if error.kind() != io::ErrorKind::NotFound {
                return Err(error);
            }
            fs::create_dir_all(folder)?;
        }
        fs::create_dir(folder.join(INPUTS))?;
        fs::create_dir(folder.join(OUTPUTS))
    }

    /// The log of the attempt in `folder`: an empty file that is written to by whoever has it, at its end.
    pub(super) fn make_log(&self, folder: &Path) -> io::Result<File> {
        let path = log_beside(folder);
        let spare = self.left().logs.take(&path);
        spare.map_or_else(|| spare_logs::create(&path), Ok)
    }

    /// An attempt has ended: its log is another one's if it is empty, and otherwise stays where it is.
    pub(super) fn give_log_back(&self, folder: &Path, log: File) {
        self.left().logs.add(log_beside(folder), log);
    }

    /// An attempt has ended: empties its folder for another one.
    pub(super) fn give_back(&self, folder: &Path) {
        let is_spare = matches!(clear(folder), Ok(true));
        let mut left = self.left();
        let is_closed = left.is_closed;
        if is_spare && !is_closed {
            left.spare.push(folder.to_owned());
            return;
        }
        drop(left);
        drop(fs::remove_dir_all(folder));
        if is_closed {
            drop(fs::remove_file(log_beside(folder)));
        }
    }
}

/// Whether it is what [`log_beside`] makes of a folder's path.
fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "log")
}

/// Removes all that an attempt has left in its folder, but the context file. Whether it is as it was made.
fn clear(folder: &Path) -> io::Result<bool> {
    let mut kept = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        match entry.file_name().to_str() {
            // Only if it is a folder: a step may have put a link there, to what is not ours.
            Some(INPUTS | OUTPUTS) if kind.is_dir() => {
                for entry in fs::read_dir(entry.path())? {
                    remove(&entry?)?;
                }
                kept += 1;
            }
            Some(CONTEXT) if kind.is_file() => {}
            _ => remove(&entry)?,
        }
    }
    Ok(kept == 2)
}

fn remove(entry: &DirEntry) -> io::Result<()> {
    if entry.file_type()?.is_dir() {
        fs::remove_dir_all(entry.path())
    } else {
        fs::remove_file(entry.path())
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given_back(meddle: impl FnOnce(&Path)) -> Vec<String> {
        let parent = tempfile::tempdir().unwrap();
        let folders = Folders::below(parent.path());
        let [first, second] = [1, 2].map(|attempt| folders.path("a/b", attempt));
        folders.make(&first).unwrap();
        fs::write(log_beside(&first), "").unwrap();
        meddle(&first);
        folders.give_back(&first);
        folders.make(&second).unwrap();
        assert!(!first.exists());
        let mut found: Vec<_> = walkdir::WalkDir::new(&second)
            .min_depth(1)
            .into_iter()
            .map(|entry| entry.unwrap().path().strip_prefix(&second).unwrap().display().to_string())
            .collect();
        found.sort_unstable();
        folders.give_back(&second);
        folders.close();
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        found
    }

    #[test]
    fn nothing_of_one_attempt_is_found_by_the_next() {
        let found = given_back(|folder| {
            fs::write(folder.join(CONTEXT), "old").unwrap();
            fs::write(folder.join("out/x"), "left").unwrap();
            fs::create_dir_all(folder.join("in/folder/below")).unwrap();
            fs::create_dir_all(folder.join("scratch/below")).unwrap();
        });
        assert_eq!(found, [CONTEXT, INPUTS, OUTPUTS]);
    }

    #[test]
    fn what_a_step_links_to_is_not_emptied() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("mine"), "precious").unwrap();
        let found = given_back(|folder| {
            fs::remove_dir(folder.join(OUTPUTS)).unwrap();
            std::os::unix::fs::symlink(outside.path(), folder.join(OUTPUTS)).unwrap();
            std::os::unix::fs::symlink(outside.path(), folder.join("in/link")).unwrap();
        });
        assert_eq!(found, [INPUTS, OUTPUTS]);
        assert!(outside.path().join("mine").exists());
    }

    #[test]
    fn what_is_written_too_late_is_not_the_next_ones_output() {
        let parent = tempfile::tempdir().unwrap();
        let folders = Folders::below(parent.path());
        let [first, second] = [1, 2].map(|attempt| folders.path("a", attempt));
        folders.make(&first).unwrap();
        folders.give_back(&first);
        fs::write(first.join("out/x"), "late").unwrap();
        folders.make(&second).unwrap();
        assert!(is_empty(&second.join(OUTPUTS)));
    }

    #[test]
    fn what_ends_after_the_run_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let folders = Folders::below(parent.path());
        let folder = folders.path("a", 1);
        folders.make(&folder).unwrap();
        fs::write(log_beside(&folder), "").unwrap();
        folders.close();
        assert!(log_beside(&folder).exists(), "it is still written to");
        folders.give_back(&folder);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
