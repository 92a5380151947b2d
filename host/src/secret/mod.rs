//! Secrets: how they are sealed, where the key is, and how they are kept out of what is shown. Knows no database and no
//! terminal.

mod key;
mod mask;
mod sealed;

pub use key::{Key, KeyError};
pub use mask::{Mask, Masking, knows_secrets, mask_from_now_on, masked};
pub use sealed::{Damaged, open, seal};

/// A secret's value: not printed by accident, and wiped when it is no longer needed.
pub type Value = zeroize::Zeroizing<String>;

/// Shorter ones would be found in the middle of ordinary words, and every log be made unreadable.
pub const SHORTEST: usize = 4;

/// Whether a secret may be called so: `[A-Za-z_][A-Za-z0-9_-]*`, at most 128 characters.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= 128
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
