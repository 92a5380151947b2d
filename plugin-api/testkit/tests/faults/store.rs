//! A store that keeps everything in memory, and breaks one rule at a time.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use sundae_plugin_api::artifact_store::{ArtifactStore, Capabilities, Existing, Object, Source};
use sundae_plugin_api::{Error, ErrorKind, Key};
use sundae_plugin_testkit::artifact_store::{CASES, Subject};

use super::super::{failing, passing};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    TakesWhatItShouldKeep,
    NeverReplaces,
    AlwaysReplaces,
    ReadsTooFar,
    RangePastTheEndFails,
    MissingIsEmpty,
    DeletingNothingFails,
    DeletesNothing,
    ListsByFolder,
    ListsTooMany,
    ListsFromTheKey,
    PrefixIsFolder,
    ForgetsTheTime,
    GetsOverWhatIsThere,
    WritesInTwoHalves,
    RefusesAfterLooking,
    OwnObjectsOfEach,
    LosesTheEndOfBigObjects,
    TruncatesLongKeys,
    StagingIsCopied,
}

type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

struct Memory {
    fault: Fault,
    objects: Objects,
    staging: Option<PathBuf>,
}

impl Memory {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.objects.lock().unwrap()
    }

    fn name(&self, key: &Key) -> String {
        let text = key.as_str();
        let length = if self.fault == Fault::TruncatesLongKeys { 300 } else { 512 };
        text[..text.len().min(length)].to_owned()
    }

    fn object(&self, name: &str, bytes: &[u8]) -> Object {
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() / 60_000 * 60_000;
        let modified_ms = if self.fault == Fault::ForgetsTheTime { 0 } else { now as u64 };
        Object { key: Key::new(name).unwrap(), size: bytes.len() as u64, modified_ms }
    }

    /// By folders first, as somebody would who walks them.
    fn sort(&self, names: &mut [String]) {
        if self.fault == Fault::ListsByFolder {
            names.sort_by(|a, b| a.split('/').cmp(b.split('/')));
        }
    }
}

impl ArtifactStore for Memory {
    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::at("memory");
        match &self.staging {
            Some(folder) => capabilities.staging(folder.clone()),
            None => capabilities,
        }
    }

    fn put(&self, key: &Key, file: &Path, _: Source) -> Result<(), Error> {
        let bytes = fs::read(file).map_err(|error| Error::io("read", file, &error))?;
        if self.fault == Fault::TakesWhatItShouldKeep {
            fs::remove_file(file).unwrap();
        }
        self.write(key, &bytes, Existing::Replace)
    }

    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        let bytes = self.read(key, None)?;
        let io = |error| Error::io("write", destination, &error);
        if self.fault != Fault::GetsOverWhatIsThere {
            fs::File::create_new(destination).map_err(io)?;
        }
        fs::write(destination, bytes).map_err(io)
    }

    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        let name = self.name(key);
        let is_taken = self.objects().contains_key(&name);
        let taken = || Err(Error::new(ErrorKind::AlreadyExists, format!("{key} exists")));
        match (self.fault, existing) {
            (Fault::AlwaysReplaces, _) => {}
            (Fault::NeverReplaces, _) if is_taken => return Ok(()),
            (Fault::RefusesAfterLooking, Existing::Refuse) if is_taken => return taken(),
            (Fault::RefusesAfterLooking, Existing::Refuse) => std::thread::yield_now(),
            (_, Existing::Refuse) => {
                let mut objects = self.objects();
                if objects.contains_key(&name) {
                    return taken();
                }
                objects.insert(name, bytes.to_vec());
                return Ok(());
            }
            (Fault::WritesInTwoHalves, _) => {
                self.objects().insert(name.clone(), bytes[..bytes.len() / 2].to_vec());
                std::thread::yield_now();
            }
            _ => {}
        }
        let end = match self.fault {
            Fault::LosesTheEndOfBigObjects => bytes.len().min(1 << 20),
            _ => bytes.len(),
        };
        self.objects().insert(name, bytes[..end].to_vec());
        Ok(())
    }

    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        let objects = self.objects();
        let Some(bytes) = objects.get(&self.name(key)) else {
            if self.fault == Fault::MissingIsEmpty {
                return Ok(Vec::new());
            }
            return Err(Error::new(ErrorKind::NotFound, format!("there is no {key}")));
        };
        let Some(range) = range else { return Ok(bytes.clone()) };
        let length = bytes.len() as u64;
        if self.fault == Fault::RangePastTheEndFails && range.end > length {
            return Err(Error::other("there is no such range"));
        }
        let mut end = range.end.min(length);
        if self.fault == Fault::ReadsTooFar {
            end = (end + 1).min(length);
        }
        let start = range.start.min(end);
        Ok(bytes[start as usize..end as usize].to_vec())
    }

    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        let objects = self.objects();
        Ok(objects.get(&self.name(key)).map(|bytes| self.object(key.as_str(), bytes)))
    }

    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        let objects = self.objects();
        let mut names: Vec<_> = objects.keys().cloned().collect();
        names.retain(|name| match self.fault {
            Fault::PrefixIsFolder => {
                prefix.is_empty() || name.starts_with(&format!("{}/", prefix.trim_end_matches('/')))
            }
            _ => name.starts_with(prefix),
        });
        names.retain(|name| match (after, self.fault) {
            (None, _) => true,
            (Some(after), Fault::ListsFromTheKey) => name.as_str() >= after.as_str(),
            (Some(after), _) => name.as_str() > after.as_str(),
        });
        self.sort(&mut names);
        let limit = if self.fault == Fault::ListsTooMany { limit + 1 } else { limit };
        let objects = names.iter().take(limit).map(|name| self.object(name, &objects[name]));
        Ok(objects.collect())
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        if self.fault == Fault::DeletesNothing {
            return Ok(());
        }
        let removed = self.objects().remove(&self.name(key));
        if removed.is_none() && self.fault == Fault::DeletingNothingFails {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no {key}")));
        }
        Ok(())
    }
}

