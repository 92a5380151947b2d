//! Many threads at once.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use sundae_plugin_api::ErrorKind;
use sundae_plugin_api::artifact_store::{ArtifactStore, Existing, Source};

use super::objects::{read, write};
use super::{Files, Subject, key};

const THREADS: usize = 16;

pub(super) fn many_threads_write_different_keys(subject: &Subject) {
    let store = &*subject.open();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for number in 0..8 {
                    let name = format!("t{}/{number}/{thread}", thread % 4);
                    write(store, &name, name.as_bytes());
                    assert_eq!(read(store, &name), name.as_bytes());
                }
            });
        }
    });
    let listed = store.list("", None, 1000).expect("it can be listed");
    assert_eq!(listed.len(), THREADS * 8);
    for object in listed {
        assert_eq!(read(store, object.key.as_str()), object.key.as_str().as_bytes());
    }
}

pub(super) fn of_many_that_may_not_replace_one_wins(subject: &Subject) {
    let store = &*subject.open();
    for round in 0..8 {
        let name = key(&format!("lock/{round}"));
        let winner = AtomicUsize::new(0);
        let winners = AtomicUsize::new(0);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (name, winner, winners) = (&name, &winner, &winners);
                scope.spawn(move || {
                    match store.write(name, thread.to_string().as_bytes(), Existing::Refuse) {
                        Ok(()) => {
                            winner.store(thread, Ordering::Relaxed);
                            winners.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
                    }
                });
            }
        });
        assert_eq!(winners.into_inner(), 1, "exactly one may win");
        assert_eq!(read(store, name.as_str()), winner.into_inner().to_string().as_bytes());
    }
}

pub(super) fn a_reader_never_sees_half_an_object(subject: &Subject) {
    let (store, files) = (&*subject.open(), &subject.files);
    write(store, "a/b", &content(1));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let writers: Vec<_> = (0..THREADS / 2)
            .map(|writer| {
                scope.spawn(move || {
                    for round in 0..8 {
                        let content = content(1 + (writer * 8 + round) % 40);
                        if round % 2 == 0 {
                            write(store, "a/b", &content);
                        } else {
                            let file = files.file(&format!("writer-{writer}"), &content);
                            store.put(&key("a/b"), &file, Source::Give).expect("it can be put");
                            fs::remove_file(file).ok();
                        }
                    }
                })
            })
            .collect();
        for reader in 0..THREADS / 2 {
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    look(files, store, reader);
                }
            });
        }
        let ended: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "a writer failed");
    });
    assert_whole(&read(store, "a/b"));
    assert_eq!(store.list("", None, 9).expect("it can be listed").len(), 1, "nothing else is left");
}

/// Looks at the object that is being replaced, in every way that there is.
fn look(files: &Files, store: &dyn ArtifactStore, reader: usize) {
    assert_whole(&read(store, "a/b"));
    let destination = files.nothing(&format!("reader-{reader}"));
    store.get(&key("a/b"), &destination).expect("there is an object at any time");
    assert_whole(&fs::read(&destination).expect("what was got can be read"));
    fs::remove_file(destination).expect("what was got can be removed");
    let object =
        store.stat(&key("a/b")).expect("it can be asked").expect("it is there at any time");
    assert_eq!(object.size % SIZE as u64, 0, "half an object has {} bytes", object.size);
    assert_eq!(store.list("", None, 9).expect("it can be listed").len(), 1);
}

const SIZE: usize = 10_007;

/// A content that tells from each of its bytes how long it is.
fn content(number: usize) -> Vec<u8> {
    vec![u8::try_from(number).expect("there are few"); SIZE * number]
}

fn assert_whole(bytes: &[u8]) {
    let number = usize::from(*bytes.first().expect("it is not empty"));
    let length = bytes.len();
    assert_eq!(length, SIZE * number, "half an object: {length} bytes of the content {number}");
    assert!(bytes.iter().all(|byte| usize::from(*byte) == number), "a mixture of two objects");
}
