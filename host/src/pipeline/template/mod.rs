//! Text with placeholders: `{in.NAME}`, `{out.NAME}`, `{param.NAME}`, `{secret.NAME}`; `{{` and `}}` are literal braces.

mod error;
mod reference;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::params::text;
use super::shell::{Scanner, quote};
use reference::placeholder;

pub use error::TemplateError;
pub use reference::{Reference, Slot};

/// A text with placeholders, read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A piece of the source that stands for itself.
    Literal(Range<usize>),
    Placeholder(Reference),
}

/// What the placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub struct Values<'v> {
    pub inputs: &'v BTreeMap<String, PathBuf>,
    pub outputs: &'v BTreeMap<String, PathBuf>,
    pub params: &'v BTreeMap<String, Value>,
    /// By name.
    pub secrets: &'v BTreeMap<String, String>,
}

/// What happens to a value on its way into the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quoting {
    /// The text is for a POSIX shell, and each value reaches the command as it is, whatever characters it has.
    /// A placeholder may stand by itself, in double quotes or in single quotes.
    Shell,
    /// The value is put in as it is.
    None,
}

impl Template {
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = 0;
        let mut position = 0;
        while let Some(found) = source[position..].find(['{', '}']) {
            let brace = position + found;
            let rest = &source[brace..];
            let is_doubled = rest.starts_with("{{") || rest.starts_with("}}");
            // Of a doubled brace the first one stands for itself.
            let end = if is_doubled { brace + 1 } else { brace };
            if literal < end {
                parts.push(Part::Literal(literal..end));
            }
            position = if is_doubled {
                brace + 2
            } else {
                let reference = placeholder(source, brace)?;
                let end = reference.span.end;
                parts.push(Part::Placeholder(reference));
                end
            };
            literal = position;
        }
        if literal < source.len() {
            parts.push(Part::Literal(literal..source.len()));
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What the placeholders name, in the order of the text; a name may come more than once.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Placeholder(reference) => Some(reference),
        })
    }

    /// The placeholder, if there is one and nothing else.
    pub fn sole_reference(&self) -> Option<&Reference> {
        match self.parts.as_slice() {
            [Part::Placeholder(reference)] => Some(reference),
            _ => None,
        }
    }

    /// The text with the values put in. A placeholder without a value stays as it is written.
    pub fn render(&self, values: &Values<'_>, quoting: Quoting) -> String {
        let mut rendered = String::with_capacity(self.source.len());
        let mut scanner = Scanner::default();
        for part in &self.parts {
            match part {
                Part::Literal(range) => {
                    let literal = &self.source[range.clone()];
                    rendered.push_str(literal);
                    if quoting == Quoting::Shell {
                        scanner.read(literal);
                    }
                }
                Part::Placeholder(reference) => {
                    let value = values.get(reference);
                    let value = value.unwrap_or_else(|| self.source[reference.span.clone()].into());
                    if quoting == Quoting::Shell {
                        quote(&value, scanner.pass_value(), &mut rendered);
                    } else {
                        rendered.push_str(&value);
                    }
                }
            }
        }
        rendered
    }

    /// The first placeholder that stands where the shell offers no way to pass a value unchanged, and what place that is.
    pub(super) fn unquotable(&self) -> Option<(&Reference, &'static str)> {
        let mut scanner = Scanner::default();
        self.parts.iter().find_map(|part| match part {
            Part::Literal(range) => {
                scanner.read(&self.source[range.clone()]);
                None
            }
            Part::Placeholder(reference) => {
                scanner.pass_value().obstacle().map(|place| (reference, place))
            }
        })
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        Self::parse(&source)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.source
    }
}

impl Values<'_> {
    fn get(&self, reference: &Reference) -> Option<String> {
        let name = &reference.name;
        let path = |paths: &BTreeMap<String, PathBuf>| {
            paths.get(name).map(|path| path.to_string_lossy().into_owned())
        };
        match reference.slot {
            Slot::In => path(self.inputs),
            Slot::Out => path(self.outputs),
            Slot::Param => self.params.get(name).map(|value| text(value).into_owned()),
            Slot::Secret => self.secrets.get(name).cloned(),
        }
    }
}
