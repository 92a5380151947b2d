//! `sundae runs delete`

use std::fs;

use clap::Args;
use serde::Serialize;

use super::list::Status;
use super::{database, find_run};
use crate::cli::Failure;
use crate::cli::ago::Ago;
use crate::cli::ask::{Consent, confirm};
use crate::cli::context::Context;
use crate::engine::event::RunStatus;
use crate::metadata::RunBrief;

/// So many are named; of the rest, the number is told.
const NAMED: usize = 10;

/// Delete runs: all that is recorded of them
///
/// Name runs, or say which by options; a run must meet all of them. A run that is under way is not deleted. What runs have
/// produced stays in the artifact store until `sundae artifact gc` removes what nothing needs any more. The name of a deleted
/// run is not given again.
///
/// Example: sundae runs delete --pipeline training --status failed --older-than 30d
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Names, ids, or starts of ids
    #[arg(value_name = "RUN", required_unless_present_any = ["older_than", "status", "pipeline"])]
    runs: Vec<String>,

    /// Runs that began longer ago: `30d`, `2w`, `12h`
    #[arg(long, value_name = "AGE", conflicts_with = "runs")]
    older_than: Option<Ago>,

    /// Runs that stand so; several are parted by commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', conflicts_with = "runs")]
    status: Vec<Status>,

    /// Runs of this pipeline
    #[arg(long, value_name = "PIPELINE", conflicts_with = "runs")]
    pipeline: Option<String>,

    /// Show which runs would be deleted, and delete none
    #[arg(long)]
    dry_run: bool,

    /// Ask no question
    #[arg(long, short)]
    yes: bool,
}

/// What was deleted, or would be.
#[derive(Debug, Serialize)]
struct Deleted {
    runs: Vec<String>,
    dry_run: bool,
}

impl Delete {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let chosen =
            if self.runs.is_empty() { self.matching(context)? } else { self.named(context)? };
        let (ids, names): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
        if !names.is_empty() && !self.dry_run {
            let question = format!("Delete {}?", told(&names));
            confirm(context, &question, Consent::of(self.yes))?;
            let deleted = database(context)?.delete_runs(&ids)?;
            if deleted < ids.len() as u64 {
                context.ui.warn("some are under way again, or were deleted by others");
            }
            for id in &ids {
                // What it said while it was detached; most have said nothing.
                drop(fs::remove_file(context.home.narration(id)));
            }
        }
        if context.wants_json() {
            return context.ui.json(&Deleted { runs: names, dry_run: self.dry_run });
        }
        match (names.is_empty(), self.dry_run) {
            (true, _) => context.ui.say("No run meets the conditions."),
            (false, true) => context.ui.say(format_args!("Would delete {}.", told(&names))),
            (false, false) => {
                context.ui.say(format_args!("Deleted {}.", told(&names)));
                context.ui.say("What only they had produced goes by `sundae artifact gc`.");
            }
        }
        Ok(())
    }

    /// The runs that were named: their ids and names.
    fn named(&self, context: &Context) -> Result<Vec<(String, String)>, Failure> {
        let mut named: Vec<(String, String)> = Vec::new();
        for text in &self.runs {
            let run = find_run(context, Some(text))?;
            if run.status == RunStatus::Running {
                return Err(Failure::new(format!("run `{}` is under way", run.name))
                    .hint("stop it first, or wait for its end"));
            }
            if named.iter().all(|(id, _)| *id != run.id) {
                named.push((run.id, run.name));
            }
        }
        Ok(named)
    }

    /// The runs that meet all conditions.
    fn matching(&self, context: &Context) -> Result<Vec<(String, String)>, Failure> {
        let statuses: Vec<_> = self.status.iter().copied().map(RunStatus::from).collect();
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let limit_ms = self
            .older_than
            .map(|age| now_ms.saturating_sub(i64::try_from(age.ms()).unwrap_or(i64::MAX)));
        let meets = |run: &RunBrief| {
            run.status != RunStatus::Running
                && (statuses.is_empty() || statuses.contains(&run.status))
                && self.pipeline.as_ref().is_none_or(|pipeline| *pipeline == run.pipeline)
                && limit_ms.is_none_or(|limit| run.started_ms < limit)
        };
        let runs = database(context)?.run_briefs()?.into_iter().filter(meets);
        Ok(runs.map(|run| (run.id, run.name)).collect())
    }
}

/// Their number, and the names of the first of them.
fn told(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let shown = shown.join(", ");
    match names.len() {
        1 => format!("run {shown}"),
        all if all <= NAMED => format!("{all} runs ({shown})"),
        all => format!("{all} runs ({shown} and {} more)", all - NAMED),
    }
}
