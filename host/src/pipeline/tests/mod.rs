//! What a pipeline file means, and what is said of one that means nothing.

mod errors;
mod graph;
mod inner;
mod meaning;
mod params;
mod policy;
mod robustness;
mod shell;
mod template;
