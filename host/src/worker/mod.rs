//! One step attempt: bring the inputs, run the command, publish the outputs. Knows no database and no orchestrator, so it
//! runs as well in the host as on a machine that has nothing but the binary and the artifact store.

mod attempt;
mod cancel;
mod code;
mod command;
mod folders;
mod hook;
mod inputs;
mod log;
mod messages;
mod outcomes;
mod output;
mod patient;
pub mod portable;
pub mod reaper;
mod report;
mod room;
mod spare_logs;
mod surroundings;
pub mod warm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::artifact::ArtifactRef;
use crate::pipeline::Step;
use crate::shipping::ProjectCopy;

pub use attempt::run;
pub use cancel::Cancel;
pub use code::CodeFile;
pub use folders::Folders;
pub use hook::run_hook;
pub use log::{read_log, tail_of};
pub use messages::{Message, Progress};
pub use outcomes::{keep, kept};
pub use report::{AttemptReport, Failure, Outcome};

/// How long the artifact store may be away: time enough for a service to be started anew or handed over.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// The values of secrets, by name. They are never part of an [`AttemptSpec`], which is kept where others may read it.
pub type Secrets = BTreeMap<String, String>;

/// All that is needed to make one attempt, wherever, but for the values of secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptSpec {
    /// Unique for ever; made of letters, digits and `-`.
    pub id: String,
    /// The run's id.
    pub run_id: String,
    /// The run's name.
    pub run_name: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// From 1.
    pub attempt: u32,
    /// What to run.
    pub step: Step,
    /// By input name.
    pub inputs: BTreeMap<String, ArtifactRef>,
    /// Under which the outcome is kept for later runs; `None` if it is not.
    pub cache_key: Option<String>,
    /// The code that went into the cache key.
    pub code: Vec<CodeFile>,
    /// How long the artifact store may be away, each time, before the attempt fails for that.
    pub patience: Duration,
    /// The project's files, for where its folder is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectCopy>,
}

/// The file that the log of an attempt in `folder` is written to while it runs.
#[must_use]
pub fn log_in(folder: &Path) -> PathBuf {
    surroundings::log_beside(folder)
}

/// The file that the messages of an attempt in `folder` are written to.
#[must_use]
pub fn messages_in(folder: &Path) -> PathBuf {
    folder.join(surroundings::MESSAGES)
}

/// The file of messages that belongs to a log as [`log_in`] gives it.
#[must_use]
pub fn messages_beside(log: &Path) -> PathBuf {
    messages_in(&surroundings::folder_beside(log))
}
