//! How a step and a run deal with time and failure: retries, timeouts, triggers, hooks. None of it is in a cache key.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often a step is tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// How long to wait before the second attempt.
    pub delay: Duration,
    /// What each further wait is multiplied by, at least 1.
    pub backoff: f64,
    /// No wait is longer.
    pub max_delay: Duration,
    /// Only a command that ended with one of these exit codes is tried again; empty: whatever went wrong is.
    pub exit_codes: Vec<i32>,
}

impl Default for Retry {
    /// One attempt.
    fn default() -> Self {
        Self {
            attempts: 1,
            delay: Duration::from_secs(1),
            backoff: 2.0,
            max_delay: Duration::from_secs(300),
            exit_codes: Vec::new(),
        }
    }
}

impl Retry {
    /// How long to wait after so many failed attempts; `None` if there is no other attempt.
    #[must_use]
    pub fn wait_after(&self, failed: u32, exit_code: Option<i32>) -> Option<Duration> {
        let is_meant = self.exit_codes.is_empty()
            || exit_code.is_some_and(|code| self.exit_codes.contains(&code));
        if failed >= self.attempts || !is_meant {
            return None;
        }
        let exponent = i32::try_from(failed.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.delay.as_secs_f64() * self.backoff.powi(exponent);
        // What does not fit, or is no number, is longer than the longest wait.
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(self.max_delay);
        Some(wait.min(self.max_delay))
    }
}

/// When a step runs, after all that it waits for has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// If all of it ended well.
    #[default]
    OnSuccess,
    /// If something of it, or of what that needed, failed.
    OnFailure,
    /// However it ended, also when the run is stopped.
    Always,
}

/// What becomes of the rest of a run when a step has failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailurePolicy {
    /// Whatever does not need the failed step is run.
    #[default]
    FinishBranches,
    /// Nothing else is begun, and what runs is stopped.
    FailFast,
}

/// Shell commands that are run on the host's machine when something happens in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Hooks {
    /// When the run begins.
    pub run_started: Option<String>,
    /// When a step has failed for good.
    pub step_failed: Option<String>,
    /// When the run has ended, however.
    pub run_ended: Option<String>,
}

impl Hooks {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a step needs while it runs, by resource name; memory in bytes. `cpus` is 1 where it is not declared.
pub type Resources = BTreeMap<String, f64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let retry = Retry { attempts: 9, max_delay: Duration::from_secs(5), ..Retry::default() };
        let waits: Vec<_> = (1..=9).map(|failed| retry.wait_after(failed, Some(1))).collect();
        let seconds = |wait: &Option<Duration>| wait.map(|wait| wait.as_secs());
        let expected =
            [Some(1), Some(2), Some(4), Some(5), Some(5), Some(5), Some(5), Some(5), None];
        assert_eq!(waits.iter().map(seconds).collect::<Vec<_>>(), expected);
        let huge = Retry { attempts: u32::MAX, backoff: 1e300, ..Retry::default() };
        assert_eq!(huge.wait_after(u32::MAX - 1, None), Some(huge.max_delay));
    }

    #[test]
    fn only_the_exit_codes_that_are_named_are_tried_again() {
        let retry = Retry { attempts: 3, exit_codes: vec![75], ..Retry::default() };
        assert!(retry.wait_after(1, Some(75)).is_some());
        assert_eq!(retry.wait_after(1, Some(1)), None);
        assert_eq!(retry.wait_after(1, None), None);
        assert_eq!(Retry::default().wait_after(1, Some(1)), None);
    }
}
