//! `sundae artifact list`

use clap::Args;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::list::ListArgs;
use crate::cli::runs::{database, find_run};
use crate::metadata::ArtifactFilter;
use crate::view::ArtifactView;

const COLUMNS: [&str; 5] = ["artifact", "kind", "size", "digest", "created"];

/// List what runs have produced, that of the latest run first
///
/// Example: sundae artifact list --run training-3
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only what this run has: a name, an id, or the start of an id
    #[arg(long, value_name = "RUN")]
    run: Option<String>,

    /// Only what runs of this pipeline have
    #[arg(long, value_name = "PIPELINE")]
    pipeline: Option<String>,

    #[command(flatten)]
    list: ListArgs,
}

impl List {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let run = match &self.run {
            Some(text) => Some(find_run(context, Some(text))?.id),
            None => None,
        };
        let wanted = ArtifactFilter {
            run: run.as_deref(),
            pipeline: self.pipeline.as_deref(),
            limit: self.list.rows_needed(),
            ..ArtifactFilter::default()
        };
        let artifacts = database(context)?.artifacts(&wanted)?;
        let rows: Vec<_> = artifacts.iter().map(ArtifactView::new).collect();
        self.list.show(context, &rows, &COLUMNS, "No artifact meets the conditions.")
    }
}
