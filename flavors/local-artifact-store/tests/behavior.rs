//! The store does what every store must do.

use sundae_local_artifact_store::LocalArtifactStore;
use sundae_plugin_testkit::json;

sundae_plugin_testkit::artifact_store! {
    local: LocalArtifactStore = |folder| json!({ "path": folder });
}

sundae_plugin_testkit::artifact_store! {
    shared: LocalArtifactStore = |folder| json!({ "path": folder, "shared": true });
}
