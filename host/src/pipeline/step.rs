//! One step of a pipeline: a command, what it takes, what it makes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::condition::{Condition, Fact};
use super::policy::{Resources, Retry, Trigger};
use super::selection::Role;
use super::template::{Quoting, Slot, Template, Values};

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub name: String,
    pub run: Run,
    /// Which output of which step each input is.
    pub inputs: BTreeMap<String, OutputRef>,
    pub outputs: Vec<String>,
    /// Exactly the params that this step sees, each with its value for this run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
    /// Environment variables beyond those of the step contract.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Template>,
    /// Files, folders and globs, relative to `workdir`, whose content is part of the cache key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<String>,
    /// Free-form facts that are part of the cache key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fingerprint: BTreeMap<String, String>,
    /// Absolute.
    pub workdir: PathBuf,
    /// The absolute folder that its paths start from: that of the file in which it is.
    pub root: PathBuf,
    /// Whether an earlier outcome may stand in for running the step.
    pub cache: bool,
    /// Steps to wait for without taking anything from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
    /// What it needs while it runs.
    pub resources: Resources,
    /// How often it is tried.
    pub retry: Retry,
    /// How long one attempt may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// When it runs, after all that it waits for has ended.
    pub trigger: Trigger,
    /// What this run does with it.
    pub role: Role,
    /// The command of a warm server, which starts attempts of this step faster than `run` does and to the same end; empty if
    /// there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warm: Vec<String>,
    /// What must be so for it to run, all of it.
    pub when: Vec<Condition>,
    /// What it has an item for each of, by the name that an item has it under; nothing unless the step is a fan-out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub foreach: BTreeMap<String, Items>,
}

/// What a fan-out has an item for each of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Items {
    /// Values that are known before the run. Each is a param of its item.
    Values(Vec<Value>),
    /// What a step makes: a file with a JSON list, whose elements are params of the items; or a folder, whose entries are inputs.
    Output(OutputRef),
}

impl Step {
    /// Every text of this step that may hold placeholders.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.run.templates().iter().chain(self.env.values())
    }

    /// The names of the secrets that its environment holds.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let references = self.env.values().flat_map(Template::references);
        let secrets = references.filter(|reference| reference.slot == Slot::Secret);
        secrets.map(|reference| reference.name.as_str())
    }

    /// Changes what it takes from other steps.
    pub(super) fn rename(&mut self, change: &mut dyn FnMut(&mut OutputRef)) {
        self.inputs.values_mut().for_each(&mut *change);
        for items in self.foreach.values_mut() {
            if let Items::Output(from) = items {
                change(from);
            }
        }
        for condition in &mut self.when {
            condition.change(&mut |fact| {
                if let Fact::Metadata { of, .. } = fact {
                    change(of);
                }
            });
        }
    }

    /// Changes the names of the steps whose metrics its conditions are about.
    pub(super) fn rename_metrics(&mut self, change: &dyn Fn(&mut String)) {
        for condition in &mut self.when {
            condition.change(&mut |fact| {
                if let Fact::Metric { step, .. } = fact {
                    change(step);
                }
            });
        }
    }

    /// Whether it is run once for each of several items, and not once.
    pub fn is_fan_out(&self) -> bool {
        !self.foreach.is_empty()
    }

    /// Whether its command or its environment has such a placeholder.
    pub fn mentions(&self, slot: Slot, name: &str) -> bool {
        let mut references = self.templates().flat_map(Template::references);
        references.any(|reference| reference.slot == slot && reference.name == name)
    }

    /// The outputs of other steps that it takes, with the names that it has them under.
    pub fn taken(&self) -> impl Iterator<Item = (&str, &OutputRef)> {
        let inputs = self.inputs.iter().map(|(name, from)| (name.as_str(), from));
        let items = self.foreach.iter().filter_map(|(name, items)| match items {
            Items::Output(from) => Some((name.as_str(), from)),
            Items::Values(_) => None,
        });
        inputs.chain(items)
    }

    /// The steps that its conditions are about; a name may come more than once.
    pub fn asked(&self) -> impl Iterator<Item = &str> {
        self.when.iter().flat_map(Condition::steps)
    }

    /// The names of the steps that this one waits for: those it takes inputs from, then those in `after`.
    /// A name may come more than once.
    pub fn needs(&self) -> impl Iterator<Item = &str> {
        let producers = self.taken().map(|(_, from)| from.step.as_str());
        producers.chain(self.after.iter().map(String::as_str))
    }
}

/// The command of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Run {
    /// One line or script for `sh -c`.
    Shell(Template),
    /// A program and its arguments, started without a shell.
    Exec(Vec<Template>),
}

impl Run {
    /// Program and arguments, placeholders filled in.
    pub fn command(&self, values: &Values<'_>) -> Vec<String> {
        match self {
            Self::Shell(script) => {
                // Where every Unix has it, and where `system` looks: no search for each step.
                vec!["/bin/sh".into(), "-c".into(), script.render(values, Quoting::Shell)]
            }
            Self::Exec(arguments) => {
                arguments.iter().map(|argument| argument.render(values, Quoting::None)).collect()
            }
        }
    }

    /// The script, or the program and its arguments, as written.
    pub fn templates(&self) -> &[Template] {
        match self {
            Self::Shell(script) => std::slice::from_ref(script),
            Self::Exec(arguments) => arguments,
        }
    }
}

/// An output of a step, written `STEP.OUTPUT`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutputRef {
    pub step: String,
    pub output: String,
}

impl fmt::Display for OutputRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.step, self.output)
    }
}
