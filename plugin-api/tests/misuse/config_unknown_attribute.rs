//! A typing error is not passed over.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize, Config)]
struct Settings {
    #[config(defalt = 4)]
    depth: u32,
}

fn main() {}
