//! Which steps of a pipeline are to run.

use std::collections::BTreeSet;

use clap::Args;

use crate::cli::Failure;
use crate::engine::explain::in_short;
use crate::engine::prospect::Prospect;
use crate::pipeline::{Pipeline, Role, Selection, SelectionError, Step};

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

    /// Why a run with these prospects cannot begin: something is needed that is not known. `command` is what runs the whole pipeline.
    pub(super) fn refusal(
        &self,
        prospects: &[(&Step, Prospect)],
        command: &str,
    ) -> Option<Failure> {
        let missing: Vec<_> = prospects
            .iter()
            .filter_map(|(step, prospect)| match prospect {
                Prospect::Missing { reasons } => Some((*step, in_short(reasons))),
                Prospect::Impossible { reason } if step.role == Role::Recall => {
                    Some((*step, reason.clone()))
                }
                _ => None,
            })
            .collect();
        if missing.is_empty() {
            return None;
        }
        let told = missing.iter().map(|(step, why)| {
            format!("what `{}` makes is needed, and not known: {why}", step.name)
        });
        let told = told.collect::<Vec<_>>().join("\n");
        let never_kept: Vec<_> = missing
            .iter()
            .filter(|(step, _)| !step.cache)
            .map(|(step, _)| step.name.as_str())
            .collect();
        let hint = match never_kept.as_slice() {
            [] => {
                format!("`{command} --until {}` makes what is needed", directly_needed(prospects))
            }
            names => {
                format!("what is not kept must be made each time: `{command} {}`", self.with(names))
            }
        };
        Some(Failure::new(told).hint(hint))
    }

    /// The options that select these steps, too.
    fn with(&self, names: &[&str]) -> String {
        let [only, from] = [&self.only, &self.from].map(|chosen| {
            let all = names.iter().copied().chain(chosen.iter().map(String::as_str));
            all.collect::<Vec<_>>().join(",")
        });
        match (self.only.is_empty(), self.until.is_empty()) {
            (false, _) => format!("--only {only}"),
            (true, true) => format!("--from {from}"),
            (true, false) => format!("--from {from} --until {}", self.until.join(",")),
        }
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

/// The steps that those which are to run take something from, as far as that is not known.
fn directly_needed(prospects: &[(&Step, Prospect)]) -> String {
    let selected = prospects.iter().filter(|(step, _)| step.role != Role::Recall);
    let taken = selected.flat_map(|(step, _)| step.taken());
    let needed: BTreeSet<_> = taken.map(|(_, from)| &from.step).collect();
    let unknown = prospects.iter().filter(|(step, prospect)| {
        step.role == Role::Recall
            && needed.contains(&step.name)
            && !matches!(prospect, Prospect::Cached { .. })
    });
    unknown.map(|(step, _)| step.name.as_str()).collect::<Vec<_>>().join(",")
}
