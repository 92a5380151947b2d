//! Where an artifact comes from, and what was made of it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::run::{ArtifactView, duration_ms};
use super::step::StepParts;
use crate::engine::cache_key::KeyParts;
use crate::engine::event::StepStatus;
use crate::metadata::{ArtifactRecord, Execution, Lineage};

/// Where an artifact comes from, and what was made of it, as a graph of artifacts and steps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineageView {
    /// The artifact that was asked for: `training-3/train.model`.
    pub artifact: String,
    /// The id of its node; another than its name, if it was taken from the cache.
    pub node: String,
    /// Artifacts and steps.
    pub nodes: Vec<LineageNode>,
    /// What was taken, and what was made.
    pub edges: Vec<LineageEdge>,
    /// Whether this is all.
    pub complete: bool,
}

/// An artifact or a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum LineageNode {
    /// An artifact, as the step that made it published it.
    Artifact {
        /// `RUN/STEP.OUTPUT`.
        id: String,
        /// What it is.
        #[serde(flatten)]
        artifact: Box<ArtifactView>,
    },
    /// A step that ran.
    Step(Box<LineageStep>),
}

/// A step that ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineageStep {
    /// `RUN/STEP`.
    pub id: String,
    /// The name of the run.
    pub run: String,
    /// The id of the run.
    pub run_id: String,
    /// The name of the step.
    pub step: String,
    /// How it stands.
    pub status: StepStatus,
    /// The run that made the outputs, if that is not known here: it was on another machine, or was deleted.
    pub made_elsewhere: Option<String>,
    /// When it began.
    pub started: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// The params of the run.
    pub run_params: BTreeMap<String, Value>,
    /// Its command, code and params, if they are recorded.
    pub parts: Option<StepParts>,
}

/// From an artifact to the step that took it, or from a step to the artifact that it made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineageEdge {
    /// The id of a node.
    pub from: String,
    /// The id of another.
    pub to: String,
    /// The name of the input or output.
    pub name: String,
}

impl LineageView {
    /// The lineage of the artifact `asked`; `parts` are those of steps by cache key.
    #[must_use]
    pub fn new(
        asked: &ArtifactRecord,
        lineage: &Lineage,
        parts: &BTreeMap<String, KeyParts>,
    ) -> Self {
        let artifact_id = |place: usize| lineage.artifacts[place].reference();
        let step_id = |place: usize| step_id(&lineage.executions[place]);
        let artifacts = lineage.artifacts.iter().map(|record| LineageNode::Artifact {
            id: record.reference(),
            artifact: Box::new(ArtifactView::new(record)),
        });
        let steps = lineage.executions.iter().map(|execution| {
            let parts = execution.cache_key.as_ref().and_then(|key| parts.get(key));
            LineageNode::Step(Box::new(LineageStep {
                id: self::step_id(execution),
                run: execution.run.clone(),
                run_id: execution.run_id.clone(),
                step: execution.step.clone(),
                status: execution.status,
                made_elsewhere: execution.elsewhere.clone(),
                started: execution.started.map(|time| time.to_string()),
                duration_ms: duration_ms(execution.started, execution.ended),
                run_params: execution.run_params.clone(),
                parts: parts.map(StepParts::new),
            }))
        });
        let made = lineage.made.iter().map(|(maker, artifact)| LineageEdge {
            from: step_id(*maker),
            to: artifact_id(*artifact),
            name: lineage.artifacts[*artifact].output.clone(),
        });
        let taken = lineage.taken.iter().map(|(artifact, taker, input)| LineageEdge {
            from: artifact_id(*artifact),
            to: step_id(*taker),
            name: input.clone(),
        });
        Self {
            artifact: asked.reference(),
            node: lineage.artifacts.first().unwrap_or(asked).reference(),
            nodes: artifacts.chain(steps).collect(),
            edges: made.chain(taken).collect(),
            complete: !lineage.is_cut,
        }
    }
}

fn step_id(execution: &Execution) -> String {
    format!("{}/{}", execution.run, execution.step)
}

impl LineageNode {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Artifact { id, .. } => id,
            Self::Step(step) => &step.id,
        }
    }
}
