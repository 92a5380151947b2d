//! The shape of a pipeline file: which keys there are and what type each has. What they refer to is not looked at yet.

mod foreach;
mod policy;
mod reader;
mod step;
mod when;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::Format;
use super::document::{Data, Entry, Node};
use super::error::{Complaint, Problems, quoted};
use super::names::is_pipeline_name;
use super::policy::{FailurePolicy, Hooks};
use super::source::{Located, Span};
use reader::{Reader, find};

pub(super) use foreach::{Each, Source};
pub(super) use step::{Input, Mention, Param, StepDraft};
pub(super) use when::When;

/// A pipeline file that has the right shape. After a problem was reported, parts of it may be empty.
#[derive(Default)]
pub(super) struct Draft {
    pub name: String,
    pub root: Option<PathBuf>,
    pub params: Vec<(Located<String>, Value)>,
    /// What comes from outside, by name: paths as they are written.
    pub data: Vec<(Located<String>, Located<String>)>,
    /// What an inner pipeline is given by the outer one.
    pub inputs: Vec<Located<String>>,
    /// What it gives to it.
    pub outputs: Vec<Input>,
    pub timeout: Option<Duration>,
    pub failure_policy: FailurePolicy,
    pub hooks: Hooks,
    pub steps: Vec<StepDraft>,
}

const KEYS: [&str; 9] =
    ["name", "params", "data", "inputs", "outputs", "timeout", "failure-policy", "hooks", "steps"];
const JSON_KEYS: [&str; 10] = [
    "name",
    "params",
    "data",
    "inputs",
    "outputs",
    "timeout",
    "failure-policy",
    "hooks",
    "steps",
    "root",
];

/// The start of the file, where what is missing at the top belongs.
const TOP: Span = Span { start: 0, end: 0 };

pub(super) fn read(document: &Node, format: Format, problems: &mut Problems<'_>) -> Draft {
    let mut reader = Reader::new(problems);
    let Data::Table(file) = &document.data else {
        reader.report(document.span, || {
            Complaint::new(format!("a pipeline must be a table of keys, not {}", document.kind()))
        });
        return Draft::default();
    };
    let known = if format == Format::Json { &JSON_KEYS[..] } else { &KEYS[..] };
    let guesses = reader.unknown_keys(file, known, &"the pipeline");
    let draft = Draft {
        name: name(&mut reader, file, &guesses),
        root: find(file, "root")
            .filter(|_| format == Format::Json)
            .and_then(|node| root(&mut reader, node)),
        params: find(file, "params").map(|node| params(&mut reader, node)).unwrap_or_default(),
        data: find(file, "data").map(|node| data(&mut reader, node)).unwrap_or_default(),
        inputs: find(file, "inputs").map(|node| inputs(&mut reader, node)).unwrap_or_default(),
        outputs: find(file, "outputs").map(|node| outputs(&mut reader, node)).unwrap_or_default(),
        timeout: find(file, "timeout")
            .and_then(|node| policy::timeout(&mut reader, node, "`timeout` of the pipeline")),
        failure_policy: find(file, "failure-policy")
            .map(|node| policy::failure_policy(&mut reader, node))
            .unwrap_or_default(),
        hooks: find(file, "hooks").map(|node| policy::hooks(&mut reader, node)).unwrap_or_default(),
        steps: steps(&mut reader, file, &guesses),
    };
    unique(&mut reader, &draft.steps);
    draft
}

fn name(reader: &mut Reader<'_, '_>, file: &[Entry], guesses: &[&str]) -> String {
    let Some(node) = find(file, "name") else {
        if !guesses.contains(&"name") {
            reader.missing("name", file, TOP, &"the pipeline");
        }
        return String::new();
    };
    let name = reader.string(node, || "`name` of the pipeline".into());
    if !is_pipeline_name(name) && !name.is_empty() {
        reader.report(node.span, || {
            Complaint::new(format!("{} cannot be the name of a pipeline", quoted(name)))
                .hint("use up to 128 of the characters A-Z, a-z, 0-9, `_`, `-` and `.`, with a letter or digit in front".to_owned())
        });
    } else if name.is_empty() && matches!(node.data, Data::String(_)) {
        reader.report(node.span, || Complaint::new("the name of the pipeline is empty"));
    }
    name.to_owned()
}

