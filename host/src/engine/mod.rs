//! Running a plan: schedule, cache, attempts, events. Knows no SQLite, no terminal, no HTTP.
//!
//! One thread, the dispatcher, owns all state and decides everything; work happens wherever the orchestrator puts it, and
//! comes back as a report. What happens is told as [`event::Event`]s to a [`Listener`], and in no other way.

pub mod cache;
pub mod cache_key;
pub mod code;
mod condition;
mod dispatcher;
pub mod event;
pub mod explain;
pub mod fan_out;
mod job;
pub mod known;
pub mod prospect;
pub mod resources;
mod state;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sundae_plugin_api::orchestrator::JobDescription;
use sundae_plugin_api::{ArtifactStore, Orchestrator};

use crate::artifact::{ArtifactRef, KnownDigests};
use crate::pipeline::Pipeline;
use crate::shipping::Sent;
use crate::worker::{AttemptSpec, Secrets};
use event::{Event, RunStatus};
use known::Known;

/// Hears what happens in a run.
pub trait Listener {
    /// Takes events, in order. What it has taken is safe when it returns: the engine does not report a thing as done twice.
    ///
    /// # Errors
    /// In words; the engine then stops the run, since a run that cannot be recorded would be lost.
    fn hear(&mut self, events: &[Event]) -> Result<(), String>;
}

/// What a run works with.
pub struct Engine<'a> {
    /// What shall run.
    pub pipeline: &'a Pipeline,
    /// The run's id: letters, digits and `-`.
    pub run_id: &'a str,
    /// The run's name.
    pub run_name: &'a str,
    /// Where steps run.
    pub orchestrator: &'a dyn Orchestrator,
    /// Where artifacts are kept. Shared with the threads of the orchestrator.
    pub store: std::sync::Arc<dyn ArtifactStore>,
    /// A folder for the attempts of this run, on the store's file system if it has one.
    pub staging: &'a Path,
    /// The values of the secrets that steps name.
    pub secrets: std::sync::Arc<Secrets>,
    /// Whether earlier outcomes may stand in for running steps.
    pub use_cache: bool,
    /// What steps take from outside, by name; all of it is in the store.
    pub data: &'a BTreeMap<String, ArtifactRef>,
    /// What is known of earlier executions, to say why a step runs.
    pub history: &'a dyn explain::History,
    /// What is known of the content of files.
    pub digests: &'a dyn KnownDigests,
    /// How far the run had come, if it goes on.
    pub known: &'a Known,
    /// Fills in how a process of its own does the same work: the command, and its environment. Asked only if the
    /// orchestrator's jobs run elsewhere; [`portable`](crate::worker::portable) has what the command must do.
    pub worker: &'a DescribeWorker<'a>,
    /// The project's files, where jobs do not find them at their paths.
    pub project: Option<&'a Sent>,
    /// Counts the requests to stop.
    pub stop: &'a Stop,
    /// How long a step that was asked to stop may take before it is stopped; and how long being stopped may take.
    pub grace: Duration,
    /// How long the artifact store may be away, each time, before a step fails for that; [`PATIENCE`](crate::worker::PATIENCE) is fitting.
    pub patience: Duration,
}

/// Fills in the worker command of an attempt. Or says why there is none, in words.
pub type DescribeWorker<'a> = dyn Fn(&AttemptSpec, &mut JobDescription) -> Result<(), String> + 'a;

/// Requests to stop a run, from a signal handler or another thread. The first asks steps to end; the second ends them.
#[derive(Debug, Default)]
pub struct Stop(AtomicU32);

impl Stop {
    /// Adds a request.
    pub fn request(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// How many there were.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Why a run ended without a status.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The listener failed; steps were stopped.
    #[error("the run was stopped, because it could not be recorded: {0}")]
    NotRecorded(String),
}

impl Engine<'_> {
    /// A fitting [`Self::grace`], long enough for a step to write a checkpoint.
    pub const GRACE: Duration = Duration::from_secs(10);

    /// Runs the pipeline to its end.
    ///
    /// # Errors
    /// [`EngineError`]; whatever happens to steps is an event and not an error.
    pub fn run(&self, listener: &mut dyn Listener) -> Result<RunStatus, EngineError> {
        dispatcher::Dispatcher::new(self, listener).run()
    }
}
