//! The schema is read without running anything.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
struct Settings {
    #[config(default = num_cpus())]
    threads: usize,
}

fn main() {}
