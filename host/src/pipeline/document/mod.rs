//! A pipeline file as a tree of values with their places, the same for TOML and JSON.

mod json;
mod toml;

use serde_json::Value;

use super::Format;
use super::error::Problem;
use super::source::{Located, Source, Span};

pub(super) use toml::value_of;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub data: Data,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    String(String),
    /// A number, a boolean, or null.
    Scalar(Value),
    List(Vec<Node>),
    /// In the order of the file.
    Table(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: Located<String>,
    pub value: Node,
}

/// Reads the syntax; the first error ends it.
pub(super) fn parse(source: &Source<'_>, format: Format) -> Result<Node, Problem> {
    match format {
        Format::Toml => toml::parse(source),
        Format::Json => json::parse(source),
    }
}

impl Node {
    /// What kind of value this is, to be read after "not".
    pub(super) fn kind(&self) -> &'static str {
        match &self.data {
            Data::String(_) => "a string",
            Data::Scalar(Value::Bool(_)) => "a boolean",
            Data::Scalar(Value::Number(_)) => "a number",
            Data::Scalar(_) => "null",
            Data::List(_) => "a list",
            Data::Table(_) => "a table",
        }
    }

    /// The value without the places.
    pub(super) fn to_value(&self) -> Value {
        match &self.data {
            Data::String(text) => Value::String(text.clone()),
            Data::Scalar(value) => value.clone(),
            Data::List(items) => items.iter().map(Self::to_value).collect(),
            Data::Table(entries) => {
                let pair = |entry: &Entry| (entry.key.value.clone(), entry.value.to_value());
                Value::Object(entries.iter().map(pair).collect())
            }
        }
    }

    /// The first NUL character in a string of this value, which no command line or variable can carry.
    pub(super) fn nul(&self) -> Option<Span> {
        match &self.data {
            Data::String(text) => text.contains('\0').then_some(self.span),
            Data::Scalar(_) => None,
            Data::List(items) => items.iter().find_map(Self::nul),
            Data::Table(entries) => entries.iter().find_map(|entry| {
                if entry.key.value.contains('\0') {
                    Some(entry.key.span)
                } else {
                    entry.value.nul()
                }
            }),
        }
    }
}
