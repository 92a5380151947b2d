//! Sealing a value: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), with the secret's name bound to it, so that a value cannot be
//! moved to another name. RustCrypto's implementation was audited, and is pure Rust.

use chacha20poly1305::aead::{Aead, OsRng, Payload};
use chacha20poly1305::{AeadCore, KeyInit, XChaCha20Poly1305, XNonce};

use super::{Key, Value};

/// The first byte of what is sealed; another number is another way of sealing.
const FORMAT: u8 = 1;
const NONCE: usize = 24;

/// A sealed value cannot be opened: the key is another one, or somebody has changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was sealed with another key, or is damaged")]
pub struct Damaged;

/// Seals a value: a byte for the format, the nonce, the encrypted text with its tag.
#[must_use]
pub fn seal(key: &Key, name: &str, value: &str) -> Vec<u8> {
    let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
    let payload = Payload { msg: value.as_bytes(), aad: name.as_bytes() };
    let cipher = XChaCha20Poly1305::new((&*key.0).into());
    let Ok(encrypted) = cipher.encrypt(&nonce, payload) else {
        unreachable!("only texts of 256 GiB cannot be encrypted")
    };
    let mut sealed = vec![FORMAT];
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&encrypted);
    sealed
}

/// Opens what was sealed under that name.
///
/// # Errors
/// [`Damaged`]
pub fn open(key: &Key, name: &str, sealed: &[u8]) -> Result<Value, Damaged> {
    let Some((&FORMAT, rest)) = sealed.split_first() else { return Err(Damaged) };
    let (nonce, encrypted) = rest.split_at_checked(NONCE).ok_or(Damaged)?;
    let payload = Payload { msg: encrypted, aad: name.as_bytes() };
    let cipher = XChaCha20Poly1305::new((&*key.0).into());
    let value = cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| Damaged)?;
    String::from_utf8(value).map(Value::new).map_err(|_| Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> Key {
        Key(zeroize::Zeroizing::new([byte; 32]))
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened_by_its_key_and_name_alone(value in ".{0,99}", at: prop::sample::Index, bit in 0..8u8) {
            let sealed = seal(&key(1), "a", &value);
            let opened = open(&key(1), "a", &sealed).unwrap();
            prop_assert_eq!(&*opened, &value);
            prop_assert_eq!(open(&key(2), "a", &sealed), Err(Damaged));
            prop_assert_eq!(open(&key(1), "b", &sealed), Err(Damaged));
            let mut changed = sealed.clone();
            changed[at.index(sealed.len())] ^= 1 << bit;
            prop_assert_eq!(open(&key(1), "a", &changed), Err(Damaged));
            prop_assert_eq!(open(&key(1), "a", &sealed[..at.index(sealed.len())]), Err(Damaged));
            prop_assert_ne!(seal(&key(1), "a", &value), sealed, "the nonce is another one each time");
        }
    }
}
