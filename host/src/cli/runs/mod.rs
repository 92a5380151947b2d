//! `sundae runs`: what has run, and how it went.

mod attach;
mod cancel;
mod describe;
mod follower;
mod list;
mod log_follower;
mod logs;
mod resume;
mod watch;

use clap::Subcommand;

use super::Failure;
use super::context::Context;
use crate::metadata::{Database, RunFilter, RunRecord};
use crate::stack::find;

/// Show what has run, and how it went
///
/// Example: sundae runs list
#[derive(Debug, Subcommand)]
pub(super) enum RunsCommand {
    List(list::List),
    Describe(describe::Describe),
    Logs(logs::Logs),
    Resume(resume::Resume),
    Cancel(cancel::Cancel),
    Attach(attach::Attach),
    Watch(watch::Watch),
}

impl RunsCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context),
            Self::Describe(describe) => describe.run(context),
            Self::Logs(logs) => logs.run(context),
            Self::Resume(resume) => resume.run(context),
            Self::Cancel(cancel) => cancel.run(context),
            Self::Attach(attach) => attach.run(context),
            Self::Watch(watch) => watch.run(context),
        }
    }
}

/// The database, in which no run is marked as under way whose process is gone.
///
/// # Errors
/// The database cannot be opened, or what is to be marked not be written.
pub(super) fn database(context: &Context) -> Result<&Database, Failure> {
    let database = context.database()?;
    database.mark_abandoned_runs(&context.home.run_locks())?;
    Ok(database)
}

/// The run that a text means (a name, an id, or the start of an id), or the latest one.
///
/// # Errors
/// There is none, or there are several.
pub(super) fn find_run(context: &Context, text: Option<&str>) -> Result<RunRecord, Failure> {
    let database = database(context)?;
    match text {
        Some(text) => match database.run(text)? {
            Some(run) => Ok(run),
            None => Ok(find("run", &database.runs_like(text)?, text)?.clone()),
        },
        None => {
            let latest = RunFilter { limit: Some(1), ..RunFilter::default() };
            let run = database.runs(&latest)?.into_iter().next();
            run.ok_or_else(|| {
                Failure::new("nothing has run yet").hint("`sundae run FILE` runs a pipeline")
            })
        }
    }
}
