//! What components and stacks may be called.

/// The longest name, in bytes.
const LONGEST: usize = 100;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be a name: {why}", text.escape_debug())]
pub struct InvalidName {
    /// What was given.
    pub text: String,
    /// The rule that it breaks.
    pub why: &'static str,
}

/// Checks a name: letters and digits of any script, `_`, `-` and `.`, at most 100 bytes, a letter or digit in front.
///
/// # Errors
/// [`InvalidName`].
pub fn check_name(text: &str) -> Result<(), InvalidName> {
    match fault(text) {
        None => Ok(()),
        Some(why) => Err(InvalidName { text: text.to_owned(), why }),
    }
}

fn fault(text: &str) -> Option<&'static str> {
    let Some(first) = text.chars().next() else { return Some("it is empty") };
    if text.len() > LONGEST {
        return Some("it is longer than 100 bytes");
    }
    if !first.is_alphanumeric() && first != '_' {
        return Some("it must start with a letter, a digit or `_`");
    }
    if !text.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c)) {
        return Some("only letters, digits, `_`, `-` and `.` are allowed");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_are_words_that_a_shell_and_a_table_can_hold() {
        for name in ["default", "a_new_local_stack", "s3-prod.eu", "_x", "Bücher", "1"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["", "-x", ".x", "a b", "a/b", "a\n", "👉", &"x".repeat(101)] {
            assert!(check_name(name).is_err(), "{name:?} was taken for a name");
        }
    }
}
