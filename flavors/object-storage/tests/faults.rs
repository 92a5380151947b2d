//! What users meet: services that are busy, slow or gone, answers that break off, credentials and names that are wrong. Each
//! is a sentence that says what to change, and nothing is ever visible by half.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "server/mod.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sundae_object_storage::{AzureBlob, Gcs, S3, Sftp, Webdav};
use sundae_plugin_api::artifact_store::{ArtifactStore, Existing, Source};
use sundae_plugin_api::{Component, Error, ErrorKind, Host, HostServices, Key, Level};
use sundae_plugin_testkit::artifact_store::open;
use sundae_plugin_testkit::fault_proxy::{Fault, Proxy};
use sundae_plugin_testkit::{Value, json};
use tempfile::TempDir;

const MIB: usize = 1 << 20;

/// An `s3` store behind a proxy, and what a test needs beside it.
struct World {
    proxy: Proxy,
    endpoint: Value,
    config: Value,
    folder: TempDir,
}

impl World {
    /// `None` where there is no server.
    fn s3() -> Option<Self> {
        let mut config = server::fresh("SUNDAE_TEST_S3", "ceph.sh", "prefix")?;
        let endpoint = config["endpoint"].clone();
        let proxy = Proxy::before(endpoint.as_str().unwrap());
        config["endpoint"] = proxy.url().into();
        config["attempts"] = 3.into();
        config["timeout_seconds"] = 20.into();
        Some(Self { proxy, endpoint, config, folder: tempfile::tempdir().unwrap() })
    }

    fn store(&self) -> Box<dyn ArtifactStore> {
        open::<S3>(&self.config, self.folder.path()).unwrap()
    }

    /// The configuration of the same store, past the proxy.
    fn direct(&self) -> Value {
        let mut config = self.config.clone();
        config["endpoint"] = self.endpoint.clone();
        config
    }

    fn store_with(&self, field: &str, value: impl Into<Value>) -> Box<dyn ArtifactStore> {
        let mut config = self.config.clone();
        config[field] = value.into();
        open::<S3>(&config, self.folder.path()).unwrap()
    }

    fn file(&self, content: &[u8]) -> PathBuf {
        let file = self.folder.path().join("file");
        std::fs::write(&file, content).unwrap();
        file
    }

    fn nothing(&self) -> PathBuf {
        self.folder.path().join("nothing")
    }
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// No two parts of it are the same.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|position| (position / 1000) as u8 ^ (position % 251) as u8).collect()
}

#[track_caller]
fn assert_says(error: &Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "`{word}` is not in: {error}");
    }
}

const BUSY: Fault =
    Fault::Answer(503, "<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>");
const BROKEN: Fault =
    Fault::Answer(500, "<Error><Code>InternalError</Code><Message>Oops</Message></Error>");

#[test]
fn a_service_that_is_busy_for_a_while_is_waited_for() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    let bytes = content(20 * MIB);
    // Beginning, a part in the middle, and the end of an upload; then the parts of a download.
    world.proxy.does(BUSY, 2, "POST", "uploads");
    world.proxy.does_after(1, BROKEN, 1, "PUT", "partNumber");
    world.proxy.does(BUSY, 1, "POST", "uploadId");
    store.put(&key("a"), &world.file(&bytes), Source::Keep).unwrap();
    assert_eq!(world.proxy.count("PUT", "partNumber"), 4, "one of three parts is sent twice");
    world.proxy.does(BUSY, 2, "GET", "/a");
    store.get(&key("a"), &world.nothing()).unwrap();
    assert!(std::fs::read(world.nothing()).unwrap() == bytes);
}

#[test]
fn a_service_that_stays_busy_is_unavailable() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    store.write(&key("a"), b"old", Existing::Replace).unwrap();
    world.proxy.does(BUSY, usize::MAX, "PUT", "");
    let error = store.write(&key("a"), b"new", Existing::Replace).unwrap_err();
    assert_says(&error, ErrorKind::Unavailable, &["write a", "SlowDown", "Reduce your rate"]);
    assert!(error.is_retryable());
    assert_eq!(world.proxy.count("PUT", "/a"), 1 + 3, "it is tried as often as configured");
    assert_eq!(store.read(&key("a"), None).unwrap(), b"old");
}

#[test]
fn an_upload_that_fails_in_the_middle_leaves_nothing() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    world.proxy.does_after(1, BROKEN, usize::MAX, "PUT", "partNumber");
    let error = store.put(&key("a"), &world.file(&content(40 * MIB)), Source::Keep).unwrap_err();
    assert_says(&error, ErrorKind::Unavailable, &["write a", "InternalError"]);
    assert_eq!(store.stat(&key("a")).unwrap(), None);
    assert_eq!(store.list("", None, 9).unwrap(), []);
    assert_eq!(world.proxy.count("DELETE", "uploadId"), 1, "the parts are given up");
}

