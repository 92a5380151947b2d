//! A store keeps to its prefix or folder, whatever that is called, and stands what others put there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod server;

use std::path::Path;

use sundae_object_storage::{AzureBlob, Gcs, S3, Sftp, Webdav};
use sundae_plugin_api::artifact_store::{ArtifactStore, Existing, Source};
use sundae_plugin_api::{Component, Key};
use sundae_plugin_testkit::Value;
use sundae_plugin_testkit::artifact_store::open;

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn names(store: &dyn ArtifactStore) -> Vec<String> {
    let objects = store.list("", None, 99).unwrap();
    objects.into_iter().map(|object| object.key.to_string()).collect()
}

/// Tests a flavor whose configuration names the place in the field `field`.
fn keeps_to_its_place<C: Component + ArtifactStore + 'static>(
    config: &Value,
    field: &str,
    folder: &Path,
    is_webdav: bool,
) {
    let at = |place: &str| {
        let mut config = config.clone();
        config[field] = place.into();
        open::<C>(&config, folder).unwrap()
    };
    let root = config[field].as_str().unwrap();
    let file = folder.join("file");
    std::fs::write(&file, "content").unwrap();
    // WsgiDAV takes the address to which a file is moved apart only after it has decoded it, and so loses what follows these two.
    let odd = if is_webdav { "" } else { "?#" };
    let names_of_places =
        ["plain".to_owned(), "with/folders".to_owned(), format!("ä ö/日本 +&=%41{odd}/x")];
    for name in names_of_places.iter().map(String::as_str).chain(["a.b-c_d~!$'()*,;:@"]) {
        let place = format!("{root}/{name}");
        let store = at(&place);
        store.check().unwrap_or_else(|error| panic!("{place}: {error}"));
        store.put(&key("a/b"), &file, Source::Keep).unwrap();
        store.write(&key("a/c"), b"x", Existing::Refuse).unwrap();
        assert_eq!(names(&*store), ["a/b", "a/c"], "{place}");
        assert_eq!(store.read(&key("a/b"), Some(3..99)).unwrap(), b"tent", "{place}");
        assert_eq!(store.stat(&key("a/b")).unwrap().unwrap().size, 7, "{place}");
        // A neighbour whose name begins the same is another.
        let neighbour = at(&format!("{place}2"));
        assert_eq!(names(&*neighbour), [""; 0], "{place}");
        assert_eq!(neighbour.stat(&key("a/b")).unwrap(), None, "{place}");
        store.delete(&key("a/b")).unwrap();
        assert_eq!(names(&*store), ["a/c"], "{place}");
    }
    // What is no key of this store, though it is below its place.
    let above = at(root);
    let found = names(&*above);
    assert!(found.contains(&"plain/a/c".to_owned()), "{found:?}");
    assert!(found.iter().all(|name| name.is_ascii()), "{found:?}");
}

#[test]
fn a_store_keeps_to_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if let Some(config) = server::fresh("SUNDAE_TEST_S3", "ceph.sh", "prefix") {
        keeps_to_its_place::<S3>(&config, "prefix", folder, false);
    }
    if let Some(config) = server::fresh("SUNDAE_TEST_GCS", "gcs.sh", "prefix") {
        keeps_to_its_place::<Gcs>(&config, "prefix", folder, false);
    }
    if let Some(config) = server::fresh("SUNDAE_TEST_AZURE_BLOB", "azurite.sh", "prefix") {
        keeps_to_its_place::<AzureBlob>(&config, "prefix", folder, false);
    }
    if let Some(config) = server::fresh("SUNDAE_TEST_SFTP", "sftp.sh", "folder") {
        keeps_to_its_place::<Sftp>(&config, "folder", folder, false);
    }
    if let Some(config) = server::fresh("SUNDAE_TEST_WEBDAV", "webdav.sh", "folder") {
        keeps_to_its_place::<Webdav>(&config, "folder", folder, true);
    }
}
