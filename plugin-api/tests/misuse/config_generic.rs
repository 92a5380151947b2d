//! A config is one struct.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
struct Settings<T> {
    value: T,
}

fn main() {}
