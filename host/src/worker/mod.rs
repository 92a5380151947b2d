//! One step attempt: bring the inputs, run the command, publish the outputs. Knows no database and no orchestrator, so it
//! runs as well in the host as on a machine that has nothing but the binary and the artifact store.

mod attempt;
mod cancel;
mod command;
mod messages;
pub mod reaper;
mod surroundings;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::artifact::ArtifactRef;
use crate::pipeline::Step;

pub use attempt::run;
pub use cancel::Cancel;
pub use messages::{Message, latest_progress};

/// All that is needed to make one attempt, wherever.
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
}