/// A new store, and a folder that stays until the process ends.
fn subject(fault: Fault) -> Subject {
    let folder = tempfile::tempdir().unwrap().keep();
    let (files, staging) = (folder.join("files"), folder.join("staging"));
    fs::create_dir_all(&files).unwrap();
    fs::create_dir_all(&staging).unwrap();
    let staging = (fault == Fault::StagingIsCopied).then_some(staging);
    let shared = Objects::default();
    Subject::new(files, move || {
        let objects = match fault {
            Fault::OwnObjectsOfEach => Objects::default(),
            _ => Arc::clone(&shared),
        };
        Ok(Box::new(Memory { fault, objects, staging: staging.clone() }))
    })
}

#[test]
fn a_store_that_keeps_the_rules_passes() {
    assert_eq!(failing(CASES, || subject(Fault::None)), [""; 0]);
}

#[test]
fn a_store_that_breaks_a_rule_fails() {
    for (fault, cases) in [
        (Fault::TakesWhatItShouldKeep, &["what_is_kept_stays_as_it_is"][..]),
        (
            Fault::NeverReplaces,
            &["what_is_put_replaces_what_was_there", "what_is_written_replaces_what_was_there"],
        ),
        (
            Fault::AlwaysReplaces,
            &["what_may_not_be_replaced_is_not", "of_many_that_may_not_replace_one_wins"],
        ),
        (Fault::ReadsTooFar, &["a_range_gives_that_part"]),
        (
            Fault::RangePastTheEndFails,
            &["a_range_past_the_end_is_cut_short", "an_empty_object_is_an_object"],
        ),
        (
            Fault::MissingIsEmpty,
            &[
                "a_missing_object_is_not_found",
                "what_is_got_of_a_missing_object_is_nothing",
                "a_folder_of_keys_is_no_object",
            ],
        ),
        (Fault::DeletingNothingFails, &["deleting_nothing_is_no_error"]),
        (Fault::DeletesNothing, &["a_deleted_object_is_gone", "two_components_share_the_objects"]),
        (Fault::ListsByFolder, &["a_listing_is_in_the_order_of_bytes"]),
        (Fault::ListsTooMany, &["a_listing_ends"]),
        (Fault::ListsFromTheKey, &["a_listing_goes_on_after_a_key"]),
        (Fault::PrefixIsFolder, &["a_listing_takes_the_prefix_as_text"]),
        (Fault::ForgetsTheTime, &["stat_tells_size_and_time"]),
        (Fault::GetsOverWhatIsThere, &["a_destination_that_exists_is_left_alone"]),
        (Fault::WritesInTwoHalves, &["a_reader_never_sees_half_an_object"]),
        (
            Fault::OwnObjectsOfEach,
            &["objects_outlive_the_component", "two_components_share_the_objects"],
        ),
        (Fault::LosesTheEndOfBigObjects, &["a_big_object_arrives_whole"]),
        (Fault::TruncatesLongKeys, &["a_long_key_is_a_key"]),
        (
            Fault::StagingIsCopied,
            &[
                "what_is_given_in_the_staging_folder_is_moved",
                "what_is_got_from_a_store_with_a_staging_folder_is_linked",
            ],
        ),
    ] {
        assert_eq!(passing(CASES, cases, || subject(fault)), [""; 0], "{fault:?} goes unnoticed");
    }
}

#[test]
fn two_that_look_before_they_write_are_caught_in_time() {
    // A race: it is lost in most rounds, and there are many.
    let is_caught = (0..20).any(|_| {
        let cases = ["of_many_that_may_not_replace_one_wins"];
        passing(CASES, &cases, || subject(Fault::RefusesAfterLooking)).is_empty()
    });
    assert!(is_caught);
}
