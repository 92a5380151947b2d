//! `sundae runs`: what has run, and how it went.

mod attach;
mod cancel;
mod delete;
mod describe;
mod diff;
mod follower;
mod graph;
mod list;
mod log_follower;
mod logs;
mod resume;
mod since;
mod step;
mod watch;

use clap::Subcommand;

use super::Failure;
use super::context::Context;
use super::table::cell;
use crate::engine::fan_out::step_of_item;
use crate::metadata::{Database, RunFilter, RunRecord, StepRecord};
use crate::nearest::suggestion;
use crate::stack::find;
use crate::view::RunView;

/// Show what has run, and how it went
///
/// Example: sundae runs list
#[derive(Debug, Subcommand)]
pub(super) enum RunsCommand {
    List(list::List),
    Describe(describe::Describe),
    Diff(diff::Diff),
    Graph(graph::Graph),
    Logs(logs::Logs),
    Resume(resume::Resume),
    Cancel(cancel::Cancel),
    Attach(attach::Attach),
    Watch(watch::Watch),
    Delete(delete::Delete),
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
            Self::Graph(graph) => graph.run(context),
            Self::Diff(diff) => diff.run(context),
            Self::Logs(logs) => logs.run(context),
            Self::Resume(resume) => resume.run(context),
            Self::Cancel(cancel) => cancel.run(context),
            Self::Attach(attach) => attach.run(context),
            Self::Watch(watch) => watch.run(context),
            Self::Delete(delete) => delete.run(context),
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

/// All that is shown of a run.
///
/// # Errors
/// The database cannot be read.
pub(super) fn view_of(database: &Database, run: &RunRecord) -> Result<RunView, Failure> {
    let (data, steps) = (database.data(&run.id)?, database.steps(&run.id)?);
    Ok(RunView::new(run, &data, &steps, database.warnings(&run.id, 0)?))
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

/// What to say of a pipeline that nothing has run of.
fn pipeline_hint(context: &Context, pipeline: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(pipeline) = pipeline else { return Ok(None) };
    let pipelines = context.database()?.pipelines()?;
    if pipelines.is_empty() || pipelines.iter().any(|name| name == pipeline) {
        return Ok(None);
    }
    let known = suggestion(pipeline, "pipelines", pipelines.iter().map(String::as_str));
    Ok(known.map(|known| format!("nothing has run of pipeline `{pipeline}`; {known}")))
}

/// A status as JSON has it.
fn word(status: impl serde::Serialize) -> String {
    serde_json::to_value(status).map(|value| cell("", &value)).unwrap_or_default()
}

/// The step of a run that has this name.
///
/// # Errors
/// There is none.
fn the_step(run: &RunRecord, steps: &[StepRecord], name: &str) -> Result<StepRecord, Failure> {
    steps.iter().find(|step| step.name == name).cloned().ok_or_else(|| {
        let names = steps.iter().map(|step| step.name.as_str());
        Failure::new(format!("run `{}` has no step `{name}`", run.name))
            .hint_if_any(suggestion(name, "steps", names))
    })
}

/// The step of a run that has this name, or the item of one.
///
/// # Errors
/// There is none.
fn the_step_or_item(
    context: &Context,
    run: &RunRecord,
    steps: &[StepRecord],
    name: &str,
) -> Result<StepRecord, Failure> {
    let parent =
        step_of_item(name).and_then(|parent| steps.iter().find(|step| step.name == parent));
    let Some(parent) = parent else { return the_step(run, steps, name) };
    let items = database(context)?.items(&run.id, &parent.name)?;
    items.into_iter().find(|item| item.name == name).ok_or_else(|| {
        let (step, run) = (&parent.name, &run.name);
        let failure = Failure::new(format!("run `{run}` has no item `{name}`"));
        match parent.items {
            Some(0) | None => {
                failure.hint(format!("`sundae runs describe {run} {step}` tells why"))
            }
            Some(items) => {
                failure.hint(format!("the items of `{step}`: `{step}:0` to `{step}:{}`", items - 1))
            }
        }
    })
}

/// Somebody who has named a run that is not there may have meant a step of the latest one.
fn or_a_step(
    context: &Context,
    command: &str,
    given: (Option<&str>, Option<&str>),
    failure: Failure,
) -> Failure {
    let (Some(text), None) = given else { return failure };
    let Ok(latest) = find_run(context, None) else { return failure };
    let steps = database(context).and_then(|database| Ok(database.steps(&latest.id)?));
    match steps {
        Ok(steps) if steps.iter().any(|step| step.name == *text) => failure.hint(format!(
            "it is a step of the latest run: `sundae runs {command} {} {text}`",
            latest.name
        )),
        _ => failure,
    }
}
