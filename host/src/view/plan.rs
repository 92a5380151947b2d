//! What a run would do.

use jiff::Timestamp;
use serde::Serialize;

use crate::engine::prospect::Prospect;

/// What would become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Would {
    /// Its outcome is known.
    BeCached,
    /// It would run.
    Run,
    /// It depends on what others make that would run.
    Depend,
    /// It takes something from others that will not make it.
    LackInputs,
    /// It is not to run, and its outcome is not known.
    BeMissing,
    /// It cannot run.
    Fail,
    /// It would be skipped.
    BeSkipped,
    /// It would run if something failed.
    RunOnFailure,
    /// It would run whatever happens.
    RunAlways,
}

/// A step of a run that has not begun.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanRow {
    /// Its name.
    pub step: String,
    /// What would become of it.
    pub would: Would,
    /// The run whose outcome it would take.
    pub cached_from: Option<String>,
    /// When that was made.
    pub made: Option<Timestamp>,
    /// Why, each in words.
    pub reasons: Vec<String>,
    /// The steps on which it depends, or whose outputs it lacks.
    pub depends_on: Vec<String>,
}

impl PlanRow {
    /// What is to be shown of a step.
    #[must_use]
    pub fn new(step: &str, prospect: Prospect) -> Self {
        let mut row = Self {
            step: step.to_owned(),
            would: Would::Run,
            cached_from: None,
            made: None,
            reasons: Vec::new(),
            depends_on: Vec::new(),
        };
        match prospect {
            Prospect::Cached { from, made } => {
                row.would = Would::BeCached;
                (row.cached_from, row.made) = (Some(from), Some(made));
            }
            Prospect::Run { reasons } => row.reasons = reasons,
            Prospect::Depends { on } => (row.would, row.depends_on) = (Would::Depend, on),
            Prospect::Lacks { what } => (row.would, row.depends_on) = (Would::LackInputs, what),
            Prospect::Missing { reasons } => {
                (row.would, row.reasons) = (Would::BeMissing, reasons);
            }
            Prospect::Impossible { reason } => {
                (row.would, row.reasons) = (Would::Fail, vec![reason]);
            }
            Prospect::Skipped { reason } => {
                (row.would, row.reasons) = (Would::BeSkipped, vec![reason]);
            }
            Prospect::AfterFailure => row.would = Would::RunOnFailure,
            Prospect::Always => row.would = Would::RunAlways,
        }
        row
    }
}
