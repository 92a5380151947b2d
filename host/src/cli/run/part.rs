//! Which steps of a pipeline are to run.

use std::collections::BTreeSet;

use clap::Args;

use super::plan;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::engine::explain::in_short;
use crate::engine::prospect::Prospect;
use crate::pipeline::{Pipeline, Role, Selection, SelectionError, Step};
use crate::stack::Stack;

/// Which steps are to run. What they take from steps that are not is what those made before.
#[derive(Debug, Args)]
#[command(next_help_heading = "A part of the pipeline")]
pub(super) struct Part {
    /// Run these steps and no others
    #[arg(long, value_name = "STEP", value_delimiter = ',', conflicts_with_all = ["from", "until"])]
    only: Vec<String>,

    /// Run these steps and what needs them
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    from: Vec<String>,

    /// Run these steps and what they need; with `--from`, what is in both
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    until: Vec<String>,

    /// Run these steps again though their outcomes are known; what needs them runs again if they make something else
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    rerun: Vec<String>,
}

impl Part {
    /// That part of a pipeline.
    ///
    /// # Errors
    /// There is no such step, or none is left.
    pub(super) fn of(&self, pipeline: Pipeline) -> Result<Pipeline, Failure> {
        self.selection().apply(pipeline).map_err(|error| {
            let hint = match &error {
                SelectionError::NoSuchStep { hint, .. } => hint.clone(),
                _ => None,
            };
            Failure::usage(error.to_string()).hint_if_any(hint)
        })
    }

    fn selection(&self) -> Selection {
        let Self { only, from, until, rerun } = self;
        Selection {
            only: only.clone(),
            from: from.clone(),
            until: until.clone(),
            rerun: rerun.clone(),
        }
    }
}

/// Refuses a part that takes something from a step whose outcome is not known.
///
/// # Errors
/// Which steps those are, and why.
pub(super) fn check_recalled(
    context: &Context,
    pipeline: &Pipeline,
    stack: &Stack,
    file: &str,
) -> Result<(), Failure> {
    if pipeline.steps.iter().all(|step| step.role != Role::Recall) {
        return Ok(());
    }
    let prospects = plan::look_ahead(context, pipeline, stack, true)?;
    let missing: Vec<_> = prospects
        .iter()
        .filter_map(|(step, prospect)| match prospect {
            Prospect::Missing { reasons } => Some((&step.name, in_short(reasons))),
            Prospect::Impossible { reason } if step.role == Role::Recall => {
                Some((&step.name, reason.clone()))
            }
            _ => None,
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let told: Vec<_> = missing
        .iter()
        .map(|(name, why)| format!("what `{name}` makes is needed, and not known: {why}"))
        .collect();
    let needed = directly_needed(&prospects);
    Err(Failure::new(told.join("\n"))
        .hint(format!("`sundae run {file} --until {needed}` makes what is needed")))
}

/// The steps that those which are to run take something from, as far as that is not known.
fn directly_needed(prospects: &[(&Step, Prospect)]) -> String {
    let selected = prospects.iter().filter(|(step, _)| step.role != Role::Recall);
    let needed: BTreeSet<_> = selected.flat_map(|(step, _)| step.inputs.values()).collect();
    let is_needed = |step: &Step| needed.iter().any(|input| input.step == step.name);
    let unknown = prospects.iter().filter(|(step, prospect)| {
        step.role == Role::Recall && is_needed(step) && !matches!(prospect, Prospect::Cached { .. })
    });
    unknown.map(|(step, _)| step.name.as_str()).collect::<Vec<_>>().join(",")
}
