//! Objects from bytes in memory: written, read, found, removed.

use std::time::{SystemTime, UNIX_EPOCH};

use sundae_plugin_api::ErrorKind;
use sundae_plugin_api::artifact_store::{ArtifactStore, Existing};

use super::{Subject, key};

pub(super) fn it_can_work(subject: &Subject) {
    subject.open().check().expect("a store that is tested can work");
}

pub(super) fn it_says_what_it_can_do(subject: &Subject) {
    let store = subject.open();
    let capabilities = store.capabilities();
    assert!(!capabilities.location.is_empty(), "people want to know where the objects are");
    if let Some(staging) = &capabilities.staging {
        assert!(
            staging.is_absolute(),
            "the staging folder must be absolute: {}",
            staging.display()
        );
        assert!(staging.is_dir(), "the staging folder must exist: {}", staging.display());
    }
    write(&*store, "a", b"x");
    assert_eq!(store.capabilities(), capabilities, "capabilities are constant");
}

pub(super) fn what_is_written_can_be_read(subject: &Subject) {
    let store = subject.open();
    for (name, content) in [("one", &b"1"[..]), ("a/b/c/d/e/f.g", b"deep"), ("zeros", &[0; 300])] {
        write(&*store, name, content);
        assert_eq!(read(&*store, name), content, "{name}");
    }
}

pub(super) fn what_is_written_replaces_what_was_there(subject: &Subject) {
    let store = subject.open();
    for content in [&b"a long first content"[..], b"short", b"", b"again"] {
        write(&*store, "a/b", content);
        assert_eq!(read(&*store, "a/b"), content);
    }
}

pub(super) fn what_may_not_be_replaced_is_not(subject: &Subject) {
    let store = subject.open();
    store.write(&key("a/b"), b"first", Existing::Refuse).expect("the key is free");
    let error =
        store.write(&key("a/b"), b"second", Existing::Refuse).expect_err("the key is taken");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert_eq!(read(&*store, "a/b"), b"first");
    store.delete(&key("a/b")).expect("it can be removed");
    store.write(&key("a/b"), b"third", Existing::Refuse).expect("the key is free again");
}

pub(super) fn a_range_gives_that_part(subject: &Subject) {
    let store = subject.open();
    write(&*store, "digits", b"0123456789");
    for (range, part) in
        [(0..10, "0123456789"), (0..1, "0"), (3..7, "3456"), (9..10, "9"), (5..5, "")]
    {
        let bytes = store.read(&key("digits"), Some(range.clone())).expect("it can be read");
        assert_eq!(bytes, part.as_bytes(), "{range:?}");
    }
}

pub(super) fn a_range_past_the_end_is_cut_short(subject: &Subject) {
    let store = subject.open();
    write(&*store, "digits", b"0123456789");
    let backwards = std::ops::Range { start: 7, end: 3 };
    for (range, part) in [
        (8..20, "89"),
        (0..u64::MAX, "0123456789"),
        (10..11, ""),
        (11..20, ""),
        (u64::MAX - 1..u64::MAX, ""),
        (backwards, ""),
    ] {
        let bytes = store.read(&key("digits"), Some(range.clone())).expect("it is no error");
        assert_eq!(bytes, part.as_bytes(), "{range:?}");
    }
}

pub(super) fn an_empty_object_is_an_object(subject: &Subject) {
    let store = subject.open();
    write(&*store, "written", b"");
    let file = subject.file("empty", b"");
    store
        .put(&key("put"), &file, sundae_plugin_api::artifact_store::Source::Keep)
        .expect("an empty file can be put");
    for name in ["written", "put"] {
        assert_eq!(read(&*store, name), b"");
        let stat = store.stat(&key(name)).expect("it can be asked").expect("it is there");
        assert_eq!(stat.size, 0);
        assert_eq!(store.read(&key(name), Some(0..5)).expect("it is no error"), b"");
        let destination = subject.nothing(name);
        store.get(&key(name), &destination).expect("it can be got");
        assert_eq!(std::fs::metadata(destination).expect("it is there").len(), 0);
    }
    assert_eq!(store.list("", None, 9).expect("it can be listed").len(), 2);
}

pub(super) fn a_long_key_is_a_key(subject: &Subject) {
    let store = subject.open();
    let component = "k".repeat(200);
    let longest = format!("{component}/{component}/{}", "k".repeat(110));
    assert_eq!(longest.len(), 512);
    for name in
        [&component, &format!("short/{component}"), &format!("{}/x", "d".repeat(200)), &longest[..]]
    {
        // A key must not be a folder of another.
        let name = &format!("{}{}", &name[..name.len() - 1], name.len() % 10);
        write(&*store, name, name.as_bytes());
        assert_eq!(read(&*store, name), name.as_bytes());
        let listed = store.list(name, None, 9).expect("it can be listed");
        assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), [name]);
        store.delete(&key(name)).expect("it can be removed");
    }
}

