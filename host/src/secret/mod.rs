//! Secrets: how they are sealed, where the key is, and how they are kept out of what is shown. Knows no database and no
//! terminal.

mod forms;
mod key;
mod mask;
mod sealed;
mod value;

pub use key::{Key, KeyError, VARIABLE};
pub use mask::{Mask, Masking, knows_secrets, mask_from_now_on, mask_with, masked};
pub use sealed::{Damaged, open, seal};
pub use value::Value;

/// Shorter ones would be found in the middle of ordinary words, and every log be made unreadable.
pub const SHORTEST: usize = 4;

/// Longer ones do not fit into an environment variable, and would take long to be looked for.
pub const LONGEST: usize = 64 << 10;
