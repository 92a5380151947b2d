//! The servers of this folder as tests see them. For tests of any crate, by `#[path = "…/tests/backends/mod.rs"] mod backends;`.

#![allow(dead_code, unused_imports, reason = "each crate of tests uses its part")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

mod own_slurm;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;

pub(crate) use own_slurm::OwnCluster;

/// What a variable says of a server. `None`: there is no such server, and that is told, once.
///
/// # Panics
/// If there is none, and all servers are required.
pub(crate) fn variable(name: &str, server: &str, script: &str) -> Option<String> {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if let Ok(text) = std::env::var(name) {
        return Some(text);
    }
    let sentence = format!(
        "NOT TESTED: there is no {server}; say eval \"$(bash tests/backends/{script} start)\", which sets {name}"
    );
    let is_required = std::env::var("SUNDAE_TEST_BACKENDS").is_ok_and(|value| value == "required");
    assert!(!is_required, "{sentence}");
    if TOLD.lock().expect("no test fails while it tells").insert(name.to_owned()) {
        tell(&sentence);
    }
    None
}

/// Says something past the test harness, which would keep it to itself.
pub(crate) fn tell(sentence: &str) {
    writeln!(std::io::stderr(), "{sentence}").expect("there is somebody to tell");
}

/// The folder of the cluster that is there for all tests. `None`: there is none.
pub(crate) fn cluster() -> Option<String> {
    variable("SUNDAE_TEST_SLURM", "Slurm cluster", "slurm.sh")
}
