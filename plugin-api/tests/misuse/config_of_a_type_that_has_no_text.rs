//! A field is given as a text on a command line.

use sundae_plugin_api::Config;

#[derive(serde::Deserialize)]
struct Point {
    x: f64,
}

#[derive(serde::Deserialize, Config)]
struct Settings {
    place: Point,
}

fn main() {}
