//! Stacks whose steps run on a real Slurm cluster: that of `tests/backends`, or one that `SLURM_CONF` names.

use std::path::Path;

use super::sandbox::Sandbox;
use super::{backends, services};

/// Whether there is a cluster.
pub(super) fn is_there() -> bool {
    backends::cluster().is_some()
}

/// One with the stack `cluster`, whose store is a folder that the nodes share; the orchestrator has these options, too. `None`:
/// there is no cluster.
pub(super) fn sandbox(options: &[&str]) -> Option<Sandbox> {
    is_there().then(|| {
        let sandbox = Sandbox::new();
        register(&sandbox, options);
        with_shared_folder(&sandbox);
        sandbox
    })
}

/// As [`sandbox`], with a store in S3, which is that of the stack `service`, too. `None`: there is no cluster, or no server.
pub(super) fn sandbox_in_s3(options: &[&str]) -> Option<Sandbox> {
    if !is_there() {
        return None;
    }
    let config = services::config("s3")?;
    let sandbox = Sandbox::new();
    services::register(&sandbox, "s3", &config);
    register(&sandbox, options);
    with_store(&sandbox, "service");
    Some(sandbox)
}

/// Registers the orchestrator `cluster`, with these options.
pub(super) fn register(sandbox: &Sandbox, options: &[&str]) {
    sandbox.install("libsundae_slurm.so");
    let jobs = format!("--work_folder={}", sandbox.outside("jobs").display());
    let words =
        ["orchestrator", "register", "cluster", "--flavor=slurm", &jobs, "--poll_interval=1"];
    sandbox.sundae(&[&words[..], options].concat()).ended(0);
}

/// Registers the stack `cluster` with a store on a folder that the nodes share: `store`, outside of the working folder.
pub(super) fn with_shared_folder(sandbox: &Sandbox) {
    register_folder(sandbox, &sandbox.outside("store"));
    with_store(sandbox, "shared");
}

/// Registers the store `shared` on a folder.
pub(super) fn register_folder(sandbox: &Sandbox, folder: &Path) {
    let path = format!("--path={}", folder.display());
    let words = ["artifact-store", "register", "shared", "--flavor=local", &path, "--shared=true"];
    sandbox.sundae(&words).ended(0);
}

/// Registers the stack `cluster` with a store that is registered.
pub(super) fn with_store(sandbox: &Sandbox, store: &str) {
    sandbox.sundae(&["stack", "register", "cluster", "-o", "cluster", "-a", store]).ended(0);
}
