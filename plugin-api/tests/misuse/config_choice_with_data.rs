//! A choice is a word on a command line.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
enum Mode {
    Fast,
    Slow { seconds: u64 },
}

fn main() {}
