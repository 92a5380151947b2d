#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

extern crate self as sundae_plugin_api;

mod kind;
pub use kind::{ComponentKind, UnknownKind};

mod error;
pub use error::{Error, ErrorKind};

mod config;
pub use config::{Config, ConfigField, ConfigProblem, ConfigSchema, Field, FieldType, Secret};
/// Derives [`Config`] for a struct with named fields, or [`ConfigField`] for an enum of plain names.
pub use sundae_plugin_api_derive::Config;

mod host;
pub use host::{Host, HostServices, Level};

mod component;
pub use component::Component;

mod key;
pub use key::{InvalidKey, Key};

pub mod artifact_store;
pub use artifact_store::ArtifactStore;

mod resources;
pub use resources::{Ledger, Resources};

pub mod orchestrator;
pub use orchestrator::Orchestrator;

pub mod identity;
pub use identity::{FlavorIdentity, Identity};

#[macro_use]
mod export;

#[doc(hidden)]
pub mod abi;
#[doc(hidden)]
pub mod note;
