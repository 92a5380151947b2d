//! Sundae runs pipelines on stacks made of plugins. The modules, in reading order; each knows only those below it in the
//! table of ARCHITECTURE.md.

pub mod artifact;
pub mod engine;
pub mod pipeline;
pub mod plugin;
pub mod worker;
