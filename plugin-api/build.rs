//! Tells the identity that every plugin carries which compiler, target and processor features it was made with.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned());
    let target = std::env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    let features = std::env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    println!("cargo::rustc-env=SUNDAE_FEATURES={features}");
    println!("cargo::rustc-env=SUNDAE_RUSTC={version}");
    println!("cargo::rustc-env=SUNDAE_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
