//! Takes values out of the tree by type; a wrong one is reported and read as empty.

use std::fmt::Display;

use serde_json::Value;

use crate::nearest::nearest;
use crate::pipeline::document::{Data, Entry, Node};
use crate::pipeline::error::{Complaint, Problems, quoted};
use crate::pipeline::names::is_name;
use crate::pipeline::source::{Located, Source, Span};

pub(super) struct Reader<'p, 't> {
    problems: &'p mut Problems<'t>,
}

/// The value of a key.
pub(super) fn find<'n>(table: &'n [Entry], key: &str) -> Option<&'n Node> {
    table.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
}

impl<'p, 't> Reader<'p, 't> {
    pub(super) fn new(problems: &'p mut Problems<'t>) -> Self {
        Self { problems }
    }

    pub(super) fn source(&self) -> &'t Source<'t> {
        self.problems.source
    }

    pub(super) fn report(&mut self, span: Span, complaint: impl FnOnce() -> Complaint) {
        self.problems.at(span, complaint);
    }

    /// Reports the keys of a table that mean nothing; the result is what they were probably meant to be.
    pub(super) fn unknown_keys<'k>(
        &mut self,
        table: &[Entry],
        known: &[&'k str],
        owner: &dyn Display,
    ) -> Vec<&'k str> {
        let mut guesses = Vec::new();
        for Entry { key, .. } in table {
            if known.contains(&key.value.as_str()) {
                continue;
            }
            let guess = nearest(&key.value, known.iter().copied());
            guesses.extend(guess);
            self.report(key.span, || {
                Complaint::new(format!("unknown key {} in {owner}", quoted(&key.value))).hint(
                    match guess {
                        Some(guess) => format!("did you mean `{guess}`?"),
                        None => format!("known keys: {}", known.join(", ")),
                    },
                )
            });
        }
        guesses
    }

    /// Reports that a table lacks a key. Behind a table header a key belongs to that table: so it is looked for there.
    pub(super) fn missing(&mut self, key: &str, table: &[Entry], span: Span, owner: &dyn Display) {
        let strayed = table.iter().find_map(|entry| match &entry.value.data {
            Data::Table(inner) => {
                let stray = inner.iter().find(|inner| inner.key.value == key)?;
                Some((&entry.key.value, stray.key.span))
            }
            _ => None,
        });
        self.report(span, || {
            let complaint = Complaint::new(format!("{owner} has no `{key}`"));
            let Some((table, span)) = strayed else { return complaint };
            complaint.other(span, format!("this `{key}` belongs to `{table}`")).hint(format!(
                "keys that follow the header of `{table}` belong to it: put `{key}` in front of it"
            ))
        });
    }

    pub(super) fn wrong_type(&mut self, node: &Node, wanted: &str, what: impl FnOnce() -> String) {
        let written = self.source().slice(node.span);
        let hint = match &node.data {
            Data::Scalar(_) if wanted.starts_with("a string") => {
                Some(format!("write it in quotes: `\"{written}\"`"))
            }
            Data::String(_) if wanted.starts_with("a list of") && !written.contains('\n') => {
                Some(format!("write it as a list: `[{written}]`"))
            }
            _ => None,
        };
        self.report(node.span, || {
            Complaint::new(format!("{} must be {wanted}, not {}", what(), node.kind()))
                .hint_if_any(hint)
        });
    }

    pub(super) fn string<'n>(&mut self, node: &'n Node, what: impl FnOnce() -> String) -> &'n str {
        match &node.data {
            Data::String(text) => {
                self.no_nul(node);
                text
            }
            _ => {
                self.wrong_type(node, "a string", what);
                ""
            }
        }
    }

    pub(super) fn boolean(&mut self, node: &Node, what: impl FnOnce() -> String) -> bool {
        if let Data::Scalar(Value::Bool(boolean)) = node.data {
            return boolean;
        }
        self.wrong_type(node, "`true` or `false`", what);
        false
    }

    pub(super) fn table<'n>(
        &mut self,
        node: &'n Node,
        wanted: &str,
        what: impl FnOnce() -> String,
    ) -> &'n [Entry] {
        match &node.data {
            Data::Table(entries) => entries,
            _ => {
                self.wrong_type(node, wanted, what);
                &[]
            }
        }
    }

    /// A list whose items are strings.
    pub(super) fn strings(
        &mut self,
        node: &Node,
        wanted: &str,
        what: impl Fn() -> String,
    ) -> Vec<Located<String>> {
        let Data::List(items) = &node.data else {
            self.wrong_type(node, wanted, what);
            return Vec::new();
        };
        let mut strings = Vec::with_capacity(items.len());
        for item in items {
            let value = self.string(item, || format!("each item of {}", what())).to_owned();
            strings.push(Located { value, span: item.span });
        }
        strings
    }

    /// A list of names of which none comes twice.
    pub(super) fn names(
        &mut self,
        node: &Node,
        called: &str,
        wanted: &str,
        what: impl Fn() -> String,
    ) -> Vec<Located<String>> {
        let names = self.strings(node, wanted, what);
        let mut seen = std::collections::HashMap::with_capacity(names.len());
        for Located { value, span } in &names {
            self.name(value, *span, called);
            if let Some(first) = seen.insert(value.as_str(), *span) {
                self.report(*span, || {
                    Complaint::new(format!("{called} {} is listed twice", quoted(value)))
                        .other(first, "first here")
                });
            }
        }
        names
    }

    pub(super) fn name(&mut self, name: &str, span: Span, called: &str) {
        if is_name(name) {
            return;
        }
        self.report(span, || {
            Complaint::new(format!("{} cannot be the name of {}", quoted(name), article(called)))
                .hint("use up to 128 of the characters A-Z, a-z, 0-9, `_` and `-`, with a letter or `_` in front".to_owned())
        });
    }

    /// Any value, for a param.
    pub(super) fn value(&mut self, node: &Node) -> Value {
        self.no_nul(node);
        node.to_value()
    }

    fn no_nul(&mut self, node: &Node) {
        if let Some(span) = node.nul() {
            self.report(span, || {
                Complaint::new("a string with a NUL character cannot be handed to a command")
            });
        }
    }
}

fn article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
