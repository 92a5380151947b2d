//! Digests of files that were read before: a large file that nobody has touched since need not be read again.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use sundae_plugin_api::artifact_store::Object;

use super::stamp::COARSEST;
use super::{Digested, Stamp, digest_of_file};

/// Reading a smaller file costs no more than to look it up.
const WORTH_IT: u64 = 64 << 10;

/// Remembers digests of files. Only a help: what is forgotten is found out again.
pub trait KnownDigests: fmt::Debug {
    /// The digest of the file at this absolute path, if it looked just so when it was read.
    fn find(&self, path: &Path, look: &Look) -> Option<String>;

    /// Remembers the digest of a file that looks so.
    fn remember(&self, path: &Path, look: &Look, digest: &str);
}

/// Remembers nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingKnown;

impl KnownDigests for NothingKnown {
    fn find(&self, _: &Path, _: &Look) -> Option<String> {
        None
    }

    fn remember(&self, _: &Path, _: &Look, _: &str) {}
}

/// What a file system tells of a file without reading it. Times are in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Bytes.
    pub size: u64,
    /// When it was written to; programs can set this to anything.
    pub modified_ns: i64,
    /// When anything of it was changed, which no program can set. The same as the other where there is no such time.
    pub changed_ns: i64,
    /// Its number on the device.
    pub inode: u64,
    /// The device.
    pub device: u64,
}

impl Look {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let in_ns =
            |seconds: i64, ns: i64| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            size: metadata.len(),
            modified_ns: in_ns(metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: in_ns(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        let modified_ns = metadata.modified().map_or(0, in_ns);
        let size = metadata.len();
        Self { size, modified_ns, changed_ns: modified_ns, inode: 0, device: 0 }
    }

    /// As a listing of an artifact store tells of it.
    pub(super) fn of_object(object: &Object) -> Self {
        let modified_ns =
            i64::try_from(object.modified_ms).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        Self { size: object.size, modified_ns, changed_ns: modified_ns, inode: 0, device: 0 }
    }

    /// Whether the file would look otherwise if it were changed after `moment`. One that was changed just before may be changed
    /// once more within the same tick of the file system's clock.
    pub(super) fn is_settled_at(&self, moment: SystemTime) -> bool {
        let coarsest = i64::try_from(COARSEST.as_nanos()).unwrap_or(i64::MAX);
        let last = self.modified_ns.max(self.changed_ns).saturating_add(coarsest);
        last < in_ns(moment)
    }
}

fn in_ns(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// The digest of the file at an absolute path. A large one is read only if it does not look as it did when it was read last.
///
/// # Errors
/// The file cannot be read.
pub fn digest_of_known_file(path: &Path, known: &dyn KnownDigests) -> io::Result<Digested> {
    let metadata = fs::metadata(path)?;
    let look = Look::of(&metadata);
    if look.size < WORTH_IT {
        return digest_of_file(path);
    }
    if let Some(digest) = known.find(path, &look) {
        return Ok(Digested { digest, size: look.size, stamp: Stamp::of(&metadata) });
    }
    let began = SystemTime::now();
    let digested = digest_of_file(path)?;
    let is_the_same = fs::metadata(path).is_ok_and(|after| Look::of(&after) == look);
    if is_the_same && look.is_settled_at(began) {
        known.remember(path, &look, &digested.digest);
    }
    Ok(digested)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};
    use std::path::PathBuf;
    use std::time::Duration;

    #[derive(Debug, Default)]
    struct Memory {
        entries: RefCell<Vec<(PathBuf, Look, String)>>,
        hits: Cell<u32>,
    }

    impl KnownDigests for Memory {
        fn find(&self, path: &Path, look: &Look) -> Option<String> {
            let entries = self.entries.borrow();
            let found = entries.iter().find(|(of, seen, _)| of == path && seen == look)?;
            self.hits.set(self.hits.get() + 1);
            Some(found.2.clone())
        }

        fn remember(&self, path: &Path, look: &Look, digest: &str) {
            self.entries.borrow_mut().push((path.to_owned(), *look, digest.to_owned()));
        }
    }

    /// Waits until what was written is older than any tick of the clock.
    fn settle(path: &Path) {
        let deadline = SystemTime::now() + Duration::from_secs(10);
        while !Look::of(&fs::metadata(path).unwrap()).is_settled_at(SystemTime::now()) {
            assert!(SystemTime::now() < deadline, "the clock stands still");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_large_file_is_read_once_until_it_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let memory = Memory::default();
        let digest = || digest_of_known_file(&path, &memory).unwrap().digest;
        fs::write(&path, vec![1; 70_000]).unwrap();
        settle(&path);
        let first = digest();
        assert_eq!((digest(), memory.hits.get()), (first.clone(), 1));
        assert_eq!(first, digest_of_file(&path).unwrap().digest);

        // Same size, and its time set back to what it was: only the time that nobody can set tells.
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, vec![2; 70_000]).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
        assert_ne!(digest(), first);
        assert_eq!(memory.hits.get(), 1);
    }

    #[test]
    fn a_file_that_was_written_just_now_is_not_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let memory = Memory::default();
        fs::write(&path, vec![1; 70_000]).unwrap();
        let ahead = SystemTime::now() + Duration::from_secs(3600);
        fs::File::options().write(true).open(&path).unwrap().set_modified(ahead).unwrap();
        digest_of_known_file(&path, &memory).unwrap();
        assert!(memory.entries.borrow().is_empty());
        let small = folder.path().join("small");
        fs::write(&small, "1").unwrap();
        settle(&small);
        digest_of_known_file(&small, &memory).unwrap();
        assert!(memory.entries.borrow().is_empty(), "a small file is read as quickly as looked up");
    }
}
