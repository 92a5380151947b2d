//! The shape of one step.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::foreach::{Each, foreach};
use super::policy;
use super::reader::{Reader, find};
use super::when::{When, when};
use crate::pipeline::document::{Data, Entry, Node};
use crate::pipeline::error::{Complaint, quoted};
use crate::pipeline::names::{is_reserved, is_variable, variable};
use crate::pipeline::policy::{Resources, Retry, Trigger};
use crate::pipeline::source::{Located, Span, Spelling};
use crate::pipeline::step::{OutputRef, Run};
use crate::pipeline::template::{Reference, Slot, Template, TemplateError};

/// A step whose keys have the right types.
pub(in crate::pipeline) struct StepDraft {
    pub name: Located<String>,
    pub run: Run,
    /// The file of the pipeline that this step is, in the place of `run`.
    pub pipeline: Option<Located<String>>,
    pub inputs: Vec<Input>,
    pub outputs: Vec<Located<String>>,
    pub params: Vec<Param>,
    pub env: BTreeMap<String, Template>,
    /// What the placeholders of `run` and `env` name.
    pub mentions: Vec<Mention>,
    pub code: Vec<String>,
    pub fingerprint: BTreeMap<String, String>,
    pub workdir: String,
    pub cache: bool,
    pub after: Vec<Located<String>>,
    pub resources: Resources,
    pub retry: Retry,
    pub timeout: Option<Duration>,
    pub trigger: Trigger,
    pub warm: Vec<String>,
    pub when: Option<When>,
    pub foreach: Vec<Each>,
}

pub(in crate::pipeline) struct Input {
    pub name: Located<String>,
    pub from: Located<OutputRef>,
}

pub(in crate::pipeline) enum Param {
    /// Its value is written in the step.
    Own { name: Located<String>, value: Value },
    /// It is that param of the pipeline.
    Shared { name: Located<String>, of_pipeline: Located<String> },
}

impl Param {
    pub(in crate::pipeline) fn name(&self) -> &Located<String> {
        match self {
            Self::Own { name, .. } | Self::Shared { name, .. } => name,
        }
    }
}

pub(in crate::pipeline) struct Mention {
    pub slot: Slot,
    pub name: Located<String>,
}

const KEYS: [&str; 19] = [
    "name",
    "run",
    "pipeline",
    "inputs",
    "outputs",
    "params",
    "env",
    "code",
    "fingerprint",
    "workdir",
    "cache",
    "after",
    "resources",
    "retry",
    "timeout",
    "trigger",
    "when",
    "foreach",
    "warm",
];

/// Those of a step that is a pipeline; its steps have the others.
const KEYS_OF_PIPELINE: [&str; 6] = ["name", "pipeline", "inputs", "params", "after", "when"];

/// What errors call a step: by its name, or by its place as long as it has none.
struct Called<'n> {
    index: usize,
    name: Option<&'n str>,
}

impl fmt::Display for Called<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "step {}", quoted(name)),
            None => write!(f, "step {}", self.index + 1),
        }
    }
}

impl Called<'_> {
    fn key(&self, key: &str) -> String {
        format!("`{key}` of {self}")
    }
}

