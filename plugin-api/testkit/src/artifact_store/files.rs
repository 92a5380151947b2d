//! Objects from files and to files.

use std::fs::{self, File, Metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sundae_plugin_api::ErrorKind;
use sundae_plugin_api::artifact_store::{ArtifactStore, Source};

use super::objects::{read, write};
use super::{Subject, key};

pub(super) fn what_is_put_can_be_read(subject: &Subject) {
    let store = subject.open();
    put(&*store, "a/b", &subject.file("file", b"some content"), Source::Keep);
    assert_eq!(read(&*store, "a/b"), b"some content");
    assert_eq!(got(subject, &*store, "a/b"), b"some content");
    let stat = store.stat(&key("a/b")).expect("it can be asked").expect("it is there");
    assert_eq!(stat.size, 12);
}

pub(super) fn what_is_kept_stays_as_it_is(subject: &Subject) {
    let store = subject.open();
    let file = subject.file("file", b"mine");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("the file is the test's");
    put(&*store, "a", &file, Source::Keep);
    assert_eq!(fs::read(&file).expect("it is still there"), b"mine");
    assert_eq!(metadata(&file).mode() & 0o777, 0o640, "its permissions are as they were");
}

pub(super) fn what_is_given_becomes_the_object(subject: &Subject) {
    let store = subject.open();
    put(&*store, "a/b", &subject.file("file", b"yours"), Source::Give);
    assert_eq!(read(&*store, "a/b"), b"yours");
    // Whether it was moved is the store's business; the place is free for another file of that name.
    fs::remove_file(subject.nothing("file")).ok();
    put(&*store, "a/c", &subject.file("file", b"this too"), Source::Give);
    assert_eq!(
        (read(&*store, "a/b"), read(&*store, "a/c")),
        (b"yours".to_vec(), b"this too".to_vec())
    );
}

pub(super) fn what_is_given_from_another_file_system_becomes_the_object(subject: &Subject) {
    let store = subject.open();
    let file = tempfile::NamedTempFile::new_in(elsewhere()).expect("a temporary file can be made");
    fs::write(&file, b"from afar").expect("a temporary file can be written");
    let path = file.into_temp_path();
    put(&*store, "a/b", &path, Source::Give);
    assert_eq!(read(&*store, "a/b"), b"from afar");
}

pub(super) fn what_is_put_replaces_what_was_there(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a", b"written first");
    for (content, source) in [(b"1", Source::Keep), (b"2", Source::Give), (b"3", Source::Keep)] {
        put(&*store, "a", &subject.file("file", content), source);
        assert_eq!(read(&*store, "a"), content);
    }
    write(&*store, "a", b"written last");
    assert_eq!(read(&*store, "a"), b"written last");
}

pub(super) fn a_put_that_fails_leaves_what_was_there(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a", b"old");
    for source in [Source::Keep, Source::Give] {
        for name in ["a", "b"] {
            let missing = subject.nothing("no such file");
            store.put(&key(name), &missing, source).expect_err("there is nothing to put");
        }
    }
    assert_eq!(read(&*store, "a"), b"old");
    assert_eq!(store.stat(&key("b")).expect("it can be asked"), None);
    assert_eq!(store.list("", None, 9).expect("it can be listed").len(), 1);
}

pub(super) fn later_changes_of_a_kept_file_do_not_reach_the_object(subject: &Subject) {
    let store = subject.open();
    let file = subject.file("file", b"before");
    put(&*store, "a", &file, Source::Keep);
    fs::write(&file, b"afterwards").expect("the file is the test's");
    assert_eq!(read(&*store, "a"), b"before");
}

pub(super) fn what_is_given_in_the_staging_folder_is_moved(subject: &Subject) {
    let store = subject.open();
    let Some(staging) = store.capabilities().staging else { return };
    let folder = staging.join("of-the-test");
    fs::create_dir(&folder).expect("the host may prepare files in the staging folder");
    let file = folder.join("file");
    fs::write(&file, b"prepared").expect("the host may prepare files in the staging folder");
    let inode = metadata(&file).ino();
    put(&*store, "a/b", &file, Source::Give);
    assert!(!file.exists(), "it is moved, and not copied");
    assert_eq!(read(&*store, "a/b"), b"prepared");
    let destination = folder.join("got");
    store.get(&key("a/b"), &destination).expect("it can be got");
    if !shares_blocks(&folder) {
        assert_eq!(metadata(&destination).ino(), inode, "no bytes are copied, in or out");
    }
    fs::remove_dir_all(folder).expect("the host cleans up after itself");
}

pub(super) fn what_is_got_from_a_store_with_a_staging_folder_is_linked(subject: &Subject) {
    let store = subject.open();
    let Some(staging) = store.capabilities().staging else { return };
    write(&*store, "a", b"content");
    let destinations = [staging.join("got-1"), staging.join("got-2")];
    for destination in &destinations {
        store.get(&key("a"), destination).expect("it can be got");
        let mode = metadata(destination).mode();
        assert_eq!(mode & 0o222, 0, "what may be the store's own data is not writable: {mode:o}");
    }
    let inodes = destinations.each_ref().map(|destination| metadata(destination).ino());
    assert!(inodes[0] == inodes[1] || shares_blocks(&staging), "no bytes are copied");
    for destination in destinations {
        fs::remove_file(destination).expect("the host cleans up after itself");
    }
    assert_eq!(read(&*store, "a"), b"content", "a link that is removed takes nothing with it");
}

pub(super) fn what_is_got_on_another_file_system_is_the_object(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a/b", b"to afar");
    let folder = tempfile::tempdir_in(elsewhere()).expect("a temporary folder can be made");
    let destination = folder.path().join("got");
    store.get(&key("a/b"), &destination).expect("it can be got");
    assert_eq!(fs::read(&destination).expect("it is there"), b"to afar");
    fs::remove_file(destination).expect("what was got can be removed");
    assert_eq!(read(&*store, "a/b"), b"to afar");
}

pub(super) fn an_object_is_as_old_as_its_putting_and_not_as_its_file(subject: &Subject) {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let store = subject.open();
    let now = SystemTime::now();
    for (time, source) in [
        (now - 1000 * DAY, Source::Give),
        (now + 1000 * DAY, Source::Give),
        (now - 1000 * DAY, Source::Keep),
    ] {
        let file = subject.file("file", b"of another time");
        File::options()
            .write(true)
            .open(&file)
            .and_then(|file| file.set_modified(time))
            .expect("the file is the test's");
        put(&*store, "a", &file, source);
        let stat = store.stat(&key("a")).expect("it can be asked").expect("it is there");
        let modified = SystemTime::UNIX_EPOCH + Duration::from_millis(stat.modified_ms);
        assert!(modified + DAY > now && modified < now + DAY, "{source:?}: {modified:?}");
        fs::remove_file(file).ok();
    }
}

/// A folder on another file system than the tests' own. There is one on every Linux; elsewhere it is an ordinary folder.
fn elsewhere() -> PathBuf {
    let folder = Some(Path::new("/dev/shm")).filter(|folder| folder.is_dir());
    folder.map_or_else(std::env::temp_dir, Path::to_owned)
}

pub(super) fn what_is_got_of_a_missing_object_is_nothing(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a/b", b"x");
    for name in ["b", "a", "a/c", "a/b/c"] {
        let destination = subject.nothing("destination");
        let error = store.get(&key(name), &destination).expect_err("there is no such object");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error}");
        assert!(error.message().contains(name), "the message must name the key: {error}");
        assert!(!destination.exists(), "{name}");
    }
}

