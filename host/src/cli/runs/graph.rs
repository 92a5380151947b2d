//! `sundae runs graph`

use clap::Args;

use super::{database, find_run};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::graph::PictureArgs;
use crate::view::GraphView;

/// Draw the steps of a run, and how they stand
///
/// Many steps that are alike are drawn as one.
///
/// Example: sundae runs graph training-3 --format svg > training-3.svg
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// A name, an id, or the start of an id; if left out, the latest run
    run: Option<String>,

    #[command(flatten)]
    picture: PictureArgs,
}

impl Graph {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let run = find_run(context, self.run.as_deref())?;
        let steps = database(context)?.steps(&run.id)?;
        self.picture.show(context, &GraphView::of_run(&run, &steps))
    }
}