pub(super) fn read(reader: &mut Reader<'_, '_>, index: usize, node: &Node) -> StepDraft {
    let table = reader.table(node, "a table", || format!("step {}", index + 1));
    let name = find(table, "name").and_then(|node| match &node.data {
        Data::String(name) => Some(name.as_str()),
        _ => None,
    });
    let called = Called { index, name };
    if matches!(node.data, Data::Table(_)) {
        let guesses = reader.unknown_keys(table, &KEYS, &called);
        let is_pipeline = find(table, "pipeline").is_some();
        for required in ["name", "run"] {
            let is_there = find(table, required).is_some() || (required == "run" && is_pipeline);
            if !is_there && !guesses.contains(&required) {
                reader.missing(required, table, node.span, &called);
            }
        }
        if is_pipeline {
            unfit_for_pipeline(reader, table, &called);
        }
    }
    let resources = find(table, "resources")
        .map(|node| policy::resources(reader, node, &called))
        .unwrap_or_default();
    let retry =
        find(table, "retry").map(|node| policy::retry(reader, node, &called)).unwrap_or_default();
    let timeout = find(table, "timeout")
        .and_then(|node| policy::timeout(reader, node, &called.key("timeout")));
    let trigger = find(table, "trigger")
        .map(|node| policy::trigger(reader, node, &called))
        .unwrap_or_default();
    let when = find(table, "when").and_then(|node| when(reader, node, &called));
    let foreach =
        find(table, "foreach").map(|node| foreach(reader, node, &called)).unwrap_or_default();
    let mut step = StepReader { reader, called, mentions: Vec::new() };
    StepDraft {
        name: find(table, "name").map(|node| step.name(node)).unwrap_or_else(nameless),
        run: find(table, "run").map_or_else(|| Run::Exec(Vec::new()), |node| step.run(node)),
        pipeline: find(table, "pipeline").map(|node| step.pipeline(node)),
        inputs: find(table, "inputs").map(|node| step.inputs(node)).unwrap_or_default(),
        outputs: find(table, "outputs").map(|node| step.outputs(node)).unwrap_or_default(),
        params: find(table, "params").map(|node| step.params(node)).unwrap_or_default(),
        env: find(table, "env").map(|node| step.env(node)).unwrap_or_default(),
        code: find(table, "code").map(|node| step.code(node)).unwrap_or_default(),
        fingerprint: find(table, "fingerprint")
            .map(|node| step.fingerprint(node))
            .unwrap_or_default(),
        workdir: find(table, "workdir").map(|node| step.workdir(node)).unwrap_or_default(),
        // One that runs after a failure, or always, is there for what it does and not for what it makes.
        cache: find(table, "cache").map_or(trigger == Trigger::OnSuccess, |node| step.cache(node)),
        after: find(table, "after").map(|node| step.after(node)).unwrap_or_default(),
        warm: find(table, "warm").map(|node| step.warm(node)).unwrap_or_default(),
        mentions: step.mentions,
        resources,
        retry,
        timeout,
        trigger,
        when,
        foreach,
    }
}

/// Reports the keys that say how a command is run, where there is none.
fn unfit_for_pipeline(reader: &mut Reader<'_, '_>, table: &[Entry], called: &Called<'_>) {
    for Entry { key, .. } in table {
        let name = key.value.as_str();
        if !KEYS.contains(&name) || KEYS_OF_PIPELINE.contains(&name) {
            continue;
        }
        reader.report(key.span, || match name {
            "run" => Complaint::new(format!("{called} has both `run` and `pipeline`"))
                .hint("a step is a command or a pipeline: leave one of them out"),
            "outputs" => Complaint::new(format!(
                "{called} is a pipeline, which says itself what its outputs are"
            ))
            .hint("leave `outputs` out, and write `[outputs]` in the pipeline's file"),
            _ => {
                Complaint::new(format!("`{name}` means nothing for {called}, which is a pipeline"))
                    .hint("say it of the steps in the pipeline's file")
            }
        });
    }
}

/// Something that is written `STEP.OUTPUT`, under its name. Whether there is such an output is for the next pass to say, and
/// what was meant instead.
pub(super) fn reference(
    reader: &mut Reader<'_, '_>,
    name: &Located<String>,
    node: &Node,
    what: impl FnOnce() -> String,
) -> Option<Input> {
    let text = reader.string(node, what);
    if !matches!(node.data, Data::String(_)) {
        return None;
    }
    let (step, output) = text.split_once('.').unwrap_or((text, ""));
    let from = OutputRef { step: step.to_owned(), output: output.to_owned() };
    Some(Input { name: name.clone(), from: Located { value: from, span: node.span } })
}

fn nameless() -> Located<String> {
    Located { value: String::new(), span: Span::default() }
}

struct StepReader<'r, 'p, 't, 'n> {
    reader: &'r mut Reader<'p, 't>,
    called: Called<'n>,
    mentions: Vec<Mention>,
}

