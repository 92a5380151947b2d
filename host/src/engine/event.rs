//! Everything that can happen in a run. The terminal, JSON lines, the database and the server are readers of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cache_key::CacheKey;
use crate::artifact::ArtifactRef;
pub use crate::pipeline::DATA;
pub use crate::worker::{AttemptReport, Failure, Outcome};

/// Something happened. Events of one run come in order, from one thread.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The first event. Every step of the plan is known, and waits. The items of fan-outs are not known yet.
    RunStarted {
        /// In the order in which they may run.
        steps: Vec<PlannedStep>,
    },
    /// The first event of a run that goes on. What is not done waits.
    RunResumed {
        /// In the order in which they may run.
        steps: Vec<PlannedStep>,
        /// The steps that were reported as done, and how they ended.
        done: BTreeMap<String, StepStatus>,
    },
    /// What steps take from outside is known, and in the artifact store.
    DataTaken {
        /// By name.
        data: BTreeMap<String, ArtifactRef>,
    },
    /// A step need not run: its outcome is known and its data is there.
    StepCached {
        /// Which step.
        step: String,
        /// Its cache key.
        key: CacheKey,
        /// What it produced when it ran.
        outcome: Box<Outcome>,
    },
    /// It is known how many items a fan-out has: each of them is a step from now on, called `STEP:0`, `STEP:1`, …, and waits.
    FanOutExpanded {
        /// Which step.
        step: String,
        /// How many.
        items: usize,
    },
    /// All items of a fan-out have ended well, and with them the step.
    FanOutJoined {
        /// Which step.
        step: String,
        /// Completed; or cached, if all of its items were.
        status: StepStatus,
        /// By output name: a folder with what the items made.
        outputs: BTreeMap<String, ArtifactRef>,
    },
    /// A step will not run: what it needs has failed, or what it is for has not happened.
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
        key: CacheKey,
        /// Why it is not taken from the cache: at least one reason, each in words.
        reasons: Vec<String>,
        /// The orchestrator's handle.
        handle: String,
        /// The id of the job.
        job: String,
        /// The file that its log is written to while it runs, if that is on this machine. Afterwards the report names it.
        log: Option<PathBuf>,
    },
    /// A try that was handed to the orchestrator before the run went on is heard of again.
    AttemptTakenUp {
        /// Which step.
        step: String,
        /// From 1.
        attempt: u32,
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
    /// A try has failed, and the step will be tried again.
    StepRetried {
        /// Which step.
        step: String,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// How many attempts there are in all.
        attempts: u32,
        /// Why it failed.
        reason: String,
        /// How long to wait before the next one.
        wait: Duration,
    },
    /// A step has ended for good; nothing follows for it, unless what it made is lost while others need it: then a warning
    /// says so, and another try of it follows.
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

/// How a step stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Not yet begun.
    #[default]
    Waiting,
    /// Under way.
    Running,
    /// It ran, and its outputs are published.
    Completed,
    /// Its outputs are those of an earlier run.
    Cached,
    /// It ran, and failed.
    Failed,
    /// It did not run: another step failed, or what it is for has not happened.
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
