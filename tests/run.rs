//! `sundae run`, and what shows afterwards: stories with the real binary and the real plugins.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "what cannot be done here fails the test"
)]

mod run {
    mod artifacts;
    #[path = "../backends/mod.rs"]
    mod backends;
    mod caching;
    mod chaos;
    mod cluster;
    mod cluster_faults;
    mod cluster_full;
    mod cluster_killed;
    mod contract;
    mod damage;
    mod data;
    mod detaching;
    mod disk;
    mod disk_full;
    mod failing;
    mod fan_out;
    mod keeping;
    mod killed;
    mod knowing;
    mod on_services;
    mod on_slurm;
    mod resuming;
    mod s3_faults;
    mod sandbox;
    mod secrets;
    mod services;
    mod shipping;
    mod showing;
    mod stacks;
    mod stopping;
    mod terminal;
    mod together;
    mod warm;
    mod worker;
}
