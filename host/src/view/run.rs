//! Runs, their steps, and what they have produced.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use sundae_plugin_api::orchestrator::Usage;

use crate::artifact::{ArtifactKind, ArtifactRef};
use crate::engine::event::{RunStatus, StepStatus};
use crate::metadata::{ArtifactRecord, RunRecord, StepRecord, WarningRecord};

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunRow {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its pipeline.
    pub pipeline: String,
    /// Its stack, as it was called then.
    pub stack: String,
    /// How it stands.
    pub status: RunStatus,
    /// How many of its steps have which status.
    pub steps: BTreeMap<String, u32>,
    /// When it began.
    pub started: String,
    /// When it ended.
    pub ended: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// What the runs of a sweep have in common: an id.
    pub sweep: Option<String>,
    /// The params of the pipeline.
    pub params: BTreeMap<String, Value>,
    /// The last value of each metric; of two steps with the same one, that of the later step in the plan.
    pub metrics: BTreeMap<String, f64>,
    /// The last value of each metric, by `STEP.METRIC`.
    pub step_metrics: BTreeMap<String, f64>,
}

/// A run with its steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its pipeline.
    pub pipeline: String,
    /// Its stack, as it was called then.
    pub stack: String,
    /// The components of the stack, by kind, as they were called then.
    pub components: BTreeMap<String, Vec<String>>,
    /// The root of the project it belongs to.
    pub project: Option<String>,
    /// How it stands.
    pub status: RunStatus,
    /// Why, where it did not complete.
    pub reason: Option<String>,
    /// Who started it.
    pub owner: String,
    /// When it began.
    pub started: String,
    /// When it ended.
    pub ended: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// What the runs of a sweep have in common: an id.
    pub sweep: Option<String>,
    /// How often it went on after it had ended or was killed.
    pub resumed: u32,
    /// The params of the pipeline.
    pub params: BTreeMap<String, Value>,
    /// What its steps take from outside, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, OutputView>,
    /// Its steps, in the order of the plan.
    pub steps: Vec<StepView>,
    /// What was warned of.
    pub warnings: Vec<String>,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepView {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: StepStatus,
    /// How many items it has, if it has items and that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<u32>,
    /// Why it ran, or why it did not complete.
    pub reason: Option<String>,
    /// The run that made the outputs, where they come from the cache.
    pub cached_from: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// The exit code of its command.
    pub exit_code: Option<i32>,
    /// When its last attempt began.
    pub started: Option<String>,
    /// When it ended.
    pub ended: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// Its inputs: `STEP.OUTPUT` by name.
    pub inputs: BTreeMap<String, String>,
    /// The last value of each metric.
    pub metrics: BTreeMap<String, f64>,
    /// What it noted.
    pub notes: Vec<String>,
    /// What it produced, by name.
    pub outputs: BTreeMap<String, OutputView>,
    /// The last lines of its log, where it failed.
    pub log_tail: Option<String>,
    /// Where its last attempt ran and what that used, as far as its orchestrator knew: `job`, `machine`, `cpu_ms`, `memory` in bytes.
    #[serde(skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
}

/// An output of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputView {
    /// File or folder.
    pub kind: ArtifactKind,
    /// BLAKE3 of its content, as 64 hexadecimal digits.
    pub digest: String,
    /// Bytes.
    pub size: u64,
    /// Whether it is a file that may be run.
    pub executable: bool,
    /// What the step said of it.
    pub metadata: Map<String, Value>,
}

/// An artifact with where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArtifactView {
    /// How it is written: `training-3/train.model`.
    pub artifact: String,
    /// The run that has it.
    pub run: String,
    /// The id of that run.
    pub run_id: String,
    /// The step that has it as an output.
    pub step: String,
    /// The name of the output.
    pub output: String,
    /// File or folder.
    pub kind: ArtifactKind,
    /// Bytes.
    pub size: u64,
    /// Whether it is a file that may be run.
    pub executable: bool,
    /// BLAKE3 of its content, as 64 hexadecimal digits.
    pub digest: String,
    /// When it was published.
    pub created: String,
    /// What the step said of it.
    pub metadata: Map<String, Value>,
}

/// An artifact with all that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArtifactDetail {
    /// What a list shows of it.
    #[serde(flatten)]
    pub artifact: ArtifactView,
    /// The name of the artifact store, as it was called then.
    pub artifact_store: Option<String>,
    /// Where that keeps its objects, if it can be asked.
    pub location: Option<String>,
    /// Whether its data is there.
    pub state: ArtifactState,
    /// Why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is in it, if it is a folder that is there: sizes in bytes, by path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<BTreeMap<String, u64>>,
    /// Where else the same bytes are: `training-2/train.model`.
    pub same: Vec<String>,
}

