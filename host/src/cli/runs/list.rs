//! `sundae runs list`

use clap::{Args, ValueEnum};

use super::database;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::list::ListArgs;
use crate::engine::event::RunStatus;
use crate::metadata::RunFilter;
use crate::view::RunRow;

const COLUMNS: [&str; 7] =
    ["name", "pipeline", "stack", "status", "steps", "started", "duration_ms"];

/// List what has run, the latest first
///
/// Metrics are columns, too.
///
/// Example: sundae runs list --pipeline training --sort -accuracy --columns name,accuracy,duration_ms
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only runs of this pipeline
    #[arg(long, value_name = "PIPELINE")]
    pipeline: Option<String>,

    /// Only runs that stand so
    #[arg(long, value_name = "STATUS")]
    status: Option<Status>,

    #[command(flatten)]
    list: ListArgs,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    /// It goes on
    Running,
    /// Every step completed or was cached
    Completed,
    /// A step failed
    Failed,
    /// Somebody stopped it
    Cancelled,
    /// The process that ran it is gone
    Interrupted,
}

impl From<Status> for RunStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => Self::Running,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
            Status::Interrupted => Self::Interrupted,
        }
    }
}

impl List {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let wanted = RunFilter {
            pipeline: self.pipeline.as_deref(),
            status: self.status.map(RunStatus::from),
            limit: self.list.rows_needed(),
        };
        let runs = database(context)?.runs(&wanted)?;
        let rows: Vec<_> = runs.iter().map(RunRow::new).collect();
        let is_asked_for = self.pipeline.is_some() || self.status.is_some();
        let nothing = match is_asked_for || !rows.is_empty() {
            true => "No run meets the conditions.",
            false => "Nothing has run yet: `sundae run FILE` runs a pipeline.",
        };
        self.list.show(context, &rows, &COLUMNS, nothing)
    }
}
