//! What differs between two runs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::run::duration_ms;
use crate::artifact::ArtifactRef;
use crate::engine::cache_key::KeyParts;
use crate::engine::event::{RunStatus, StepStatus};
use crate::metadata::{RunRecord, StepRecord};

/// A run as it is compared.
#[derive(Debug, Clone, Copy)]
pub struct RunFacts<'a> {
    /// The run.
    pub run: &'a RunRecord,
    /// Its steps.
    pub steps: &'a [StepRecord],
    /// What went into the cache keys of its steps, by cache key, as far as that is recorded.
    pub parts: &'a BTreeMap<String, KeyParts>,
}

/// What differs between two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunDiff {
    /// The one.
    pub a: RunSide,
    /// The other.
    pub b: RunSide,
    /// Whether nothing differs but when it ran, how long that took, and what was taken from the cache.
    pub same: bool,
    /// Params of the pipeline that differ.
    pub params: Vec<Change>,
    /// The stack and its components, by kind, where they differ.
    pub stack: Vec<Change>,
    /// Commands that differ, by step.
    pub commands: Vec<Change>,
    /// Code files that differ, by step and path, as digests.
    pub code: Vec<Change>,
    /// Params of steps that differ and are none of the pipeline.
    pub step_params: Vec<Change>,
    /// Declared variables that differ, by step.
    pub environment: Vec<Change>,
    /// Declared fingerprints that differ, by step.
    pub fingerprints: Vec<Change>,
    /// Inputs that differ, by step, as digests.
    pub inputs: Vec<Change>,
    /// Outputs that differ, by step.
    pub outputs: Vec<OutputChange>,
    /// Metrics that differ, by step.
    pub metrics: Vec<MetricChange>,
    /// Steps whose cache keys differ by something that is not recorded.
    pub unexplained: Vec<String>,
    /// Every step of either run.
    pub steps: Vec<StepPair>,
}

/// One of two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunSide {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its pipeline.
    pub pipeline: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it began.
    pub started: String,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
}

/// Something that has another value in the other run, or is only in one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Of which step, if it is of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What it is called.
    pub name: String,
    /// What it is in the one.
    pub a: Option<Value>,
    /// What it is in the other.
    pub b: Option<Value>,
}

/// An output whose content differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputChange {
    /// Of which step.
    pub step: String,
    /// What it is called.
    pub name: String,
    /// What it is in the one.
    pub a: Option<Content>,
    /// What it is in the other.
    pub b: Option<Content>,
}

/// The content of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    /// BLAKE3, as 64 hexadecimal digits.
    pub digest: String,
    /// Bytes.
    pub size: u64,
}

/// A metric whose value differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricChange {
    /// Of which step.
    pub step: String,
    /// What it is called.
    pub name: String,
    /// Its value in the one.
    pub a: Option<f64>,
    /// Its value in the other.
    pub b: Option<f64>,
    /// How much greater it is in the other.
    pub difference: Option<f64>,
}

/// A step in both runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepPair {
    /// Its name.
    pub step: String,
    /// How it went in the one.
    pub a: Option<StepSide>,
    /// How it went in the other.
    pub b: Option<StepSide>,
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepSide {
    /// How it stands.
    pub status: StepStatus,
    /// The run that made the outputs, where they come from the cache.
    pub cached_from: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
}

impl RunDiff {
    /// What differs between two runs.
    #[must_use]
    pub fn new(a: RunFacts<'_>, b: RunFacts<'_>) -> Self {
        let mut diff = Self {
            a: RunSide::new(a.run),
            b: RunSide::new(b.run),
            same: false,
            params: changes(None, &a.run.params, &b.run.params, Clone::clone),
            stack: stack_changes(a.run, b.run),
            commands: Vec::new(),
            code: Vec::new(),
            step_params: Vec::new(),
            environment: Vec::new(),
            fingerprints: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            metrics: Vec::new(),
            unexplained: Vec::new(),
            steps: Vec::new(),
        };
        for (name, steps) in paired(a.steps, b.steps) {
            diff.compare_step(name, steps, (a, b));
        }
        diff.same = diff.is_same();
        diff
    }

