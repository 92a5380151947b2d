//! What is known of a run that goes on: how far its steps had come before. Data; whoever keeps records makes it from them.

use std::collections::{BTreeMap, HashMap};

use super::event::StepStatus;
use crate::artifact::ArtifactRef;

/// How far a run had come. The default is that of a run that begins.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// How often the run went on before, this time included; 0 for one that begins.
    pub resumed: u32,
    /// By the name of the step. A step that is not here was never tried.
    pub steps: HashMap<String, KnownStep>,
}

/// How far a step had come.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownStep {
    /// How often it was tried.
    pub attempts: u32,
    /// The cache key of its last execution.
    pub key: Option<String>,
    /// What came of it.
    pub end: KnownEnd,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum KnownEnd {
    /// It was reported as done: it does not run again, if its outputs are still there.
    Done {
        /// Completed or cached.
        status: StepStatus,
        /// By output name.
        outputs: BTreeMap<String, ArtifactRef>,
        /// The last value of each metric: conditions may ask for them.
        metrics: BTreeMap<String, f64>,
    },
    /// Its last attempt was handed to the orchestrator, and nothing was heard of its end.
    UnderWay {
        /// The orchestrator's handle.
        handle: String,
        /// The id of the job and of its attempt.
        job: String,
    },
    /// It did not come to an end, or not to a good one: it is to run.
    Open,
}

impl Known {
    /// Whether the run begins.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.resumed == 0
    }

    /// How often a step was tried.
    #[must_use]
    pub fn attempts(&self, step: &str) -> u32 {
        self.steps.get(step).map_or(0, |step| step.attempts)
    }

    /// The steps that were reported as done.
    #[must_use]
    pub fn done(&self) -> BTreeMap<String, StepStatus> {
        let done = self.steps.iter().filter_map(|(name, step)| match step.end {
            KnownEnd::Done { status, .. } => Some((name.clone(), status)),
            _ => None,
        });
        done.collect()
    }
}
