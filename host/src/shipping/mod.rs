//! What goes along to where steps run, if that is not here: the program with the plugin of its artifact store, and the files
//! of the project. The design is `docs/decisions/0005-what-goes-along-to-a-node.md`.
//!
//! Both are known by their content. So nothing goes twice, and what a job was submitted with is what it runs with, however
//! long it waits and whatever is installed or edited meanwhile.

mod bundle;
mod project;
mod trouble;

pub use bundle::{Bundle, Damage, PROGRAM};
pub use project::{ProjectCopy, SendError, Sent, send, unpack};
pub use trouble::{UNREPORTED, why_there_is_no_report};
