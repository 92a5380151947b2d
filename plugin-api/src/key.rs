//! Names of objects in an artifact store.

use std::fmt;

/// The name of an object: components parted by `/`, each of ASCII letters, digits, `-`, `_` and `.`, none starting with `.`.
///
/// A key is checked when it is made, on both sides of the library boundary; so `root.join(key)` cannot leave `root`, a store
/// never sees an empty, absolute or odd name, and names that start with `.` are the store's own. At most 512 bytes, and 200
/// in a component, so that every file system takes it and there is room for a suffix.
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
        if component.len() > 200 {
            return Some("it has a component that is longer than 200 bytes");
        }
        if component.starts_with('.') {
            return Some("no component may start with `.`");
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
        let long = "x".repeat(201);
        let longer = format!("{0}/{0}/{0}", "x".repeat(171));
        for text in [
            "",
            "/etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "...",
            "a/.b",
            "a\\b",
            "a\0b",
            "a\nb",
            "ä",
            " ",
            &long,
            &longer,
        ] {
            assert!(Key::new(text).is_err(), "{text:?} was taken for a key");
        }
        let long = "x".repeat(200);
        let longest = format!("{0}/{0}/{1}", long, "x".repeat(110));
        for text in ["a", "objects/ab/cd-ef_0.tar", "a.b/c..", "-", &long, &longest] {
            assert!(Key::new(text).is_ok(), "{text:?} was refused");
        }
    }

    #[test]
    fn a_refusal_names_the_text_and_the_rule() {
        let sentence = |text: &str| Key::new(text).unwrap_err().to_string();
        assert_eq!(sentence("a//b"), "`a//b` is not a key: it has an empty component");
        assert_eq!(sentence("../x"), "`../x` is not a key: no component may start with `.`");
        assert_eq!(
            sentence("a\u{1b}[2J"),
            "`a\\u{1b}[2J` is not a key: only letters, digits, `-`, `_`, `.` and `/` are allowed"
        );
    }

    #[test]
    fn keys_are_ordered_by_their_bytes() {
        let mut keys = ["b", "a/b", "a-b", "a0", "A"].map(|text| Key::new(text).unwrap());
        keys.sort();
        assert_eq!(keys.each_ref().map(Key::as_str), ["A", "a-b", "a/b", "a0", "b"]);
    }
}