    fn compare_step(
        &mut self,
        name: &str,
        (a, b): Pair<'_>,
        (all_a, all_b): (RunFacts<'_>, RunFacts<'_>),
    ) {
        let side = |step: Option<&StepRecord>| step.map(StepSide::new);
        self.steps.push(StepPair { step: name.to_owned(), a: side(a), b: side(b) });
        let (Some(a), Some(b)) = (a, b) else { return };
        let before = self.explained();
        self.compare_parts(name, parts_of(a, all_a), parts_of(b, all_b), all_b.run);
        let inputs = (digests(a, all_a.steps), digests(b, all_b.steps));
        // Of a step that was skipped, nobody knows what it would have taken.
        if a.cache_key.is_some() && b.cache_key.is_some() {
            self.inputs
                .extend(changes(Some(name), &inputs.0, &inputs.1, |text| text.as_str().into()));
        }
        let keys = a.cache_key.as_ref().zip(b.cache_key.as_ref());
        let is_explained = self.explained() > before || !self.params.is_empty();
        if keys.is_some_and(|(a, b)| a != b) && !is_explained {
            self.unexplained.push(name.to_owned());
        }
        self.compare_outputs(name, a, b);
        self.compare_metrics(name, a, b);
    }

    /// How many reasons were found for steps to differ.
    fn explained(&self) -> usize {
        let reasons = [
            &self.commands,
            &self.code,
            &self.step_params,
            &self.environment,
            &self.fingerprints,
            &self.inputs,
        ];
        reasons.into_iter().map(Vec::len).sum()
    }

    fn compare_parts(
        &mut self,
        step: &str,
        a: Option<&KeyParts>,
        b: Option<&KeyParts>,
        run: &RunRecord,
    ) {
        let (Some(a), Some(b)) = (a, b) else { return };
        let (step, text) = (Some(step), |text: &String| Value::from(text.as_str()));
        if a.command != b.command {
            let command = |parts: &KeyParts| Some(Value::from(parts.command.join(" ")));
            self.commands.push(Change::new(step, "command", command(a), command(b)));
        }
        self.code.extend(changes(step, &a.code, &b.code, text));
        self.environment.extend(changes(step, &a.environment, &b.environment, text));
        self.fingerprints.extend(changes(step, &a.fingerprint, &b.fingerprint, text));
        let own = changes(step, &a.params, &b.params, Clone::clone).into_iter();
        self.step_params.extend(own.filter(|change| !run.params.contains_key(&change.name)));
    }

    fn compare_outputs(&mut self, step: &str, a: &StepRecord, b: &StepRecord) {
        // What has not been made is no other output.
        if a.outputs.is_empty() || b.outputs.is_empty() {
            return;
        }
        for name in names(&a.outputs, &b.outputs) {
            let content = |step: &StepRecord| step.outputs.get(name).map(Content::new);
            let (a, b) = (content(a), content(b));
            if a != b {
                self.outputs.push(OutputChange { step: step.to_owned(), name: name.clone(), a, b });
            }
        }
    }

    fn compare_metrics(&mut self, step: &str, a: &StepRecord, b: &StepRecord) {
        for name in names(&a.metrics, &b.metrics) {
            let (a, b) = (a.metrics.get(name).copied(), b.metrics.get(name).copied());
            if a != b {
                let difference = a.zip(b).map(|(a, b)| b - a);
                let (step, name) = (step.to_owned(), name.clone());
                self.metrics.push(MetricChange { step, name, a, b, difference });
            }
        }
    }

    fn is_same(&self) -> bool {
        self.params.is_empty()
            && self.stack.is_empty()
            && self.explained() == 0
            && self.outputs.is_empty()
            && self.metrics.is_empty()
            && self.unexplained.is_empty()
            && self.a.pipeline == self.b.pipeline
            && self.steps.iter().all(StepPair::is_same)
    }
}

impl StepPair {
    /// Whether both have ended the same way; from where the outputs come does not matter.
    fn is_same(&self) -> bool {
        let how = |side: &Option<StepSide>| {
            side.as_ref().map(|side| match side.status {
                StepStatus::Cached => StepStatus::Completed,
                other => other,
            })
        };
        how(&self.a) == how(&self.b)
    }
}

