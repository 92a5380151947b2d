//! The default must be of the field's type.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
struct Settings {
    #[config(default = "four")]
    depth: u32,
}

fn main() {}
