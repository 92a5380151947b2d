//! One spelling for all fields of all flavors.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
#[serde(rename_all = "camelCase")]
struct Settings {
    access_key: String,
}

fn main() {}