#[test]
fn credentials_that_are_revoked_in_the_middle_are_a_sentence() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    let revoked = Fault::Answer(
        403,
        "<Error><Code>InvalidAccessKeyId</Code><Message>No such key</Message></Error>",
    );
    world.proxy.does_after(2, revoked, usize::MAX, "", "uploadId");
    let error = store.put(&key("a"), &world.file(&content(60 * MIB)), Source::Give).unwrap_err();
    assert_says(&error, ErrorKind::PermissionDenied, &["InvalidAccessKeyId", "`access_key_id`"]);
    assert_eq!(store.stat(&key("a")).unwrap(), None);
    assert!(world.folder.path().join("file").exists(), "what was not taken is still there");
}

#[test]
fn an_answer_that_breaks_off_is_asked_for_again() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    let bytes = content(20 * MIB);
    store.put(&key("a"), &world.file(&bytes), Source::Keep).unwrap();
    store.write(&key("b"), &bytes[..MIB], Existing::Replace).unwrap();
    world.proxy.does(Fault::Truncate(1_000_000), 2, "GET", "");
    store.get(&key("a"), &world.nothing()).unwrap();
    assert!(std::fs::read(world.nothing()).unwrap() == bytes);
    world.proxy.does(Fault::Truncate(100_000), 2, "GET", "");
    assert!(store.read(&key("b"), None).unwrap() == bytes[..MIB]);
}

#[test]
fn what_breaks_off_is_not_put_together_from_two_objects() {
    let Some(world) = World::s3() else { return };
    let (store, other) = (world.store(), open::<S3>(&world.direct(), world.folder.path()).unwrap());
    for length in [MIB, 20 * MIB] {
        let (old, new) = (vec![1; length], vec![2; length]);
        store.put(&key("a"), &world.file(&old), Source::Keep).unwrap();
        // The first bytes of the old one come; then it is replaced, while the client waits before it asks again.
        let before = world.proxy.count("GET", "/a");
        world.proxy.does(Fault::Truncate(100_000), 1, "GET", "/a");
        std::thread::scope(|scope| {
            let got = scope.spawn(|| store.get(&key("a"), &world.nothing()));
            while world.proxy.count("GET", "/a") == before {
                std::thread::yield_now();
            }
            other.put(&key("a"), &world.file(&new), Source::Keep).unwrap();
            got.join().unwrap().unwrap();
        });
        let bytes = std::fs::read(world.nothing()).unwrap();
        assert!(bytes == old || bytes == new, "a mixture of two objects");
        std::fs::remove_file(world.nothing()).unwrap();
    }
}

#[test]
fn answers_that_always_break_off_leave_nothing_behind() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    for length in [MIB, 20 * MIB] {
        store.put(&key("a"), &world.file(&content(length)), Source::Keep).unwrap();
        world.proxy.does(Fault::Truncate(0), usize::MAX, "GET", "/a");
        let error = store.get(&key("a"), &world.nothing()).unwrap_err();
        assert_says(&error, ErrorKind::Unavailable, &["read a"]);
        assert!(error.is_retryable());
        assert!(!world.nothing().exists());
        assert_eq!(store.read(&key("a"), None).unwrap_err().kind(), ErrorKind::Unavailable);
    }
}

#[test]
fn a_service_that_does_not_answer_is_left_in_time() {
    let Some(world) = World::s3() else { return };
    let mut config = world.config.clone();
    config["timeout_seconds"] = 1.into();
    config["attempts"] = 2.into();
    let store = open::<S3>(&config, world.folder.path()).unwrap();
    world.proxy.does(Fault::Hang, usize::MAX, "", "");
    let start = Instant::now();
    let error = store.write(&key("a"), b"x", Existing::Replace).unwrap_err();
    assert_says(&error, ErrorKind::Timeout, &["no answer in time", "`timeout_seconds`"]);
    assert!(error.is_retryable());
    assert_eq!(store.stat(&key("a")).unwrap_err().kind(), ErrorKind::Timeout);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[test]
fn a_part_that_is_not_answered_is_sent_again() {
    let Some(world) = World::s3() else { return };
    let store = world.store_with("timeout_seconds", 3);
    let bytes = content(70 * MIB);
    for part in ["partNumber=1&", "partNumber=4&", "partNumber=5&", "partNumber=9&"] {
        world.proxy.does(Fault::Hang, 1, "PUT", part);
    }
    store.put(&key("a"), &world.file(&bytes), Source::Keep).unwrap();
    assert!(store.read(&key("a"), None).unwrap() == bytes);
}

#[test]
fn who_wins_is_known_although_the_answer_is_lost() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    world.proxy.does(Fault::LoseAnswer, 1, "PUT", "/a");
    store.write(&key("a"), b"mine", Existing::Refuse).unwrap();
    assert_eq!(world.proxy.count("PUT", "/a"), 2, "it is asked again, and the second is refused");
    let error = store.write(&key("a"), b"mine", Existing::Refuse).unwrap_err();
    assert_says(&error, ErrorKind::AlreadyExists, &["object a"]);
}

