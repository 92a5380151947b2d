//! The items of a fan-out: how many there are, what each is given, and how what they make becomes one.

use std::collections::BTreeMap;

use serde_json::Value;
use sundae_plugin_api::{ArtifactStore, Error};

use crate::artifact::{
    ArtifactKind, ArtifactRef, FetchError, Manifests, entries, joined, read_text,
};
use crate::pipeline::{Items, OutputRef, Slot, Step, text};

/// The largest file that is read as a list, in bytes.
const LONGEST_LIST: u64 = 64 * 1024 * 1024;

/// A fan-out whose items are known.
#[derive(Debug)]
pub(super) struct FanOut {
    each: Vec<Each>,
    /// What the items are called in the folders that hold what they made.
    names: Vec<String>,
    /// What they come from.
    sources: BTreeMap<String, ArtifactRef>,
}

/// What the items have under one name: one for each of them.
#[derive(Debug)]
struct Each {
    name: String,
    given: Given,
}

#[derive(Debug)]
enum Given {
    /// Params.
    Values(Vec<Value>),
    /// Inputs, and whether their names are params.
    Entries { of: OutputRef, entries: Vec<(String, ArtifactRef)>, are_named: bool },
}

/// Why the items of a fan-out cannot be told, or what they made cannot be joined.
#[derive(Debug)]
pub(super) enum Broken {
    /// What they come from is damaged or gone; the name that it has in the step, and why.
    Lost { input: String, message: String },
    /// It is not what it must be, in words.
    Unfit(String),
    /// The artifact store cannot be asked now.
    Away(Error),
}

impl FanOut {
    /// Finds out what the items of a step are, given the artifacts that they come from.
    pub(super) fn open(
        step: &Step,
        sources: BTreeMap<String, ArtifactRef>,
        store: &dyn ArtifactStore,
        manifests: Manifests,
    ) -> Result<Self, Broken> {
        let mut each = Vec::with_capacity(step.foreach.len());
        for (name, items) in &step.foreach {
            let given = match items {
                Items::Values(values) => Given::Values(values.clone()),
                Items::Output(from) => {
                    let Some(source) = sources.get(name) else {
                        return Err(Broken::Unfit(format!("`{from}` is not there")));
                    };
                    given(step, name, from, source, store, manifests)?
                }
            };
            each.push(Each { name: name.clone(), given });
        }
        let length = even(&each)?;
        let of_folder = each.iter().find_map(|each| match &each.given {
            Given::Entries { entries, .. } => {
                Some(entries.iter().map(|(name, _)| name.clone()).collect())
            }
            Given::Values(_) => None,
        });
        let names = of_folder.unwrap_or_else(|| numbered(length));
        Ok(Self { each, names, sources })
    }

    /// How many items there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether the items come from these artifacts.
    pub(super) fn is_of(&self, sources: &BTreeMap<String, ArtifactRef>) -> bool {
        let same = |(a, b): (&ArtifactRef, &ArtifactRef)| a.digest == b.digest && a.kind == b.kind;
        self.sources.len() == sources.len() && self.sources.values().zip(sources.values()).all(same)
    }

    /// An item as a step of its own.
    pub(super) fn step(&self, of: &Step, index: usize) -> Step {
        let mut step = Step {
            name: item_name(&of.name, index),
            foreach: BTreeMap::new(),
            when: Vec::new(),
            after: Vec::new(),
            ..of.clone()
        };
        for Each { name, given } in &self.each {
            match given {
                Given::Values(values) => {
                    step.params.insert(name.clone(), values[index].clone());
                }
                Given::Entries { of, entries, are_named } => {
                    step.inputs.insert(name.clone(), of.clone());
                    if *are_named {
                        step.params.insert(name.clone(), entries[index].0.clone().into());
                    }
                }
            }
        }
        step
    }

    /// What an item takes: what all of them do, and what is its own.
    pub(super) fn inputs(
        &self,
        index: usize,
        mut shared: BTreeMap<String, ArtifactRef>,
    ) -> BTreeMap<String, ArtifactRef> {
        for Each { name, given } in &self.each {
            if let Given::Entries { entries, .. } = given {
                shared.insert(name.clone(), entries[index].1.clone());
            }
        }
        shared
    }

