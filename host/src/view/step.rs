//! One step of a run with everything that is known of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::run::{OutputView, StepView, duration_ms};
use crate::artifact::ArtifactRef;
use crate::engine::cache_key::KeyParts;
use crate::engine::event::{DATA, StepStatus};
use crate::metadata::{AttemptRecord, RunRecord, StepRecord};

/// One step of a run with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepDetail {
    /// The name of the run.
    pub run: String,
    /// What the run shows of it, too.
    #[serde(flatten)]
    pub step: StepView,
    /// Its cache key, once it is known.
    pub cache_key: Option<String>,
    /// The steps that it waits for without taking anything from them.
    pub after: Vec<String>,
    /// What it takes, by the name of the input.
    pub taken: BTreeMap<String, InputView>,
    /// Its command, code, params and environment, if they are recorded.
    pub parts: Option<StepParts>,
    /// Where its log is.
    pub log: Option<LogView>,
    /// The attempts before the last one.
    pub earlier_attempts: Vec<AttemptView>,
    /// The items of a step that has items, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<ItemView>,
}

/// An item of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemView {
    /// Its name: `train:0`.
    pub name: String,
    /// How it stands.
    pub status: StepStatus,
    /// Why it did not complete.
    pub reason: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// The params that are not the same for all items.
    pub params: BTreeMap<String, Value>,
    /// The last value of each metric.
    pub metrics: BTreeMap<String, f64>,
}

/// What went into the cache key of a step beside its inputs.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StepParts {
    /// The command as it is written: a script, or a program and its arguments.
    pub command: Vec<String>,
    /// Digests by path.
    pub code: BTreeMap<String, String>,
    /// The params that the step sees.
    pub params: BTreeMap<String, Value>,
    /// The declared variables, as they are written.
    pub environment: BTreeMap<String, String>,
    /// The declared fingerprints.
    pub fingerprint: BTreeMap<String, String>,
}

/// A try of a step that another one followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptView {
    /// From 1.
    pub attempt: u32,
    /// Why it failed.
    pub reason: Option<String>,
    /// The exit code of its command.
    pub exit_code: Option<i32>,
    /// When it began.
    pub started: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
}

/// An input of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputView {
    /// The output that it is: `STEP.OUTPUT`.
    pub from: String,
    /// What that was, if it was made.
    pub artifact: Option<OutputView>,
}

/// Where the log of a step is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogView {
    /// The file that it is written to while the step runs.
    pub file: Option<String>,
    /// The object in the artifact store, as 64 hexadecimal digits.
    pub digest: Option<String>,
    /// Bytes, once it is in the artifact store.
    pub size: Option<u64>,
}

impl StepDetail {
    /// A step, with what its run takes from outside, and the steps of its run.
    #[must_use]
    pub fn new(
        run: &RunRecord,
        step: &StepRecord,
        data: &BTreeMap<String, ArtifactRef>,
        all: &[StepRecord],
    ) -> Self {
        let taken = step.inputs.iter().map(|(name, (from, output))| {
            let producer = all.iter().find(|step| step.name == *from);
            let artifact = match producer {
                Some(step) => step.outputs.get(output),
                None => data.get(output).filter(|_| from == DATA),
            };
            let artifact = artifact.map(OutputView::new);
            (name.clone(), InputView { from: format!("{from}.{output}"), artifact })
        });
        Self {
            run: run.name.clone(),
            step: StepView::new(step),
            cache_key: step.cache_key.clone(),
            after: step.after.clone(),
            taken: taken.collect(),
            parts: None,
            log: LogView::of(step),
            earlier_attempts: Vec::new(),
            each: Vec::new(),
        }
    }

    /// The same with what went into its cache key, and the attempts before the last one.
    #[must_use]
    pub fn with(mut self, parts: Option<&KeyParts>, earlier: &[AttemptRecord]) -> Self {
        self.parts = parts.map(StepParts::new);
        self.earlier_attempts = earlier.iter().map(AttemptView::new).collect();
        self
    }

    /// The same with its items, and what went into their cache keys.
    #[must_use]
    pub fn with_items(mut self, items: &[StepRecord], parts: &BTreeMap<String, KeyParts>) -> Self {
        let parts_of = |item: &StepRecord| parts.get(item.cache_key.as_ref()?);
        let first = items.iter().find_map(parts_of);
        let mut varied = BTreeSet::new();
        for (name, value) in items.iter().filter_map(parts_of).flat_map(|parts| &parts.params) {
            if first.is_some_and(|first| first.params.get(name) != Some(value)) {
                varied.insert(name);
            }
        }
        let params_of = |item: &StepRecord| {
            let params = parts_of(item).into_iter().flat_map(|parts| &parts.params);
            let varied = params.filter(|(name, _)| varied.contains(name));
            varied.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        self.each = items
            .iter()
            .map(|item| ItemView { params: params_of(item), ..ItemView::new(item) })
            .collect();
        self
    }
}

impl StepParts {
    /// The parts of a cache key that are not inputs.
    #[must_use]
    pub fn new(parts: &KeyParts) -> Self {
        let KeyParts { command, code, params, environment, fingerprint, .. } = parts.clone();
        Self { command, code, params, environment, fingerprint }
    }
}

impl ItemView {
    fn new(item: &StepRecord) -> Self {
        let has_ended_well = matches!(item.status, StepStatus::Completed | StepStatus::Cached);
        Self {
            name: item.name.clone(),
            status: item.status,
            reason: item.reason.clone().filter(|_| !has_ended_well),
            duration_ms: duration_ms(item.started, item.ended),
            params: BTreeMap::new(),
            metrics: item.metrics.clone(),
        }
    }
}

impl AttemptView {
    fn new(attempt: &AttemptRecord) -> Self {
        Self {
            attempt: attempt.attempt,
            reason: attempt.reason.clone(),
            exit_code: attempt.exit_code,
            started: attempt.started.map(|time| time.to_string()),
            duration_ms: duration_ms(attempt.started, attempt.ended),
        }
    }
}

impl LogView {
    fn of(step: &StepRecord) -> Option<Self> {
        let file = step.log_file.as_ref().map(|file| file.display().to_string());
        let (digest, size) = match &step.log {
            Some(log) => (Some(log.digest.clone()), Some(log.size)),
            None => (None, None),
        };
        (file.is_some() || digest.is_some()).then_some(Self { file, digest, size })
    }
}
