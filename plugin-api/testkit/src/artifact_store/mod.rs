//! What every artifact store must do.

mod concurrency;
mod files;
mod listing;
mod objects;
mod scale;

use std::path::{Path, PathBuf};

use serde_json::Value;
use sundae_plugin_api::{ArtifactStore, Component, Error, Host, Key, abi};

use crate::case::{Case, case, check_schema};
use concurrency::*;
use files::*;
use listing::*;
use objects::*;
use scale::*;

/// The names of all cases, handed to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __artifact_store_cases {
    ($callback:ident { $($context:tt)* }) => {
        $crate::$callback! {
            { $($context)* }
            it_can_work
            it_says_what_it_can_do
            what_is_put_can_be_read
            what_is_kept_stays_as_it_is
            what_is_given_becomes_the_object
            what_is_given_from_another_file_system_becomes_the_object
            what_is_put_replaces_what_was_there
            a_put_that_fails_leaves_what_was_there
            later_changes_of_a_kept_file_do_not_reach_the_object
            what_is_given_in_the_staging_folder_is_moved
            what_is_got_from_a_store_with_a_staging_folder_is_linked
            what_is_got_on_another_file_system_is_the_object
            what_is_got_of_a_missing_object_is_nothing
            a_destination_that_exists_is_left_alone
            what_was_got_stays_when_the_object_is_replaced
            what_is_written_can_be_read
            what_is_written_replaces_what_was_there
            what_may_not_be_replaced_is_not
            a_range_gives_that_part
            a_range_past_the_end_is_cut_short
            an_empty_object_is_an_object
            a_big_object_arrives_whole
            a_long_key_is_a_key
            every_letter_of_a_key_counts
            a_missing_object_is_not_found
            a_folder_of_keys_is_no_object
            a_deleted_object_is_gone
            deleting_nothing_is_no_error
            stat_tells_size_and_time
            an_object_is_as_old_as_its_putting_and_not_as_its_file
            a_listing_is_in_the_order_of_bytes
            a_listing_takes_the_prefix_as_text
            a_listing_goes_on_after_a_key
            a_listing_ends
            a_prefix_that_no_key_has_lists_nothing
            unfinished_objects_are_not_listed
            objects_outlive_the_component
            two_components_share_the_objects
            many_threads_write_different_keys
            of_many_that_may_not_replace_one_wins
            a_reader_never_sees_half_an_object
            a_reader_never_sees_half_a_large_object
            a_large_object_arrives_whole
            thousands_of_objects_are_listed
        }
    };
}

/// Every case.
pub const CASES: &[Case<Subject>] = crate::__artifact_store_cases!(__table {});

/// The store that is tested, and a folder for files beside it.
pub struct Subject {
    files: Files,
    open: Box<dyn Fn() -> Result<Box<dyn ArtifactStore>, Error>>,
}

impl Subject {
    /// A store that nobody has used yet; `open` opens the same one each time. `folder` is empty, and for files of the tests.
    #[must_use]
    pub fn new(
        folder: PathBuf,
        open: impl Fn() -> Result<Box<dyn ArtifactStore>, Error> + 'static,
    ) -> Self {
        Self { files: Files { folder }, open: Box::new(open) }
    }

    fn open(&self) -> Box<dyn ArtifactStore> {
        (self.open)().expect("the store must open with the configuration that it is tested with")
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        self.files.file(name, content)
    }

    fn nothing(&self, name: &str) -> PathBuf {
        self.files.nothing(name)
    }
}

/// Files outside of the store.
struct Files {
    folder: PathBuf,
}

impl Files {
    /// A file of that content.
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::write(&path, content).expect("a file of the test can be written");
        path
    }

    /// A path at which there is nothing.
    fn nothing(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Opens a flavor of this crate as Sundae does: across the library boundary, with the schema applied. The host that it is
/// lent has its folders below `folder`.
///
/// # Errors
/// The configuration does not fit, or the flavor refuses it.
pub fn open<C: Component + ArtifactStore + 'static>(
    config: &Value,
    folder: &Path,
) -> Result<Box<dyn ArtifactStore>, Error> {
    abi::artifact_store::open_here::<C>(&config.to_string(), Host::for_tests(folder))
}

/// Runs one case on a flavor of this crate. `config` gives a configuration, or `None` where there is no server to test
/// against; it is `config` that says so.
///
/// # Panics
/// If the case fails, or there is none of that name.
pub fn test<C>(name: &str, config: fn(&Path) -> Option<Value>)
where
    C: Component + ArtifactStore + 'static,
{
    let folder = tempfile::Builder::new().prefix("store-").tempdir();
    let folder = folder.expect("there is a temporary folder");
    let (host, files) = (folder.path().join("host"), folder.path().join("files"));
    // Its last component is a name that nobody else uses, for stores that are elsewhere.
    let place = folder.path().join(folder.path().file_name().expect("it has a name"));
    for new in [&files, &place] {
        std::fs::create_dir(new).expect("a folder can be made in a temporary folder");
    }
    let Some(config) = config(&place) else { return };
    let config = config.to_string();
    let open = move || abi::artifact_store::open_here::<C>(&config, Host::for_tests(host.clone()));
    case(CASES, name).run(&Subject::new(files, open));
}

/// Checks the configuration of a flavor.
///
/// # Panics
/// If something is wrong with it.
pub fn test_schema<C: Component + ArtifactStore>() {
    check_schema::<C::Config>();
}

fn key(text: &str) -> Key {
    Key::new(text).expect("the tests use keys")
}
