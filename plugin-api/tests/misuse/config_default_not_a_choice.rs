//! The default must be one of the choices.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Fast,
}

#[derive(serde::Deserialize, Config)]
struct Settings {
    #[config(default = "slow")]
    mode: Mode,
}

fn main() {}
