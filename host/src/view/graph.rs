//! The graph of a pipeline, or of a run of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::run::duration_ms;
use crate::engine::event::{DATA, StepStatus};
use crate::metadata::{RunRecord, StepRecord};

/// The graph of a pipeline, or of a run of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GraphView {
    /// The name of the pipeline.
    pub pipeline: String,
    /// The name of the run, if it is one's.
    pub run: Option<String>,
    /// The steps, in the order of the plan.
    pub steps: Vec<GraphStep>,
    /// Who waits for whom.
    pub edges: Vec<GraphEdge>,
}

/// A step of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GraphStep {
    /// Its name.
    pub name: String,
    /// How it stands, in a run.
    pub status: Option<StepStatus>,
    /// The run that made the outputs, where they come from the cache.
    pub cached_from: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// Why it did not complete.
    pub reason: Option<String>,
}

/// A step that waits for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GraphEdge {
    /// The step that is waited for.
    pub from: String,
    /// The step that waits.
    pub to: String,
    /// The output that it takes; if there is none, it only comes after the other.
    pub output: Option<String>,
    /// As which input it takes that.
    pub input: Option<String>,
}

impl GraphView {
    /// A graph without steps.
    #[must_use]
    pub fn new(pipeline: &str) -> Self {
        Self { pipeline: pipeline.to_owned(), run: None, steps: Vec::new(), edges: Vec::new() }
    }

    /// The graph of a run.
    #[must_use]
    pub fn of_run(run: &RunRecord, steps: &[StepRecord]) -> Self {
        let mut graph = Self { run: Some(run.name.clone()), ..Self::new(&run.pipeline) };
        for step in steps {
            graph.add(GraphStep::of(step), &step.inputs, &step.after);
        }
        graph.with_data()
    }

    /// The same with what comes from outside as a step of its own, if anything does.
    #[must_use]
    pub fn with_data(mut self) -> Self {
        let is_taken = self.edges.iter().any(|edge| edge.from == DATA);
        if is_taken && !self.steps.iter().any(|step| step.name == DATA) {
            self.steps.insert(0, GraphStep::planned(DATA));
        }
        self
    }

    /// Adds a step with what it waits for: inputs by name, each a step and its output; and steps that only come before it.
    pub fn add(
        &mut self,
        step: GraphStep,
        inputs: &BTreeMap<String, (String, String)>,
        after: &[String],
    ) {
        let to = &step.name;
        let taken = inputs.iter().map(|(input, (from, output))| GraphEdge {
            from: from.clone(),
            to: to.clone(),
            output: Some(output.clone()),
            input: Some(input.clone()),
        });
        let waited = after.iter().map(|from| GraphEdge {
            from: from.clone(),
            to: to.clone(),
            output: None,
            input: None,
        });
        self.edges.extend(taken.chain(waited));
        self.steps.push(step);
    }
}

impl GraphStep {
    /// A step of a pipeline that does not run.
    #[must_use]
    pub fn planned(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            status: None,
            cached_from: None,
            duration_ms: None,
            reason: None,
        }
    }

    fn of(step: &StepRecord) -> Self {
        let is_unhappy =
            matches!(step.status, StepStatus::Failed | StepStatus::Skipped | StepStatus::Cancelled);
        Self {
            name: step.name.clone(),
            status: Some(step.status),
            cached_from: step.cached_from.clone(),
            duration_ms: duration_ms(step.started, step.ended),
            reason: step.reason.clone().filter(|_| is_unhappy),
        }
    }
}
