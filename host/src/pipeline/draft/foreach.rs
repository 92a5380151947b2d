//! The shape of `foreach`: what a step has an item for each of.

use std::fmt::Display;

use serde_json::Value;

use super::reader::Reader;
use super::step::{Input, reference};
use crate::pipeline::document::{Data, Entry, Node};
use crate::pipeline::error::{Complaint, quoted};
use crate::pipeline::source::{Located, Span};
use crate::pipeline::template::{Slot, Template};

/// One name of a `foreach`, with what stands for it.
pub(in crate::pipeline) struct Each {
    pub(in crate::pipeline) name: Located<String>,
    pub(in crate::pipeline) from: Source,
    /// Where it stands.
    pub(in crate::pipeline) span: Span,
}

pub(in crate::pipeline) enum Source {
    /// The values are written in the file.
    Values(Vec<Value>),
    /// They are a param of the pipeline.
    Param(Located<String>),
    /// They are what a step makes.
    Output(Input),
}

pub(super) fn foreach(reader: &mut Reader<'_, '_>, node: &Node, of: &dyn Display) -> Vec<Each> {
    const WANTED: &str = "a table of names, each with a list or a `STEP.OUTPUT`";
    let entries = reader.table(node, WANTED, || format!("`foreach` of {of}"));
    if entries.is_empty() && matches!(node.data, Data::Table(_)) {
        reader.report(node.span, || {
            Complaint::new(format!("`foreach` of {of} names nothing"))
                .hint("name what each item is given: `foreach = { shard = \"split.shards\" }`")
        });
    }
    let mut all = Vec::with_capacity(entries.len());
    for Entry { key, value } in entries {
        reader.name(&key.value, key.span, "item");
        if let Some(from) = source(reader, key, value, of) {
            all.push(Each { name: key.clone(), from, span: value.span });
        }
    }
    all
}

fn source(
    reader: &mut Reader<'_, '_>,
    name: &Located<String>,
    node: &Node,
    of: &dyn Display,
) -> Option<Source> {
    let what = || format!("{} in `foreach` of {of}", quoted(&name.value));
    match &node.data {
        Data::List(_) => match reader.value(node) {
            Value::Array(values) => Some(Source::Values(values)),
            _ => None,
        },
        Data::String(text) => match param_of(text) {
            Some(param) => {
                Some(Source::Param(Located { value: param.to_owned(), span: node.span }))
            }
            None => reference(reader, name, node, what).map(Source::Output),
        },
        _ => {
            reader.wrong_type(node, "a list, a `STEP.OUTPUT` or a `{param.NAME}`", what);
            None
        }
    }
}

/// The param that a text is a placeholder for.
fn param_of(text: &str) -> Option<String> {
    let template = Template::parse(text).ok()?;
    let reference = template.sole_reference()?;
    (reference.slot == Slot::Param).then(|| reference.name.clone())
}
