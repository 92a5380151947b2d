//! Everybody can read a default.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
struct Settings {
    #[config(secret, default = "hunter2")]
    password: String,
}

fn main() {}
