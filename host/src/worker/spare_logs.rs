//! Logs to which nothing was written, for the attempts to come: most steps write none, and a file that is made and removed
//! for each of them is a good part of what a trivial step costs.
//!
//! A file is only handed on when nobody has it any more. A step may have left a process that still writes to the log it was
//! started with, and what that says is not for the log of another step. It holds the very opening of the file that the step
//! was given, and a lock belongs to an opening: so the file is locked when the step has ended, by that opening, and closed. If
//! it can be locked anew afterwards, nobody has held the opening open. While a step runs, its log is not locked: it may lock it
//! itself.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// So many are looked at before one is made: others may still be held, if only by a command that is just being started (until
/// it is, it has all that we have).
const LOOKED_AT: usize = 2;

/// Logs to which nothing was written, the first that became free first.
#[derive(Debug, Default)]
pub(super) struct SpareLogs(VecDeque<PathBuf>);

/// Makes a log.
pub(super) fn create(path: &Path) -> io::Result<File> {
    // For appending: whoever writes, writes at the end.
    OpenOptions::new().read(true).append(true).create_new(true).open(path)
}

impl SpareLogs {
    /// Takes a log at `path` that nobody needs any more, opened for its attempt.
    pub(super) fn add(&mut self, path: PathBuf, log: File) {
        if is_as_made(&log) && log.try_lock().is_ok() {
            self.0.push_back(path);
        }
        // Unless somebody else has this opening, it ends here, and its lock with it.
        drop(log);
    }

    /// One of them, now at `path`.
    pub(super) fn take(&mut self, path: &Path) -> Option<File> {
        for _ in 0..self.0.len().min(LOOKED_AT) {
            let spare = self.0.pop_front()?;
            let Ok(log) = open(&spare) else { continue };
            if log.try_lock().is_err() {
                self.0.push_back(spare);
            } else if is_as_made(&log) && log.unlock().is_ok() && fs::rename(&spare, path).is_ok() {
                return Some(log);
            }
        }
        None
    }
}

fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().read(true).append(true).custom_flags(flags).open(path)
}

/// Whether nothing is in it, and nobody has kept it under another name.
fn is_as_made(log: &File) -> bool {
    log.metadata().is_ok_and(|metadata| metadata.len() == 0 && metadata.nlink() == 1)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// The log of an attempt that has ended, after something has happened to it; and whether another one gets it.
    fn is_handed_on(happens: impl FnOnce(&Path, &File)) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["1.log", "2.log"].map(|name| folder.path().join(name));
        let mut logs = SpareLogs::default();
        let log = create(&first).unwrap();
        happens(&first, &log);
        logs.add(first.clone(), log);
        let taken = logs.take(&second);
        assert_ne!(first.exists(), taken.is_some());
        assert_eq!(second.exists(), taken.is_some());
        taken.is_some()
    }

    #[test]
    fn a_log_to_which_nothing_was_written_is_handed_on() {
        assert!(is_handed_on(|_, _| ()));
    }

    #[test]
    fn what_was_written_stays_where_it_is() {
        assert!(!is_handed_on(|_, mut log| log.write_all(b"hello\n").unwrap()));
    }

    #[test]
    fn a_log_that_was_kept_under_another_name_is_not_handed_on() {
        assert!(!is_handed_on(|path, _| fs::hard_link(path, path.with_extension("kept")).unwrap()));
    }

    #[test]
    fn a_log_that_was_replaced_by_a_link_is_not_handed_on() {
        let precious = tempfile::NamedTempFile::new().unwrap();
        assert!(!is_handed_on(|path, _| {
            fs::remove_file(path).unwrap();
            std::os::unix::fs::symlink(precious.path(), path).unwrap();
        }));
    }

    #[test]
    fn a_log_that_a_process_still_holds_is_handed_on_when_it_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["1.log", "2.log", "3.log"].map(|name| folder.path().join(name));
        let mut logs = SpareLogs::default();
        let log = create(&paths[0]).unwrap();
        let mut sleep = std::process::Command::new("sleep");
        let mut left = sleep.arg("60").stdout(log.try_clone().unwrap()).spawn().unwrap();
        // It has copies, too.
        drop(sleep);
        logs.add(paths[0].clone(), log);
        assert!(logs.take(&paths[1]).is_none());
        left.kill().unwrap();
        left.wait().unwrap();
        assert!(logs.take(&paths[2]).is_some());
    }

    #[test]
    fn while_an_attempt_has_a_log_its_command_may_lock_it() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["1.log", "2.log"].map(|name| folder.path().join(name));
        let mut logs = SpareLogs::default();
        logs.add(first.clone(), create(&first).unwrap());
        let _taken = logs.take(&second).unwrap();
        File::open(&second).unwrap().try_lock().unwrap();
    }
}
