//! Sundae runs pipelines on stacks made of plugins. The modules know each other as the table of ARCHITECTURE.md says.
#![deny(unsafe_code)]

pub mod artifact;
pub mod cli;
pub mod drawing;
pub mod engine;
pub mod keeping;
mod lock;
pub mod metadata;
mod nearest;
pub mod pipeline;
pub mod plugin;
pub mod project;
pub mod secret;
pub mod shipping;
pub mod stack;
pub mod view;
pub mod worker;