#[test]
fn a_secret_that_is_wrong_is_not_shown() {
    let Some(world) = World::s3() else { return };
    let store = world.store_with("secret_access_key", "hunter2-hunter2");
    for error in [
        store.check().unwrap_err(),
        store.write(&key("a"), b"x", Existing::Replace).unwrap_err(),
        store.list("", None, 1).unwrap_err(),
    ] {
        let words = ["credentials are refused", "`secret_access_key`", "sundae-test"];
        assert_says(&error, ErrorKind::PermissionDenied, &words);
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(!error.is_retryable());
    }
    // The answer to this request has no words in it.
    let error = store.stat(&key("a")).unwrap_err();
    assert_says(&error, ErrorKind::PermissionDenied, &["permission", "sundae-test"]);
}

#[test]
fn a_bucket_that_is_missing_is_no_missing_object() {
    let Some(world) = World::s3() else { return };
    let store = world.store_with("bucket", "no-such-bucket");
    let errors = [
        store.check().unwrap_err(),
        store.stat(&key("a")).unwrap_err(),
        store.read(&key("a"), None).unwrap_err(),
        store.get(&key("a"), &world.nothing()).unwrap_err(),
        store.list("", None, 1).unwrap_err(),
        store.write(&key("a"), b"x", Existing::Replace).unwrap_err(),
        store.write(&key("a"), b"x", Existing::Refuse).unwrap_err(),
        store.put(&key("a"), &world.file(b"x"), Source::Keep).unwrap_err(),
        store.put(&key("a"), &world.file(&content(20 * MIB)), Source::Keep).unwrap_err(),
    ];
    for error in errors {
        assert_says(
            &error,
            ErrorKind::InvalidConfig,
            &["there is no bucket `no-such-bucket`", "`bucket`"],
        );
    }
    assert!(!world.nothing().exists());
}

#[test]
fn what_is_not_permitted_is_named() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    world.proxy.does(
        Fault::Answer(403, "<Error><Code>AccessDenied</Code><Message>No</Message></Error>"),
        1,
        "PUT",
        "",
    );
    let error = store.check().unwrap_err();
    assert_says(
        &error,
        ErrorKind::PermissionDenied,
        &["write probe/", "AccessDenied", "s3:PutObject"],
    );
}

#[test]
fn a_wrong_clock_is_said() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    let skewed = "<Error><Code>RequestTimeTooSkewed</Code><Message>Too large</Message></Error>";
    world.proxy.does(Fault::Answer(403, skewed), 1, "PUT", "");
    let error = store.write(&key("a"), b"x", Existing::Replace).unwrap_err();
    assert_says(&error, ErrorKind::PermissionDenied, &["clock"]);
}

#[test]
fn a_bucket_without_room_is_said() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    world.proxy.does(
        Fault::Answer(403, "<Error><Code>QuotaExceeded</Code><Message></Message></Error>"),
        1,
        "PUT",
        "",
    );
    let error = store.write(&key("a"), b"x", Existing::Replace).unwrap_err();
    assert_says(&error, ErrorKind::OutOfSpace, &["QuotaExceeded"]);
}

#[test]
fn a_check_leaves_nothing() {
    let Some(world) = World::s3() else { return };
    let store = world.store();
    store.check().unwrap();
    assert_eq!(store.list("", None, 9).unwrap(), []);
    assert!(world.proxy.count("PUT", "probe/") == 1 && world.proxy.count("DELETE", "probe/") == 1);
}

/// A host that wants to stop after it was asked so often.
struct Stopping(AtomicUsize);

