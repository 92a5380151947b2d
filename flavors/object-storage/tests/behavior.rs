//! Each flavor does what every store must do, on a real server.
//!
//! The servers are those of `tests/backends`: `eval "$(tests/backends/ceph.sh start)"` says by an environment variable where
//! the server is. What has no server is not tested, and says so; with `SUNDAE_TEST_BACKENDS=required` it fails.

mod server;

use sundae_object_storage::{AzureBlob, Gcs, S3, Sftp, Webdav};
use sundae_plugin_testkit::Value;

sundae_plugin_testkit::artifact_store! {
    s3: S3 = |_| server::fresh("SUNDAE_TEST_S3", "ceph.sh", "prefix")
}
sundae_plugin_testkit::artifact_store! {
    gcs: Gcs = |_| server::fresh("SUNDAE_TEST_GCS", "gcs.sh", "prefix").filter(emulator_can)
}

/// What the emulator of Google Cloud Storage cannot do, so that only the real service can show it: uploads in parts by the
/// XML API, and conditions on resumable uploads.
const BEYOND_THE_EMULATOR: [&str; 5] = [
    "a_large_object_arrives_whole",
    "a_reader_never_sees_half_a_large_object",
    "of_many_that_may_not_replace_one_wins",
    "two_components_share_the_objects",
    "what_may_not_be_replaced_is_not",
];

/// Whether the test that is running can pass on the server of that configuration.
fn emulator_can(config: &Value) -> bool {
    let is_real = config["endpoint"].as_str().is_none_or(|endpoint| endpoint.starts_with("https:"));
    let thread = std::thread::current();
    let test = thread.name().and_then(|name| name.rsplit("::").next()).unwrap_or_default();
    let can = is_real || !BEYOND_THE_EMULATOR.contains(&test);
    if !can {
        server::backends::tell(&format!("NOT TESTED: gcs::{test}, which the emulator cannot do"));
    }
    can
}

sundae_plugin_testkit::artifact_store! {
    azure_blob: AzureBlob = |_| server::fresh("SUNDAE_TEST_AZURE_BLOB", "azurite.sh", "prefix")
}
sundae_plugin_testkit::artifact_store! {
    sftp: Sftp = |_| server::fresh("SUNDAE_TEST_SFTP", "sftp.sh", "folder")
}
sundae_plugin_testkit::artifact_store! {
    webdav: Webdav = |_| server::fresh("SUNDAE_TEST_WEBDAV", "webdav.sh", "folder")
}
