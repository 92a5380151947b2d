//! Everything that can happen in a run. The terminal, JSON lines, the database and the server are readers of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::artifact::ArtifactRef;

/// Something happened. Events of one run come in order, from one thread.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The first event. Every step of the plan is known, and waits.
    RunStarted {
        /// In the order in which they may run.
        steps: Vec<PlannedStep>,
    },
    /// A step need not run: its outcome is known and its data is there.
    StepCached {
        /// Which step.
        step: String,
        /// Its cache key.
        key: String,
        /// What it produced when it ran.
        outcome: Box<Outcome>,
    },
    /// A step will not run: what it needs has failed, or the run was cancelled.
    StepSkipped {
        /// Which step.
        step: String,
        /// Why, in words: "`load` failed".
        reason: String,
    },
    /// A try of a step was handed to the orchestrator.
    AttemptSubmitted {
        /// Which step.
        step: String,
        /// From 1.
        attempt: u32,
        /// Its cache key.
        key: String,
        /// Why it is not taken from the cache, in words.
        reason: String,
        /// The orchestrator's handle.
        handle: String,
    },
    /// The orchestrator has started it.
    AttemptStarted {
        /// Which step.
        step: String,
        /// From 1.
        attempt: u32,
    },
    /// The step's command said something while it runs.
    StepProgress {
        /// Which step.
        step: String,
        /// From 0 to 1.
        fraction: f64,
        /// What it is doing.
        label: String,
    },
    /// A try has ended.
    AttemptEnded {
        /// Which step.
        step: String,
        /// From 1.
        attempt: u32,
        /// How.
        report: Box<AttemptReport>,
    },
    /// A step has ended for good; nothing follows for it.
    StepEnded {
        /// Which step.
        step: String,
        /// How.
        status: StepStatus,
        /// For people, where it did not complete.
        reason: Option<String>,
    },
    /// Something that somebody should know, and that does not end the run.
    Warning {
        /// In words.
        message: String,
    },
    /// The last event.
    RunEnded {
        /// How.
        status: RunStatus,
        /// For people, where it did not complete.
        reason: Option<String>,
    },
}

/// A step as the plan has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its name.
    pub name: String,
    /// Its inputs: name → (step, output).
    pub inputs: BTreeMap<String, (String, String)>,
    /// The names of its outputs.
    pub outputs: Vec<String>,
    /// Steps that must end before it.
    pub after: Vec<String>,
}

/// What a step produced: kept in the artifact store under the step's cache key, and recorded with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The name and id of the run that produced it.
    pub run: String,
    /// By output name.
    pub outputs: BTreeMap<String, ArtifactRef>,
    /// What the command wrote to stdout and stderr; `None` if nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<ArtifactRef>,
    /// The last value of each metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// What the step noted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// When the command was started.
    pub started: Timestamp,
    /// When it had ended and its outputs were published.
    pub ended: Timestamp,
}

/// How one try ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptReport {
    /// What it produced; the outputs are empty unless it succeeded.
    pub outcome: Outcome,
    /// The exit code of the command, if it was started and not killed.
    pub exit_code: Option<i32>,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
    /// The last lines of the log, for people.
    #[serde(default)]
    pub log_tail: String,
}

/// Why a try did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Failure {
    /// The command ended with another exit code than 0, or by a signal.
    Command {
        /// `exit code 2`, `killed by signal 9`.
        message: String,
    },
    /// The command ended well, but an output was not there.
    MissingOutput {
        /// Its name.
        output: String,
    },
    /// An input is damaged or gone; it has been removed, so that it is made again.
    DamagedInput {
        /// The input's name.
        input: String,
        /// The digest that it should have.
        digest: String,
        /// What is wrong with it.
        message: String,
    },
    /// It was cancelled.
    Cancelled,
    /// It could not be made: the store refused, the command does not exist, the orchestrator lost it.
    Host {
        /// In words.
        message: String,
    },
}

/// How a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Not yet begun.
    Waiting,
    /// Under way.
    Running,
    /// It ran, and its outputs are published.
    Completed,
    /// Its outputs are those of an earlier run.
    Cached,
    /// It ran, and failed.
    Failed,
    /// It did not run, because of another step's failure.
    Skipped,
    /// It was stopped, or never begun, because the run was cancelled.
    Cancelled,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Under way.
    Running,
    /// Every step completed or was cached.
    Completed,
    /// A step failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// The process that ran it is gone.
    Interrupted,
}
