//! Libraries of others: find, check, load. The only module with `unsafe`, and that in one file (`load`).
//!
//! A library goes through these states: *found* in one of the [`place`]s; *read*, that is its identity is known and it is
//! known whether it fits this host, without running any of it; *probed*, once for each content, in a process of its own;
//! *loaded*, the very bytes that were probed, and never unloaded; its components *opened*.

pub mod catalog;
pub mod compatibility;
mod contents;
mod identity;
pub mod image;
mod load;
pub mod loader;
pub mod place;
pub mod probe;
mod processor;
pub mod services;

pub use catalog::{Catalog, Flavor, Library, State, UnreadableFolder};
pub use image::Unreadable;
pub use loader::{LoadError, Loader, Wanted};
pub use place::{Origin, Place, places};
pub use probe::{Probe, ProbeLog, Verdict, retry};