impl HostServices for Stopping {
    fn log(&self, _: Level, _: &str) {}
    fn progress(&self, _: &str, _: u64, _: Option<u64>) {}
    fn secret(&self, name: &str) -> Result<String, Error> {
        Err(Error::new(ErrorKind::NotFound, name))
    }
    fn is_cancelled(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 0
            || self.0.load(Ordering::Relaxed) > usize::MAX / 2
    }
    fn data_folder(&self) -> Result<PathBuf, Error> {
        Ok(std::env::temp_dir())
    }
    fn scratch_folder(&self) -> Result<PathBuf, Error> {
        Ok(std::env::temp_dir())
    }
}

/// Puts and gets a file while the host stops.
fn stops<C: Component + ArtifactStore + 'static>(config: &Value, folder: &Path) {
    let with = |questions| {
        let host = Host::new(Arc::new(Stopping(AtomicUsize::new(questions))));
        let mut complete = config.clone();
        let schema: sundae_plugin_api::ConfigSchema =
            serde_json::from_str(<C::Config as sundae_plugin_api::Config>::SCHEMA).unwrap();
        complete = Value::Object(schema.with_defaults(complete.as_object().unwrap()));
        C::open(serde_json::from_value(complete).unwrap(), host).unwrap()
    };
    let (file, destination) = (folder.join("file"), folder.join("nothing"));
    std::fs::write(&file, content(20 * MIB)).unwrap();
    let error = with(2).put(&key("a"), &file, Source::Give).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    let store = with(usize::MAX / 4);
    assert_eq!(store.stat(&key("a")).unwrap(), None);
    assert_eq!(store.list("", None, 9).unwrap(), []);
    store.put(&key("a"), &file, Source::Keep).unwrap();
    let error = with(1).get(&key("a"), &destination).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert!(!destination.exists());
}

#[test]
fn a_transfer_stops_when_the_host_wants_to() {
    if let Some(world) = World::s3() {
        stops::<S3>(&world.config, world.folder.path());
    }
    let folder = tempfile::tempdir().unwrap();
    if let Some(config) = server::fresh("SUNDAE_TEST_AZURE_BLOB", "azurite.sh", "prefix") {
        stops::<AzureBlob>(&config, folder.path());
    }
    if let Some(config) = server::fresh("SUNDAE_TEST_SFTP", "sftp.sh", "folder") {
        stops::<Sftp>(&config, folder.path());
    }
}

/// A port at which nobody listens.
fn nobody() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_service_that_is_not_there_is_named_with_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let port = nobody();
    let url = format!("http://127.0.0.1:{port}");
    let more = json!({ "attempts": 2 });
    let stores: Vec<(&str, Box<dyn ArtifactStore>)> = vec![
        (
            "s3",
            opened::<S3>(
                &more,
                json!({ "bucket": "b", "endpoint": url, "access_key_id": "i", "secret_access_key": "s" }),
                &folder,
            ),
        ),
        (
            "gcs",
            opened::<Gcs>(
                &more,
                json!({ "bucket": "b", "endpoint": url, "anonymous": true }),
                &folder,
            ),
        ),
        (
            "azure-blob",
            opened::<AzureBlob>(
                &more,
                json!({ "container": "b", "endpoint": url, "account_name": "a", "account_key": "c2VjcmV0" }),
                &folder,
            ),
        ),
        ("webdav", opened::<Webdav>(&more, json!({ "endpoint": url }), &folder)),
        (
            "sftp",
            opened::<Sftp>(
                &more,
                json!({ "endpoint": format!("ssh://user@127.0.0.1:{port}"), "folder": "f" }),
                &folder,
            ),
        ),
    ];
    for (flavor, store) in stores {
        let address = format!("127.0.0.1:{port}");
        for error in [
            store.check().unwrap_err(),
            store.stat(&key("a")).unwrap_err(),
            store.list("", None, 1).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{flavor}: {error}");
            assert!(error.is_retryable(), "{flavor}: {error}");
            assert!(error.to_string().contains(&address), "{flavor}: {error}");
            assert!(error.to_string().contains("refused"), "{flavor}: {error}");
        }
        let destination = folder.path().join("nothing");
        store.get(&key("a"), &destination).unwrap_err();
        assert!(!destination.exists(), "{flavor}");
    }
}

fn opened<C: Component + ArtifactStore + 'static>(
    more: &Value,
    mut config: Value,
    folder: &TempDir,
) -> Box<dyn ArtifactStore> {
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    open::<C>(&config, folder.path()).unwrap()
}