impl RunSide {
    fn new(run: &RunRecord) -> Self {
        Self {
            name: run.name.clone(),
            id: run.id.clone(),
            pipeline: run.pipeline.clone(),
            status: run.status,
            started: run.started.to_string(),
            duration_ms: duration_ms(Some(run.started), run.ended),
        }
    }
}

impl StepSide {
    fn new(step: &StepRecord) -> Self {
        Self {
            status: step.status,
            cached_from: step.cached_from.clone(),
            duration_ms: duration_ms(step.started, step.ended),
        }
    }
}

impl Content {
    fn new(artifact: &ArtifactRef) -> Self {
        Self { digest: artifact.digest.clone(), size: artifact.size }
    }
}

impl Change {
    fn new(step: Option<&str>, name: &str, a: Option<Value>, b: Option<Value>) -> Self {
        Self { step: step.map(str::to_owned), name: name.to_owned(), a, b }
    }
}

fn parts_of<'a>(step: &StepRecord, all: RunFacts<'a>) -> Option<&'a KeyParts> {
    all.parts.get(step.cache_key.as_ref()?)
}

/// The digests of what a step has taken, by input.
fn digests(step: &StepRecord, all: &[StepRecord]) -> BTreeMap<String, String> {
    let digest = |(from, output): &(String, String)| {
        let producer = all.iter().find(|step| step.name == *from)?;
        Some(producer.outputs.get(output)?.digest.clone())
    };
    let inputs = step.inputs.iter();
    inputs.filter_map(|(name, from)| Some((name.clone(), digest(from)?))).collect()
}

/// The names that are in either map.
fn names<'a, T>(a: &'a BTreeMap<String, T>, b: &'a BTreeMap<String, T>) -> BTreeSet<&'a String> {
    a.keys().chain(b.keys()).collect()
}

/// What has another value in the other map, or is only in one.
fn changes<T: PartialEq>(
    step: Option<&str>,
    a: &BTreeMap<String, T>,
    b: &BTreeMap<String, T>,
    as_value: impl Fn(&T) -> Value,
) -> Vec<Change> {
    let differing = names(a, b).into_iter().filter(|name| a.get(*name) != b.get(*name));
    let value = |of: &BTreeMap<String, T>, name: &String| of.get(name).map(&as_value);
    differing.map(|name| Change::new(step, name, value(a, name), value(b, name))).collect()
}

fn stack_changes(a: &RunRecord, b: &RunRecord) -> Vec<Change> {
    let mut found = Vec::new();
    if a.stack != b.stack {
        let name = |run: &RunRecord| Some(Value::from(run.stack.as_str()));
        found.push(Change::new(None, "stack", name(a), name(b)));
    }
    let kinds = a.members.iter().chain(&b.members).map(|member| member.kind);
    for kind in kinds.collect::<BTreeSet<_>>() {
        let of = |run: &RunRecord, is_told_by_id: bool| {
            let members = run.members.iter().filter(|member| member.kind == kind);
            let called = members.map(|member| match is_told_by_id {
                true => format!("{} ({})", member.name, member.id),
                false => member.name.clone(),
            });
            let called = called.collect::<Vec<_>>().join(", ");
            (!called.is_empty()).then(|| Value::from(called))
        };
        if of(a, true) != of(b, true) {
            // Two may have had the same name, one after the other.
            let is_told_by_id = of(a, false) == of(b, false);
            let (a, b) = (of(a, is_told_by_id), of(b, is_told_by_id));
            found.push(Change::new(None, kind.as_str(), a, b));
        }
    }
    found
}

/// A step in both runs, or in one of them.
type Pair<'a> = (Option<&'a StepRecord>, Option<&'a StepRecord>);

/// The steps of two runs by name, in the order of the first, and then what only the second has.
fn paired<'a>(a: &'a [StepRecord], b: &'a [StepRecord]) -> Vec<(&'a str, Pair<'a>)> {
    let in_a: BTreeMap<_, _> = a.iter().map(|step| (step.name.as_str(), step)).collect();
    let in_b: BTreeMap<_, _> = b.iter().map(|step| (step.name.as_str(), step)).collect();
    let only_in_b = b.iter().filter(|step| !in_a.contains_key(step.name.as_str()));
    let all = a.iter().chain(only_in_b).map(|step| step.name.as_str());
    all.map(|name| (name, (in_a.get(name).copied(), in_b.get(name).copied()))).collect()
}
