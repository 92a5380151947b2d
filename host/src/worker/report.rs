//! What one attempt leaves behind: read by the engine, kept with the artifacts, recorded with the run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sundae_plugin_api::orchestrator::Usage;

use crate::artifact::ArtifactRef;
use crate::secret::masked;

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

impl Outcome {
    /// That of a step in this run that has left nothing.
    pub(crate) fn empty(run: &str) -> Self {
        let now = Timestamp::now();
        Self {
            run: run.to_owned(),
            outputs: BTreeMap::new(),
            log: None,
            metrics: BTreeMap::new(),
            notes: Vec::new(),
            started: now,
            ended: now,
        }
    }
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
    /// Where it ran and what it used, as far as the orchestrator knows; a worker leaves this out.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
}

impl AttemptReport {
    /// The report without any secret that this process has come to know: a plugin may have put one into an error.
    #[must_use]
    pub fn without_secrets(mut self) -> Self {
        let hide = |text: &mut String| *text = masked(std::mem::take(text));
        hide(&mut self.log_tail);
        self.warnings.iter_mut().for_each(hide);
        match &mut self.failure {
            Some(
                Failure::Command { message }
                | Failure::DamagedInput { message, .. }
                | Failure::TimedOut { message }
                | Failure::Host { message },
            ) => hide(message),
            Some(Failure::MissingOutput { .. } | Failure::Cancelled) | None => {}
        }
        self
    }

    /// The report of a try that produced nothing.
    pub(crate) fn of_failure(run: &str, failure: Failure) -> Self {
        Self {
            outcome: Outcome::empty(run),
            exit_code: None,
            failure: Some(failure),
            log_tail: String::new(),
            warnings: Vec::new(),
            usage: Usage::default(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::mask_from_now_on;

    #[test]
    fn an_error_that_quotes_a_secret_does_not_give_it_away() {
        mask_from_now_on(["token-of-the-store"]);
        let message = "403: token-of-the-store is no longer valid".to_owned();
        let mut report = AttemptReport::of_failure("p-1", Failure::Host { message });
        report.warnings.push("token-of-the-store".to_owned());
        let report = report.without_secrets();
        let hidden = Failure::Host { message: "403: *** is no longer valid".to_owned() };
        assert_eq!((report.failure, &*report.warnings), (Some(hidden), &["***".to_owned()][..]));
    }
}