#[test]
fn azure_says_what_is_wrong() {
    let Some(config) = server::fresh("SUNDAE_TEST_AZURE_BLOB", "azurite.sh", "prefix") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let more = |field: &str, value: &str| json!({ field: value, "attempts": 2 });
    let wrong = opened::<AzureBlob>(&more("account_key", "aHVudGVyMg=="), config.clone(), &folder);
    let error = wrong.check().unwrap_err();
    assert_says(&error, ErrorKind::PermissionDenied, &["credentials are refused", "`account_key`"]);
    let missing = opened::<AzureBlob>(&more("container", "no-such-container"), config, &folder);
    for error in [
        missing.check().unwrap_err(),
        missing.stat(&key("a")).unwrap_err(),
        missing.read(&key("a"), None).unwrap_err(),
        missing.write(&key("a"), b"x", Existing::Replace).unwrap_err(),
    ] {
        assert_says(
            &error,
            ErrorKind::InvalidConfig,
            &["there is no container `no-such-container`"],
        );
    }
}

#[test]
fn gcs_says_what_is_wrong() {
    let Some(config) = server::fresh("SUNDAE_TEST_GCS", "gcs.sh", "prefix") else { return };
    let folder = tempfile::tempdir().unwrap();
    let missing = opened::<Gcs>(&json!({ "bucket": "no-such-bucket" }), config, &folder);
    for error in [
        missing.check().unwrap_err(),
        missing.stat(&key("a")).unwrap_err(),
        missing.list("", None, 1).unwrap_err(),
    ] {
        assert_says(&error, ErrorKind::InvalidConfig, &["there is no bucket `no-such-bucket`"]);
    }
}

#[test]
fn webdav_says_what_is_wrong() {
    let Some(config) = server::fresh("SUNDAE_TEST_WEBDAV", "webdav.sh", "folder") else { return };
    let folder = tempfile::tempdir().unwrap();
    let wrong = opened::<Webdav>(&json!({ "password": "hunter2" }), config.clone(), &folder);
    for error in [wrong.check().unwrap_err(), wrong.stat(&key("a")).unwrap_err()] {
        assert_says(
            &error,
            ErrorKind::PermissionDenied,
            &["credentials are refused", "`password`"],
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let mut through = config;
    let proxy = Proxy::before(through["endpoint"].as_str().unwrap());
    through["endpoint"] = proxy.url().into();
    let store = open::<Webdav>(&through, folder.path()).unwrap();
    proxy.does(Fault::Answer(507, ""), 1, "PUT", "");
    let error = store.write(&key("a"), b"x", Existing::Replace).unwrap_err();
    assert_says(&error, ErrorKind::OutOfSpace, &["no room"]);
    proxy.does(Fault::Answer(503, ""), 2, "MOVE", "");
    proxy.does(Fault::LoseAnswer, 1, "MOVE", "");
    store.write(&key("a"), b"x", Existing::Replace).unwrap();
    assert_eq!(proxy.count("MOVE", ""), 4);
    assert_eq!(store.read(&key("a"), None).unwrap(), b"x");
}

#[test]
fn sftp_says_what_is_wrong() {
    let Some(config) = server::fresh("SUNDAE_TEST_SFTP", "sftp.sh", "folder") else { return };
    let folder = tempfile::tempdir().unwrap();
    let refusal = |more: Value| opened::<Sftp>(&more, config.clone(), &folder).check().unwrap_err();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let error = refusal(json!({ "known_hosts_file": empty }));
    assert_says(&error, ErrorKind::PermissionDenied, &["known hosts", "`known_hosts_file`"]);
    let error = refusal(json!({ "endpoint": "ssh://nobody-at-all@no-such-host.invalid" }));
    assert_says(&error, ErrorKind::InvalidConfig, &["no-such-host.invalid", "`endpoint`"]);
    let error = refusal(json!({ "folder": "/proc/sundae" }));
    assert!(error.to_string().contains("/proc/sundae"), "{error}");
    let error = refusal(json!({ "key_file": empty }));
    assert_says(&error, ErrorKind::PermissionDenied, &["refuses the key", "`key_file`"]);
}

#[test]
fn sftp_takes_a_key_from_a_secret_and_leaves_no_file() {
    let Some(mut config) = server::fresh("SUNDAE_TEST_SFTP", "sftp.sh", "folder") else { return };
    let folder = tempfile::tempdir().unwrap();
    let key_file = config["key_file"].as_str().unwrap().to_owned();
    config.as_object_mut().unwrap().remove("key_file");
    config["private_key"] = std::fs::read_to_string(key_file).unwrap().trim_end().into();
    open::<Sftp>(&config, folder.path()).unwrap().check().unwrap();
    let left = std::fs::read_dir(folder.path().join("scratch")).unwrap().count();
    assert_eq!(left, 0, "the key is not left behind");
}
