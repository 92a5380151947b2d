//! Large files that this process has read to the end: as long as nobody writes to them, they need not be read again.
//!
//! So an output that is the next step's input is read once, by whoever publishes it. What says that nobody has written is
//! the time of the last change, which the file must have had for a while when the reading began: then no later change has
//! the same one. What another process has read is read again.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::Stamp;
use super::parts::LARGE;

/// So many are remembered; they take a few megabytes.
const MOST: usize = 20_000;

/// Digest and stamp by device and number of the file: under whichever name it is met.
type Files = HashMap<(u64, u64), (String, Stamp)>;

static SEEN: LazyLock<Mutex<Files>> = LazyLock::new(Mutex::default);

fn seen() -> MutexGuard<'static, Files> {
    // Each change is one statement, so a thread that panicked has left nothing half-done.
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that was like this when it began to be read has this digest.
pub(super) fn remember(metadata: &Metadata, began: SystemTime, digest: &str) {
    let stamp = Stamp::of(metadata);
    if metadata.len() < LARGE || !stamp.is_older_than(began) {
        return;
    }
    let mut files = seen();
    if files.len() < MOST {
        files.insert((metadata.dev(), metadata.ino()), (digest.to_owned(), stamp));
    }
}

/// Whether the file that is like this now was read, and has this digest.
pub(super) fn is_known(metadata: &Metadata, digest: &str) -> bool {
    if metadata.len() < LARGE {
        return false;
    }
    let files = seen();
    let file = files.get(&(metadata.dev(), metadata.ino()));
    file.is_some_and(|(is, stamp)| is == digest && *stamp == Stamp::of(metadata))
}

#[cfg(test)]
mod tests {
    use crate::artifact::digest::OpenFile;
    use crate::artifact::parts::LARGE;
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt as _;
    use std::path::Path;

    fn make(path: &Path) {
        File::create(path).unwrap().set_len(LARGE).unwrap();
    }

    #[test]
    fn it_is_known_under_its_other_names_until_somebody_writes_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let [made, link] = ["made", "link"].map(|name| folder.path().join(name));
        make(&made);
        let digest = OpenFile::open_own(&made).unwrap().digested().unwrap().digest;
        fs::hard_link(&made, &link).unwrap();
        assert!(OpenFile::open(&link).unwrap().is_known_as(&digest));
        assert!(!OpenFile::open(&link).unwrap().is_known_as("another"));
        // At once, and without making it longer.
        File::options().write(true).open(&made).unwrap().write_all_at(b"x", 3).unwrap();
        assert!(!OpenFile::open(&link).unwrap().is_known_as(&digest));
    }

    #[test]
    fn one_that_is_being_written_when_it_is_read_is_not_known() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fresh");
        make(&path);
        let digest = OpenFile::open(&path).unwrap().digested().unwrap().digest;
        assert!(!OpenFile::open(&path).unwrap().is_known_as(&digest));
    }
}
