//! The orchestrator does what every orchestrator must do, on a real cluster.
//!
//! The cluster is that of `tests/backends`: `eval "$(tests/backends/slurm.sh start)"` says by the environment where it is. Where
//! there is none, nothing is tested, and that is said; with `SUNDAE_TEST_BACKENDS=required` it fails.

mod cluster;

use sundae_plugin_testkit::json;
use sundae_slurm::Slurm;

sundae_plugin_testkit::orchestrator! {
    slurm: Slurm = |folder| {
        cluster::is_there().then(|| json!({ "work_folder": folder, "poll_interval": 1 }))
    };
}

sundae_plugin_testkit::orchestrator! {
    with_accounting: Slurm = |folder| {
        cluster::is_there()
            .then(|| json!({ "work_folder": folder, "poll_interval": 2, "accounting": true, "array_size": 3 }))
    };
}