fn root(reader: &mut Reader<'_, '_>, node: &Node) -> Option<PathBuf> {
    let Data::String(_) = &node.data else {
        reader.string(node, || "`root` of the pipeline".into());
        return None;
    };
    let root = PathBuf::from(reader.string(node, || "`root` of the pipeline".into()));
    if !root.is_absolute() {
        reader.report(node.span, || Complaint::new("`root` must be an absolute path"));
    }
    Some(root)
}

fn params(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<(Located<String>, Value)> {
    let entries =
        reader.table(node, "a table of names and values", || "`params` of the pipeline".into());
    let mut params = Vec::with_capacity(entries.len());
    for Entry { key, value } in entries {
        reader.name(&key.value, key.span, "param");
        params.push((key.clone(), reader.value(value)));
    }
    params
}

fn data(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<(Located<String>, Located<String>)> {
    let wanted = "a table of names, each with the path of a file or folder";
    let entries = reader.table(node, wanted, || "`data` of the pipeline".into());
    let mut data = Vec::with_capacity(entries.len());
    for Entry { key, value } in entries {
        reader.name(&key.value, key.span, "input");
        let path = reader.string(value, || format!("{} in `data`", quoted(&key.value))).to_owned();
        if path.is_empty() && matches!(value.data, Data::String(_)) {
            reader.report(value.span, || {
                Complaint::new(format!("{} in `data` names no file", quoted(&key.value)))
            });
        }
        data.push((key.clone(), Located { value: path, span: value.span }));
    }
    data
}

fn inputs(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Located<String>> {
    reader.names(node, "input", "a list of names", || "`inputs` of the pipeline".into())
}

fn outputs(reader: &mut Reader<'_, '_>, node: &Node) -> Vec<Input> {
    let wanted = "a table of names, each with a `STEP.OUTPUT`";
    let entries = reader.table(node, wanted, || "`outputs` of the pipeline".into());
    let mut outputs = Vec::with_capacity(entries.len());
    for Entry { key, value } in entries {
        reader.name(&key.value, key.span, "output");
        let what = || format!("output {} of the pipeline", quoted(&key.value));
        outputs.extend(step::reference(reader, key, value, what));
    }
    outputs
}

fn steps(reader: &mut Reader<'_, '_>, file: &[Entry], guesses: &[&str]) -> Vec<StepDraft> {
    let Some(node) = find(file, "steps") else {
        if !guesses.contains(&"steps") {
            reader.report(TOP, || no_steps("the pipeline has no `steps`"));
        }
        return Vec::new();
    };
    match &node.data {
        Data::List(steps) if steps.is_empty() => {
            reader.report(node.span, || no_steps("`steps` is empty"));
            Vec::new()
        }
        Data::List(steps) => {
            steps.iter().enumerate().map(|(index, step)| step::read(reader, index, step)).collect()
        }
        Data::Table(_) => {
            reader.report(node.span, || {
                Complaint::new("`steps` must be a list of tables, not one table")
                    .hint("write `[[steps]]`, with double brackets, above each step".to_owned())
            });
            Vec::new()
        }
        _ => {
            reader.wrong_type(node, "a list of tables", || "`steps`".into());
            Vec::new()
        }
    }
}

fn no_steps(message: &str) -> Complaint {
    Complaint::new(message)
        .hint("each step is a table under `[[steps]]` with a `name` and what to `run`".to_owned())
}

fn unique(reader: &mut Reader<'_, '_>, steps: &[StepDraft]) {
    let mut first: HashMap<&str, Span> = HashMap::with_capacity(steps.len());
    for StepDraft { name, .. } in steps.iter().filter(|step| !step.name.value.is_empty()) {
        if let Some(&first) = first.get(name.value.as_str()) {
            reader.report(name.span, || {
                Complaint::new(format!("two steps are named {}", quoted(&name.value)))
                    .other(first, "first here")
            });
        } else {
            first.insert(&name.value, name.span);
        }
    }
}
