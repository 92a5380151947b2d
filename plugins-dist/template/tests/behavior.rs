//! What every artifact store must do, and what only this one does.

use std::fs;

use acme_team_folder::TeamFolder;
use sundae_plugin_api::artifact_store::Existing;
use sundae_plugin_api::{ErrorKind, Key};
use sundae_plugin_testkit::artifact_store::open;
use sundae_plugin_testkit::json;

sundae_plugin_testkit::artifact_store! {
    team_folder: TeamFolder = |folder| json!({ "path": folder });
}

sundae_plugin_testkit::artifact_store! {
    team_folder_that_waits: TeamFolder = |folder| json!({ "path": folder, "durability": "safe" });
}

#[test]
fn a_folder_with_a_token_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let refusal = |config| open::<TeamFolder>(&config, path).err();
    assert_eq!(refusal(json!({ "path": path })), None);
    fs::write(path.join(".token"), "t0ken\n").unwrap();
    assert_eq!(refusal(json!({ "path": path, "token": "t0ken" })), None);
    let error = refusal(json!({ "path": path })).unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    let error = refusal(json!({ "path": path, "token": "an0ther" })).unwrap();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(!error.to_string().contains("0ther"), "a secret is never told: {error}");
}

#[test]
fn an_object_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({ "path": folder.path(), "largest_mib": 1 });
    let store = open::<TeamFolder>(&config, folder.path()).unwrap();
    let key = Key::new("a").unwrap();
    store.write(&key, &vec![0; 1 << 20], Existing::Replace).unwrap();
    let error = store.write(&key, &vec![0; (1 << 20) + 1], Existing::Replace).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfSpace);
    assert_eq!(
        error.to_string(),
        "a is larger than this store takes (size: 1048577, largest: 1048576)"
    );
}

#[test]
fn a_folder_that_is_missing_is_told_when_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({ "path": folder.path().join("not-mounted") });
    let store = open::<TeamFolder>(&config, folder.path()).unwrap();
    assert_eq!(store.check().unwrap_err().kind(), ErrorKind::NotFound);
}
