//! What would people type?

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
struct Settings(String);

fn main() {}
