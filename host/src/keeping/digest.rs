//! Digests in the form in which millions of them fit into memory.

use std::fmt;

/// A digest, or a cache key: 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Reads 64 hexadecimal digits; `None` if it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|hash| Self(*hash.as_bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let text = "0a".repeat(31) + "ff";
        assert_eq!(Digest::parse(&text).unwrap().to_string(), text);
        for text in ["", "0a", &"0g".repeat(32), &"é".repeat(32)] {
            assert_eq!(Digest::parse(text), None, "{text}");
        }
    }
}
