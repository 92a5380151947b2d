//! A command line is flat.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
struct Settings {
    #[serde(flatten)]
    common: std::collections::BTreeMap<String, String>,
}

fn main() {}