pub(super) fn every_letter_of_a_key_counts(subject: &Subject) {
    let store = subject.open();
    let names = [
        "a-b", "a_b", "a.b", "ab", "a/b-", "a/b_", "a/b.", "a/b", "0", "00", "-", "_", "a--b",
        "x.tar.gz",
    ];
    for name in names {
        write(&*store, name, name.as_bytes());
    }
    for name in names {
        assert_eq!(read(&*store, name), name.as_bytes(), "{name}");
    }
}

pub(super) fn a_missing_object_is_not_found(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a/b", b"x");
    for name in ["b", "a/c", "a/b0", "c/d/e"] {
        for range in [None, Some(0..1), Some(0..0)] {
            let error = store.read(&key(name), range).expect_err("there is none");
            assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error}");
            assert!(error.message().contains(name), "the message must name the key: {error}");
        }
        assert_eq!(store.stat(&key(name)).expect("it can be asked"), None, "{name}");
    }
}

pub(super) fn a_folder_of_keys_is_no_object(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a/b/c", b"x");
    for name in ["a", "a/b", "a/b/c/d"] {
        assert_eq!(store.stat(&key(name)).expect("it can be asked"), None, "{name}");
        let error = store.read(&key(name), None).expect_err("there is no such object");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error}");
        store.delete(&key(name)).expect("deleting nothing is no error");
    }
    assert_eq!(read(&*store, "a/b/c"), b"x");
}

pub(super) fn a_deleted_object_is_gone(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a/b", b"1");
    write(&*store, "a/c", b"2");
    store.delete(&key("a/b")).expect("it can be removed");
    assert_eq!(store.stat(&key("a/b")).expect("it can be asked"), None);
    assert_eq!(store.read(&key("a/b"), None).expect_err("it is gone").kind(), ErrorKind::NotFound);
    let listed = store.list("", None, 9).expect("it can be listed");
    assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a/c"]);
    write(&*store, "a/b", b"3");
    assert_eq!(read(&*store, "a/b"), b"3");
}

pub(super) fn deleting_nothing_is_no_error(subject: &Subject) {
    let store = subject.open();
    store.delete(&key("a/b")).expect("deleting nothing is no error");
    write(&*store, "a/b", b"1");
    for _ in 0..2 {
        store.delete(&key("a/b")).expect("deleting twice is no error");
    }
}

pub(super) fn stat_tells_size_and_time(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a/b", &[7; 1234]);
    let object = store.stat(&key("a/b")).expect("it can be asked").expect("it is there");
    assert_eq!((object.key.as_str(), object.size), ("a/b", 1234));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis();
    let difference = now.abs_diff(u128::from(object.modified_ms));
    // The clock of a service may be another than ours.
    assert!(difference < 3_600_000, "it became visible just now, and not {difference} ms away");
    assert_eq!(
        store.list("", None, 9).expect("it can be listed"),
        [object],
        "a listing tells the same"
    );
}

pub(super) fn objects_outlive_the_component(subject: &Subject) {
    let store = subject.open();
    write(&*store, "a/b", b"kept");
    drop(store);
    assert_eq!(read(&*subject.open(), "a/b"), b"kept");
}

pub(super) fn two_components_share_the_objects(subject: &Subject) {
    let (one, other) = (subject.open(), subject.open());
    write(&*one, "a/b", b"1");
    assert_eq!(read(&*other, "a/b"), b"1");
    write(&*other, "a/b", b"2");
    assert_eq!(read(&*one, "a/b"), b"2");
    let error = one.write(&key("a/b"), b"3", Existing::Refuse).expect_err("the key is taken");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    other.delete(&key("a/b")).expect("it can be removed");
    assert_eq!(one.stat(&key("a/b")).expect("it can be asked"), None);
}

pub(super) fn write(store: &dyn ArtifactStore, name: &str, content: &[u8]) {
    store
        .write(&key(name), content, Existing::Replace)
        .unwrap_or_else(|error| panic!("{name} can be written, and not: {error}"));
}

pub(super) fn read(store: &dyn ArtifactStore, name: &str) -> Vec<u8> {
    store
        .read(&key(name), None)
        .unwrap_or_else(|error| panic!("{name} can be read, and not: {error}"))
}
