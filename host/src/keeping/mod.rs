//! Keeping a store in order: what may go, what is damaged, and removing it beside runs that go on. Knows stores and what is in
//! them, and neither the database nor the terminal.

mod digest;
mod garbage;
mod inventory;
mod parallel;
mod progress;
mod reach;
mod repair;
mod retention;
mod sweep;
mod verify;

pub use digest::Digest;
pub use garbage::{Garbage, Needs, Total, Wanted, find_garbage};
pub use inventory::{Inventory, Stored};
pub use progress::Progress;
pub use reach::{Reach, expand};
pub use repair::{Repaired, repair};
pub use retention::{Candidate, Retention};
pub use sweep::{Swept, sweep};
pub use verify::{Damage, Fault, Need, Needed, Verified, verify};

use sundae_plugin_api::{Error, Key};

/// Why a store could not be kept in order.
#[derive(Debug, thiserror::Error)]
pub enum KeepingError {
    /// The store could not be asked.
    #[error("the artifact store could not be asked: {0}")]
    Store(#[from] Error),
    /// Something cannot be understood, and so nobody knows which objects it needs.
    #[error(
        "{key} in the artifact store cannot be understood, so that nobody knows what it needs: {reason}"
    )]
    Unreadable {
        /// Where it is.
        key: Key,
        /// What is wrong with it.
        reason: String,
    },
    /// Young cannot be told from old.
    #[error("the clock of this machine and that of the artifact store are {minutes} minutes apart")]
    Clocks {
        /// How far.
        minutes: u64,
    },
    /// Somebody has asked to stop.
    #[error("it was stopped")]
    Stopped,
}