    /// What an item has by each of its own names, for people.
    pub(super) fn own(&self, index: usize) -> BTreeMap<&str, String> {
        let own = self.each.iter().map(|Each { name, given }| {
            let what = match given {
                Given::Values(values) => text(&values[index]).into_owned(),
                Given::Entries { entries, .. } => entries[index].0.clone(),
            };
            (name.as_str(), what)
        });
        own.collect()
    }

    /// For each output of the step the folder with what the items made of it.
    pub(super) fn joined<'m>(
        &self,
        step: &Step,
        made: impl Fn(usize) -> &'m BTreeMap<String, ArtifactRef>,
        store: &dyn ArtifactStore,
        manifests: Manifests,
    ) -> Result<BTreeMap<String, ArtifactRef>, FetchError> {
        let mut outputs = BTreeMap::new();
        for output in &step.outputs {
            let entry = |(index, name): (usize, &String)| {
                Some((name.clone(), made(index).get(output)?.clone()))
            };
            let entries: Vec<_> = self.names.iter().enumerate().filter_map(entry).collect();
            outputs.insert(output.clone(), joined(store, &entries, manifests)?);
        }
        Ok(outputs)
    }
}

/// The name of an item of a step.
#[must_use]
pub fn item_name(step: &str, index: usize) -> String {
    format!("{step}:{index}")
}

/// The step that the item of this name is one of; `None` if it is the name of a step.
#[must_use]
pub fn step_of_item(name: &str) -> Option<&str> {
    name.split_once(':').map(|(step, _)| step)
}

/// What an artifact gives to each item.
fn given(
    step: &Step,
    name: &str,
    from: &OutputRef,
    source: &ArtifactRef,
    store: &dyn ArtifactStore,
    manifests: Manifests,
) -> Result<Given, Broken> {
    let unread = |error: FetchError| match error {
        FetchError::Store(error) if error.is_retryable() => Broken::Away(error),
        error if error.lost_object().is_some() => {
            let message = format!("`{from}`, which has the items, cannot be read: {error}");
            Broken::Lost { input: name.to_owned(), message }
        }
        error => Broken::Unfit(format!("the items in `{from}` cannot be read: {error}")),
    };
    if source.kind == ArtifactKind::Folder {
        let entries = entries(store, source, manifests).map_err(unread)?;
        let are_named = step.mentions(Slot::Param, name);
        return Ok(Given::Entries { of: from.clone(), entries, are_named });
    }
    if step.mentions(Slot::In, name) {
        return Err(Broken::Unfit(format!(
            "`{{in.{name}}}` is an entry of a folder, and `{from}` is a file; an element of a JSON list would be `{{param.{name}}}`"
        )));
    }
    if source.size > LONGEST_LIST {
        let size = bytesize::ByteSize(source.size);
        return Err(Broken::Unfit(format!("`{from}` is too large for a list of items: {size}")));
    }
    let text = read_text(store, source).map_err(unread)?;
    match serde_json::from_str(&text) {
        Ok(Value::Array(values)) => Ok(Given::Values(values)),
        Ok(_) => Err(Broken::Unfit(format!("`{from}` is JSON, but no list of items"))),
        Err(error) => Err(Broken::Unfit(format!(
            "`{from}` is neither a folder nor a file with a JSON list: {error}"
        ))),
    }
}

/// How many items there are, if that is the same by all names.
fn even(each: &[Each]) -> Result<usize, Broken> {
    let length = |each: &Each| match &each.given {
        Given::Values(values) => values.len(),
        Given::Entries { entries, .. } => entries.len(),
    };
    let Some((first, others)) = each.split_first() else { return Ok(0) };
    match others.iter().find(|other| length(other) != length(first)) {
        None => Ok(length(first)),
        Some(other) => Err(Broken::Unfit(format!(
            "an item has one of each, and there are {} of `{}` and {} of `{}`",
            length(first),
            first.name,
            length(other),
            other.name
        ))),
    }
}

/// `00` to `11`: of equal width, so that they are in order.
fn numbered(length: usize) -> Vec<String> {
    let width = length.saturating_sub(1).to_string().len();
    (0..length).map(|index| format!("{index:0width$}")).collect()
}
