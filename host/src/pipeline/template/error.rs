//! What can be wrong with a placeholder, and what to write instead.

use std::ops::Range;

use super::Slot;
use crate::nearest::nearest;
use crate::pipeline::error::quoted;
use crate::pipeline::names::is_name;

/// Why a text with placeholders cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("`{}` without its counterpart", brace(*is_open))]
    Unbalanced { at: usize, is_open: bool },
    #[error("{} is not a placeholder", quoted(&format!("{{{text}}}")))]
    Unknown { text: String, is_shell_variable: bool, span: Range<usize> },
    #[error("{} in `{{{}.…}}` is not a valid name", quoted(name), slot.word())]
    Misnamed { name: String, slot: Slot, span: Range<usize> },
}

fn brace(is_open: bool) -> char {
    if is_open { '{' } else { '}' }
}

impl TemplateError {
    /// Where in the text the error is.
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Unbalanced { at, .. } => *at..at + 1,
            Self::Unknown { span, .. } | Self::Misnamed { span, .. } => span.clone(),
        }
    }

    /// What to write instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Unbalanced { is_open, .. } => {
                let brace = brace(*is_open);
                format!("write `{brace}{brace}` for a literal `{brace}`")
            }
            Self::Misnamed { .. } => {
                "names are letters, digits, `_` and `-`, and start with a letter or `_`".to_owned()
            }
            Self::Unknown { text, is_shell_variable: true, .. } => {
                let variable = quoted(&format!("${{{{{text}}}}}"));
                format!("write {variable} for the shell's own variable: literal braces are doubled")
            }
            Self::Unknown { text, .. } => match meant(text) {
                Some(meant) => format!("did you mean {}?", quoted(&meant)),
                None => "placeholders are `{in.NAME}`, `{out.NAME}` and `{param.NAME}`; \
                         write `{{` and `}}` for literal braces"
                    .to_owned(),
            },
        }
    }
}

/// `{input.data}` for `{in.data}`: the placeholder that a wrong one was probably meant to be.
fn meant(text: &str) -> Option<String> {
    let (word, name) = text.split_once('.')?;
    let slot = match word {
        "input" | "inputs" => Slot::In,
        "output" | "outputs" => Slot::Out,
        "parameter" | "parameters" => Slot::Param,
        "secrets" => Slot::Secret,
        _ => {
            let nearest = nearest(word, Slot::ALL.iter().map(|slot| slot.word()))?;
            Slot::ALL.into_iter().find(|slot| slot.word() == nearest)?
        }
    };
    is_name(name).then(|| format!("{{{}.{name}}}", slot.word()))
}