/// Whether the data of an artifact is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactState {
    /// It is, by name and size; its content is verified when it is read.
    Available,
    /// It is not, or not all of it.
    Gone,
    /// The store cannot be asked.
    Unknown,
}

/// Milliseconds between two times.
pub(super) fn duration_ms(started: Option<Timestamp>, ended: Option<Timestamp>) -> Option<i64> {
    Some(ended?.as_millisecond() - started?.as_millisecond())
}

impl RunRow {
    /// A run without its steps.
    #[must_use]
    pub fn new(run: &RunRecord) -> Self {
        Self {
            name: run.name.clone(),
            id: run.id.clone(),
            pipeline: run.pipeline.clone(),
            stack: run.stack.clone(),
            status: run.status,
            steps: run.steps.clone(),
            started: run.started.to_string(),
            ended: run.ended.map(|time| time.to_string()),
            duration_ms: duration_ms(Some(run.started), run.ended),
            sweep: run.sweep.clone(),
            params: run.params.clone(),
            metrics: run.metrics.clone(),
            step_metrics: run.step_metrics.clone(),
        }
    }
}

impl RunView {
    /// A run with its steps, and what was warned of.
    #[must_use]
    pub fn new(
        run: &RunRecord,
        data: &BTreeMap<String, ArtifactRef>,
        steps: &[StepRecord],
        warnings: Vec<WarningRecord>,
    ) -> Self {
        let mut components: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for member in &run.members {
            components.entry(member.kind.to_string()).or_default().push(member.name.clone());
        }
        Self {
            id: run.id.clone(),
            name: run.name.clone(),
            pipeline: run.pipeline.clone(),
            stack: run.stack.clone(),
            components,
            project: run.project.as_ref().map(|root| root.display().to_string()),
            status: run.status,
            reason: run.reason.clone(),
            owner: run.owner.clone(),
            started: run.started.to_string(),
            ended: run.ended.map(|time| time.to_string()),
            duration_ms: duration_ms(Some(run.started), run.ended),
            sweep: run.sweep.clone(),
            resumed: run.resumed,
            params: run.params.clone(),
            data: data.iter().map(|(name, data)| (name.clone(), OutputView::new(data))).collect(),
            steps: steps.iter().map(StepView::new).collect(),
            warnings: warnings.into_iter().map(|warning| warning.message).collect(),
        }
    }
}

impl StepView {
    /// A step as it stands.
    #[must_use]
    pub fn new(step: &StepRecord) -> Self {
        let outputs = step.outputs.iter();
        Self {
            name: step.name.clone(),
            status: step.status,
            items: step.items,
            reason: step.reason.clone(),
            cached_from: step.cached_from.clone(),
            attempts: step.attempt,
            exit_code: step.exit_code,
            started: step.started.map(|time| time.to_string()),
            ended: step.ended.map(|time| time.to_string()),
            duration_ms: duration_ms(step.started, step.ended),
            inputs: step
                .inputs
                .iter()
                .map(|(name, (step, output))| (name.clone(), format!("{step}.{output}")))
                .collect(),
            metrics: step.metrics.clone(),
            notes: step.notes.clone(),
            outputs: outputs
                .map(|(name, artifact)| (name.clone(), OutputView::new(artifact)))
                .collect(),
            log_tail: step.log_tail.clone(),
            usage: step.usage.clone(),
        }
    }
}

impl OutputView {
    pub(super) fn new(artifact: &ArtifactRef) -> Self {
        Self {
            kind: artifact.kind,
            digest: artifact.digest.clone(),
            size: artifact.size,
            executable: artifact.executable,
            metadata: artifact.metadata.clone(),
        }
    }
}

impl ArtifactView {
    /// An artifact of a run.
    #[must_use]
    pub fn new(record: &ArtifactRecord) -> Self {
        Self {
            artifact: record.reference(),
            run: record.run.clone(),
            run_id: record.run_id.clone(),
            step: record.step.clone(),
            output: record.output.clone(),
            kind: record.artifact.kind,
            size: record.artifact.size,
            executable: record.artifact.executable,
            digest: record.artifact.digest.clone(),
            created: record.created.to_string(),
            metadata: record.artifact.metadata.clone(),
        }
    }
}