pub(super) fn a_destination_that_exists_is_left_alone(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a", b"object");
    let destination = subject.file("destination", b"mine");
    let error = store.get(&key("a"), &destination).expect_err("there is something");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert_eq!(fs::read(destination).expect("it is still there"), b"mine");
}

pub(super) fn what_was_got_stays_when_the_object_is_replaced(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a", b"old");
    let destination = subject.nothing("destination");
    store.get(&key("a"), &destination).expect("it can be got");
    write(&*store, "a", b"new");
    assert_eq!(fs::read(&destination).expect("it is there"), b"old");
    store.delete(&key("a")).expect("it can be removed");
    assert_eq!(fs::read(&destination).expect("it is there"), b"old");
}

pub(super) fn a_big_object_arrives_whole(subject: &Subject) {
    let store = subject.open();
    // No two blocks of it are the same, so that none can be missing, twice there or in the place of another.
    let content: Vec<u8> = (0..2_u32 << 20)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    assert_eq!(content.len(), 8 << 20);
    let is_whole = |bytes: &[u8]| bytes == content;
    write(&*store, "written", &content);
    put(&*store, "put", &subject.file("file", &content), Source::Give);
    for name in ["written", "put"] {
        assert!(is_whole(&read(&*store, name)), "{name} is read as another");
        assert!(is_whole(&got(subject, &*store, name)), "{name} is got as another");
        let range = 5_000_001..5_000_101;
        let part = store.read(&key(name), Some(range)).expect("a part of it can be read");
        assert_eq!(part, content[5_000_001..5_000_101], "{name}");
        let stat = store.stat(&key(name)).expect("it can be asked").expect("it is there");
        assert_eq!(stat.size, 8 << 20);
    }
}

fn put(store: &dyn ArtifactStore, name: &str, file: &Path, source: Source) {
    store
        .put(&key(name), file, source)
        .unwrap_or_else(|error| panic!("{name} can be put, and not: {error}"));
}

/// The content of an object, through a file.
fn got(subject: &Subject, store: &dyn ArtifactStore, name: &str) -> Vec<u8> {
    let destination: PathBuf = subject.nothing("got");
    store
        .get(&key(name), &destination)
        .unwrap_or_else(|error| panic!("{name} can be got, and not: {error}"));
    let content = fs::read(&destination).expect("what was got can be read");
    fs::remove_file(destination).expect("what was got can be removed");
    content
}

fn metadata(path: &Path) -> Metadata {
    fs::metadata(path).expect("it is there")
}

/// Whether files on this file system can share their blocks, so that two of them cost as much as one.
fn shares_blocks(folder: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        let (one, other) = (folder.join("shared-1"), folder.join("shared-2"));
        fs::write(&one, [0; 8192]).expect("a file of the test can be written");
        let from = File::open(&one).expect("it is there");
        let to = File::create(&other).expect("a file of the test can be written");
        let shares = rustix::fs::ioctl_ficlone(&to, &from).is_ok();
        fs::remove_file(one).and_then(|()| fs::remove_file(other)).expect("they are the test's");
        shares
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        true
    }
}
