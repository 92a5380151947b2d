//! What one attempt leaves behind: read by the engine, kept with the artifacts, recorded with the run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::artifact::ArtifactRef;

/// What a step produced: kept in the artifact store under the step's cache key, and recorded with the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The name of the run that produced it.
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
    /// What somebody should know though it succeeded, in words that follow the step's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl AttemptReport {
    /// The report of a try that produced nothing.
    pub(crate) fn of_failure(run: &str, failure: Failure) -> Self {
        let now = Timestamp::now();
        let outcome = Outcome {
            run: run.to_owned(),
            outputs: BTreeMap::new(),
            log: None,
            metrics: BTreeMap::new(),
            notes: Vec::new(),
            started: now,
            ended: now,
        };
        Self {
            outcome,
            exit_code: None,
            failure: Some(failure),
            log_tail: String::new(),
            warnings: Vec::new(),
        }
    }
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
    /// It took longer than it may, and was stopped.
    TimedOut {
        /// In words, with how long it might take.
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
