//! Objects that are large, and objects that are many.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sundae_plugin_api::Key;
use sundae_plugin_api::artifact_store::{ArtifactStore, Source};

use super::objects::write;
use super::{Subject, key};

const MIB: u64 = 1 << 20;

/// A number from the environment, for those who want to see more.
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, and not {text}"))
    })
}

/// Longer than any part in which a store may move it, and never in memory as a whole.
pub(super) fn a_large_object_arrives_whole(subject: &Subject) {
    let store = subject.open();
    // Not a multiple of anything.
    let size = number("SUNDAE_TEST_LARGE_MIB", 64) * MIB + 12_345;
    let file = subject.nothing("large");
    write_pattern(&file, size);
    store.put(&key("large"), &file, Source::Keep).expect("a large file can be put");
    let stat = store.stat(&key("large")).expect("it can be asked").expect("it is there");
    assert_eq!(stat.size, size);

    let destination = subject.nothing("got");
    store.get(&key("large"), &destination).expect("a large object can be got");
    assert_same(&file, &destination);
    fs::remove_file(destination).expect("what was got can be removed");

    let reach = 300;
    for middle in [reach, 5 * MIB, 8 * MIB, 16 * MIB, size / 2, size] {
        let range = middle - reach..middle + reach;
        let part = store.read(&key("large"), Some(range.clone())).expect("a part can be read");
        let expected: Vec<u8> = (range.start..range.end.min(size)).map(byte_at).collect();
        assert!(part == expected, "the bytes of {range:?} are others");
    }
    store.delete(&key("large")).expect("it can be removed");
}

/// A byte that tells where it is: blocks of any power of two differ.
fn byte_at(position: u64) -> u8 {
    let mixed = (position / 251).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u8 ^ (position % 251) as u8
}

fn write_pattern(file: &Path, size: u64) {
    let mut file = File::create_new(file).expect("a file of the test can be made");
    let mut position = 0;
    while position < size {
        let end = (position + MIB).min(size);
        let bytes: Vec<u8> = (position..end).map(byte_at).collect();
        file.write_all(&bytes).expect("a file of the test can be written");
        position = end;
    }
}

fn assert_same(one: &Path, other: &Path) {
    let length = |file: &Path| fs::metadata(file).expect("it is there").len();
    assert_eq!(length(one), length(other), "the lengths differ");
    let open = |file: &Path| File::open(file).expect("it can be read");
    let (mut one, mut other) = (open(one), open(other));
    loop {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        Read::by_ref(&mut one).take(MIB).read_to_end(&mut left).expect("it can be read");
        Read::by_ref(&mut other).take(MIB).read_to_end(&mut right).expect("it can be read");
        assert!(left == right, "the contents differ");
        if left.is_empty() {
            return;
        }
    }
}

/// More than a service lists in one answer.
pub(super) fn thousands_of_objects_are_listed(subject: &Subject) {
    let store = &*subject.open();
    let count = number("SUNDAE_TEST_MANY", 2_100);
    let name = |number: u64| match number % 3 {
        // Flat, as siblings, and in folders of their own.
        0 => format!("many/{number:06}"),
        1 => format!("many/{:02}/{number}", number % 7),
        _ => format!("more-{number}/x"),
    };
    let writers = 16;
    thread::scope(|scope| {
        for writer in 0..writers {
            scope.spawn(move || {
                for number in (writer..count).step_by(16) {
                    write(store, &name(number), b"x");
                }
            });
        }
    });
    let mut expected: Vec<String> = (0..count).map(name).collect();
    expected.sort_unstable();
    for (prefix, page) in [("", 1000), ("", 333), ("many/", 7000), ("more-", 250)] {
        let wanted: Vec<_> = expected.iter().filter(|name| name.starts_with(prefix)).collect();
        let found = listed(store, prefix, page);
        assert!(found.iter().map(Key::as_str).eq(wanted), "prefix `{prefix}` by {page}");
    }
    // From the middle on, as one who starts anew.
    let middle = &expected[expected.len() / 2];
    let rest = subject.open().list("", Some(&key(middle)), 5).expect("it can be listed");
    let rest: Vec<_> = rest.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(rest, expected[expected.len() / 2 + 1..][..5]);
}

fn listed(store: &dyn ArtifactStore, prefix: &str, page: usize) -> Vec<Key> {
    let mut all: Vec<Key> = Vec::new();
    loop {
        let objects = store.list(prefix, all.last(), page).expect("it can be listed");
        assert!(objects.len() <= page, "{} objects, and {page} were wanted", objects.len());
        if objects.is_empty() {
            return all;
        }
        all.extend(objects.into_iter().map(|object| object.key));
    }
}

/// An object of many parts, for one who gets it while it is replaced.
pub(super) fn a_reader_never_sees_half_a_large_object(subject: &Subject) {
    let store = &*subject.open();
    let files = &subject.files;
    let size = |content: u64| (18 + 3 * content) * MIB;
    let put = |content: u64| {
        let byte = u8::try_from(content).expect("there are few");
        let length = usize::try_from(size(content)).expect("it fits into memory");
        let file = files.file("new", &vec![byte; length]);
        store.put(&key("a/large"), &file, Source::Keep).expect("it can be put");
    };
    put(0);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|reader| {
                let (is_over, size) = (&is_over, &size);
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        let destination = files.nothing(&format!("large-{reader}"));
                        store.get(&key("a/large"), &destination).expect("it is there at any time");
                        let bytes = fs::read(&destination).expect("what was got can be read");
                        fs::remove_file(destination).expect("what was got can be removed");
                        let content = *bytes.first().expect("it is not empty");
                        assert_eq!(bytes.len() as u64, size(content.into()), "half an object");
                        assert!(bytes.iter().all(|byte| *byte == content), "a mixture of two");
                    }
                })
            })
            .collect();
        for content in [1, 2, 3, 0, 2] {
            put(content);
        }
        is_over.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().expect("a reader has seen half an object");
        }
    });
    let stat = store.stat(&key("a/large")).expect("it can be asked").expect("it is there");
    assert_eq!(stat.size, size(2));
    store.delete(&key("a/large")).expect("it can be removed");
}
