//! The value of a secret.

use std::fmt;
use std::ops::Deref;

use zeroize::Zeroizing;

/// A secret's value: not printed by accident, and wiped from memory when it is no longer needed.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Zeroizing<String>);

impl Value {
    /// The text as the value of a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl Deref for Value {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debugging_does_not_show_it() {
        assert_eq!(format!("{:?}", Some(Value::new("hunter2".to_owned()))), "Some(Value(***))");
    }
}
