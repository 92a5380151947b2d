//! One placeholder: what it names, and how it is read.

use std::ops::Range;

use super::TemplateError;
use crate::pipeline::names::is_name;

/// What one placeholder names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    pub slot: Slot,
    pub name: String,
    /// Where the placeholder, braces included, stands in the source.
    pub span: Range<usize>,
}

/// What a placeholder can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    In,
    Out,
    Param,
    /// The value of a secret, which is only filled in when a command is started.
    Secret,
}

impl Slot {
    pub(super) const ALL: [Self; 4] = [Self::In, Self::Out, Self::Param, Self::Secret];

    /// The word in the placeholder.
    pub fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Param => "param",
            Self::Secret => "secret",
        }
    }
}

/// Reads the placeholder whose opening brace is at `start`; a closing brace there is one too many.
pub(super) fn placeholder(source: &str, start: usize) -> Result<Reference, TemplateError> {
    let rest = &source[start..];
    let length = rest[1..].find(['{', '}']).map(|length| length + 1);
    let text = match length {
        Some(length) if rest.starts_with('{') && rest[length..].starts_with('}') => {
            &rest[1..length]
        }
        _ => return Err(TemplateError::Unbalanced { at: start, is_open: rest.starts_with('{') }),
    };
    let span = start..start + text.len() + 2;
    let unknown = |span| {
        let is_shell_variable = source[..start].ends_with('$');
        TemplateError::Unknown { text: text.to_owned(), is_shell_variable, span }
    };
    let Some((word, name)) = text.split_once('.') else { return Err(unknown(span)) };
    let Some(slot) = Slot::ALL.into_iter().find(|slot| slot.word() == word) else {
        return Err(unknown(span));
    };
    if !is_name(name) {
        return Err(TemplateError::Misnamed { name: name.to_owned(), slot, span });
    }
    Ok(Reference { slot, name: name.to_owned(), span })
}
