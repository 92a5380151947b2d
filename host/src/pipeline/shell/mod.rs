//! Puts a value into a shell command so that the command gets it unchanged, wherever the author placed it.
//!
//! Quoting alone would be wrong inside quotes that the author wrote: `"{in.data}"` would get a second pair, and
//! `'{param.x}'` would let the value out of the first. So the text before a value is scanned for what is open there.
//! Where that cannot be told for sure there is an obstacle, and a pipeline file with one is refused.

mod here_document;
mod scanner;

pub(super) use scanner::Scanner;

/// Where in a shell command a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// By itself, or as part of a word.
    Word,
    DoubleQuotes,
    SingleQuotes,
    Comment,
    /// Where no way of writing lets every value through; the text says where, behind "stands".
    Obstacle(&'static str),
}

impl Place {
    /// What is in the way of passing a value unchanged, if something is.
    pub(super) fn obstacle(self) -> Option<&'static str> {
        match self {
            Self::Obstacle(place) => Some(place),
            _ => None,
        }
    }
}

/// Appends the value in the form that its place asks for.
pub(super) fn quote(value: &str, place: Place, command: &mut String) {
    match place {
        Place::Word | Place::Obstacle(_) if is_plain(value) => command.push_str(value),
        Place::Word | Place::Obstacle(_) => {
            command.push('\'');
            command.push_str(&value.replace('\'', r"'\''"));
            command.push('\'');
        }
        Place::SingleQuotes => command.push_str(&value.replace('\'', r"'\''")),
        Place::DoubleQuotes => {
            for c in value.chars() {
                if matches!(c, '\\' | '"' | '$' | '`') {
                    command.push('\\');
                }
                command.push(c);
            }
        }
        // On one line, or the rest of it would be commands.
        Place::Comment => quote(&value.replace('\n', " "), Place::Word, command),
    }
}

/// Whether a shell takes the value as it is, wherever it stands in a word.
///
/// Only paths are left as they are, for people who read commands. Elsewhere letters can be keywords, digits in front of `>`
/// a file descriptor, and `=` makes an assignment.
fn is_plain(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
    value.starts_with('/') && value.bytes().all(is_plain)
}
