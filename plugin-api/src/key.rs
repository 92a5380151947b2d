//! Names of objects in an artifact store.

use std::fmt;

/// The name of an object: components parted by `/`, each of letters, digits, `-`, `_` and `.`, none of them `.` or `..`.
///
/// A key is checked when it is made, on both sides of the library boundary; so `root.join(key)` cannot leave `root`, and a
/// store never sees an empty, absolute or odd name. At most 512 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidKey {
    text: String,
    why: &'static str,
}

impl Key {
    /// Checks a text.
    ///
    /// # Errors
    /// [`InvalidKey`] names the text and the rule that it breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        match fault(&text) {
            None => Ok(Self(text)),
            Some(why) => Err(InvalidKey { text, why }),
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > 512 {
        return Some("it is longer than 512 bytes");
    }
    for component in text.split('/') {
        if component.is_empty() {
            return Some("it has an empty component");
        }
        if component == "." || component == ".." {
            return Some("`.` and `..` are not allowed");
        }
        if !component.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
            return Some("only letters, digits, `-`, `_`, `.` and `/` are allowed");
        }
    }
    None
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<std::path::Path> for Key {
    fn as_ref(&self) -> &std::path::Path {
        self.0.as_ref()
    }
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a key: {}", self.text.escape_debug(), self.why)
    }
}

impl std::error::Error for InvalidKey {}

impl From<InvalidKey> for crate::Error {
    fn from(invalid: InvalidKey) -> Self {
        Self::new(crate::ErrorKind::Other, invalid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn a_key_cannot_leave_the_root() {
        for text in
            ["", "/etc/passwd", "..", "a/../b", "a//b", "a/", "./a", "a\\b", "a\0b", "ä", " "]
        {
            assert!(Key::new(text).is_err(), "{text:?} was taken for a key");
        }
        for text in ["a", "objects/ab/cd-ef_0.tar", "...", "a.b/..c"] {
            assert!(Key::new(text).is_ok(), "{text:?} was refused");
        }
    }
}