impl<'t> StepReader<'_, '_, 't, '_> {
    fn name(&mut self, node: &Node) -> Located<String> {
        let name = self.reader.string(node, || self.called.key("name"));
        if matches!(node.data, Data::String(_)) {
            self.reader.name(name, node.span, "step");
        }
        Located { value: name.to_owned(), span: node.span }
    }

    fn run(&mut self, node: &Node) -> Run {
        match &node.data {
            Data::String(script) => {
                if script.trim().is_empty() {
                    self.empty_run(node.span);
                }
                let template = self.template(node, || "run".into());
                self.quotable(&template, node);
                self.no_secret(&template, node);
                Run::Shell(template)
            }
            Data::List(arguments) => {
                let program = arguments.first();
                if program.is_none_or(
                    |program| matches!(&program.data, Data::String(text) if text.trim().is_empty()),
                ) {
                    self.empty_run(program.unwrap_or(node).span);
                }
                let called = self.called.key("run");
                let what = || format!("each item of {called}");
                let mut templates = Vec::with_capacity(arguments.len());
                for item in arguments {
                    let template = self.template(item, what);
                    self.no_secret(&template, item);
                    templates.push(template);
                }
                Run::Exec(templates)
            }
            _ => {
                self.reader
                    .wrong_type(node, "a string or a list of strings", || self.called.key("run"));
                Run::Exec(Vec::new())
            }
        }
    }

    fn pipeline(&mut self, node: &Node) -> Located<String> {
        let file = self.reader.string(node, || self.called.key("pipeline")).to_owned();
        if file.is_empty() && matches!(node.data, Data::String(_)) {
            let called = &self.called;
            self.reader.report(node.span, || {
                Complaint::new(format!("`pipeline` of {called} names no file"))
            });
        }
        Located { value: file, span: node.span }
    }

    fn empty_run(&mut self, span: Span) {
        let called = &self.called;
        self.reader.report(span, || Complaint::new(format!("`run` of {called} names no command")));
    }

    /// The text of a node as a template; its placeholders are noted as mentions.
    fn template(&mut self, node: &Node, what: impl FnOnce() -> String) -> Template {
        let text = self.reader.string(node, what);
        match Template::parse(text) {
            Ok(template) => {
                let mut spelling = self.spelling(node, text);
                for Reference { slot, name, span } in template.references() {
                    let span = spelling.locate(text, span.clone());
                    let name = Located { value: name.clone(), span };
                    self.mentions.push(Mention { slot: *slot, name });
                }
                template
            }
            Err(error) => {
                let span = self.spelling(node, text).locate(text, error.span());
                self.reader.report(span, || misread(&error));
                Template::default()
            }
        }
    }

    fn spelling(&self, node: &Node, said: &str) -> Spelling<'t> {
        Spelling::new(self.reader.source(), node.span, said)
    }

    fn quotable(&mut self, script: &Template, node: &Node) {
        let Some((reference, place)) = script.unquotable() else { return };
        let script = script.source();
        let span = self.spelling(node, script).locate(script, reference.span.clone());
        let Reference { slot, name, .. } = reference;
        self.reader.report(span, || {
            let word = slot.word();
            Complaint::new(format!(
                "`{{{word}.{name}}}` stands {place}, where no value can be quoted safely"
            ))
            .hint(format!(
                "use the environment variable `SUNDAE_{}_{}` there",
                word.to_uppercase(),
                variable(name)
            ))
        });
    }

    /// Everybody on a machine can see the command lines of its processes.
    fn no_secret(&mut self, template: &Template, node: &Node) {
        let Some(reference) =
            template.references().find(|reference| reference.slot == Slot::Secret)
        else {
            return;
        };
        let source = template.source();
        let span = self.spelling(node, source).locate(source, reference.span.clone());
        let name = &reference.name;
        self.reader.report(span, || {
            Complaint::new(format!(
                "the secret `{name}` would be on a command line, which others can see"
            ))
            .hint(format!(
                "hand it over in the environment: `env = {{ {} = \"{{secret.{name}}}\" }}`",
                variable(name)
            ))
        });
    }

    fn inputs(&mut self, node: &Node) -> Vec<Input> {
        let entries =
            self.reader.table(node, "a table of names, each with a `STEP.OUTPUT`", || {
                self.called.key("inputs")
            });
        let mut inputs = Vec::with_capacity(entries.len());
        for Entry { key, value } in entries {
            self.reader.name(&key.value, key.span, "input");
            let what = || format!("input {} of {}", quoted(&key.value), self.called);
            inputs.extend(reference(self.reader, key, value, what));
        }
        inputs
    }

    fn outputs(&mut self, node: &Node) -> Vec<Located<String>> {
        self.reader.names(node, "output", "a list of names", || self.called.key("outputs"))
    }

    fn params(&mut self, node: &Node) -> Vec<Param> {
        let Data::Table(entries) = &node.data else {
            let wanted = "a list of names or a table of values";
            let names = self.reader.names(node, "param", wanted, || self.called.key("params"));
            return names
                .into_iter()
                .map(|name| Param::Shared { of_pipeline: name.clone(), name })
                .collect();
        };
        let mut params = Vec::with_capacity(entries.len());
        for Entry { key, value } in entries {
            self.reader.name(&key.value, key.span, "param");
            params.push(self.param(key, value));
        }
        params
    }

    /// A string that is one placeholder and nothing else stands for a param of the pipeline, its type kept.
    fn param(&mut self, name: &Located<String>, node: &Node) -> Param {
        let value = self.reader.value(node);
        let name = name.clone();
        let template = value.as_str().and_then(|text| Template::parse(text).ok());
        let Some(reference) = template.as_ref().and_then(Template::sole_reference) else {
            return Param::Own { name, value };
        };
        if reference.slot != Slot::Param {
            self.reader.report(node.span, || {
                Complaint::new(format!(
                    "a param cannot be an input, an output or a secret: {}",
                    quoted(value.as_str().unwrap_or_default())
                ))
                .hint(
                    "the value of a param may be `{param.NAME}`, a param of the pipeline"
                        .to_owned(),
                )
            });
        }
        let of_pipeline = Located { value: reference.name.clone(), span: node.span };
        Param::Shared { name, of_pipeline }
    }

    fn env(&mut self, node: &Node) -> BTreeMap<String, Template> {
        let entries =
            self.reader.table(node, "a table of variables and texts", || self.called.key("env"));
        let mut env = BTreeMap::new();
        for Entry { key, value } in entries {
            self.variable(key);
            let what = format!("variable {} of {}", quoted(&key.value), self.called);
            env.insert(key.value.clone(), self.template(value, || what));
        }
        env
    }

    fn variable(&mut self, key: &Located<String>) {
        let name = &key.value;
        if !is_variable(name) {
            self.reader.report(key.span, || {
                Complaint::new(format!(
                    "{} cannot be the name of an environment variable",
                    quoted(name)
                ))
                .hint("use letters, digits and `_`, with no digit in front".to_owned())
            });
        } else if is_reserved(name) {
            self.reader.report(key.span, || {
                Complaint::new(format!(
                    "the environment variable {} is set by sundae itself",
                    quoted(name)
                ))
            });
        }
    }

    fn code(&mut self, node: &Node) -> Vec<String> {
        let patterns = self
            .reader
            .strings(node, "a list of files, folders and globs", || self.called.key("code"));
        for pattern in patterns.iter().filter(|pattern| pattern.value.is_empty()) {
            self.reader.report(pattern.span, || {
                Complaint::new(format!("{} has an empty item", self.called.key("code")))
                    .hint("`.` is the whole working folder".to_owned())
            });
        }
        patterns.into_iter().map(|pattern| pattern.value).collect()
    }

    fn fingerprint(&mut self, node: &Node) -> BTreeMap<String, String> {
        let entries = self
            .reader
            .table(node, "a table of names and texts", || self.called.key("fingerprint"));
        let mut fingerprint = BTreeMap::new();
        for Entry { key, value } in entries {
            let text = self
                .reader
                .string(value, || format!("fingerprint {} of {}", quoted(&key.value), self.called));
            fingerprint.insert(key.value.clone(), text.to_owned());
        }
        fingerprint
    }

    fn workdir(&mut self, node: &Node) -> String {
        self.reader.string(node, || self.called.key("workdir")).to_owned()
    }

    fn cache(&mut self, node: &Node) -> bool {
        self.reader.boolean(node, || self.called.key("cache"))
    }

    fn after(&mut self, node: &Node) -> Vec<Located<String>> {
        self.reader.strings(node, "a list of steps", || self.called.key("after"))
    }

    fn warm(&mut self, node: &Node) -> Vec<String> {
        let wanted = "a list: a program and its arguments";
        let words = self.reader.strings(node, wanted, || self.called.key("warm"));
        words.into_iter().map(|word| word.value).collect()
    }
}

fn misread(error: &TemplateError) -> Complaint {
    Complaint::new(error.to_string()).hint(error.hint())
}
