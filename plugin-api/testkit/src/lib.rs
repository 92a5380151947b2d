#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

#[macro_use]
mod macros;
mod case;

pub mod artifact_store;
pub mod fault_proxy;
pub mod orchestrator;

pub use case::Case;
/// A configuration as JSON, and the macro that writes one.
pub use serde_json::{Value, json};
