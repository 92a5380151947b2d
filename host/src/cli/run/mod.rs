//! `sundae run`

mod display;
mod hooks;
mod param;
mod part;
mod plan;
mod recorder;
mod workshop;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::Args;

use super::context::Context;
use super::ui::{DIM, styled};
use super::{Failure, exit_code, signals};
use crate::engine::event::RunStatus;
use crate::engine::{Engine, Stop, resources};
use crate::metadata::{NewRun, RunLock, RunRecord, StackMember};
use crate::pipeline::Pipeline;
use crate::stack::Stack;
use crate::view::RunView;
use crate::worker::reaper;
use hooks::Hooked;
use param::Param;
use part::Part;
use recorder::Recorder;
use workshop::Workshop;

/// Run a pipeline
///
/// Runs the steps that the pipeline file describes on a stack: the one that `--stack` names, else the active one of the
/// project, else the active one. A step that has run before with the same command, code, params and inputs is not run again.
///
/// Ctrl-C asks the steps to end; a second one ends them.
///
/// Example: sundae run training.toml -p test_size=0.3
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The pipeline file: JSON if its name ends in `.json`, else TOML
    file: PathBuf,

    /// The stack to run on: a name, an id, or the start of an id
    #[arg(long, value_name = "STACK")]
    stack: Option<String>,

    /// Another value for a param of the pipeline; can be given several times
    #[arg(long = "param", short, value_name = "KEY=VALUE")]
    params: Vec<Param>,

    /// Run every step, also those that have run before with the same inputs
    #[arg(long)]
    no_cache: bool,

    /// Show what would run and why, and run nothing
    #[arg(long)]
    dry_run: bool,

    /// Say of each step everything that is different from its last execution, and not only the first of it
    #[arg(long)]
    explain: bool,

    #[command(flatten)]
    part: Part,
}

impl Run {
    /// Runs the pipeline.
    ///
    /// # Errors
    /// [`Failure`]; a step that failed is one, too.
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let overrides: Vec<_> = self.params.iter().map(Param::pair).collect();
        let pipeline = self.part.of(Pipeline::read(&self.file, &overrides)?)?;
        let stack = match &self.stack {
            Some(text) => context.stack(text)?,
            None => context.active_stack()?.stack,
        };
        if self.dry_run {
            let prospects = plan::look_ahead(context, &pipeline, &stack, !self.no_cache)?;
            return plan::show(context, &stack, &pipeline, prospects, self.explain);
        }
        part::check_recalled(context, &pipeline, &stack, &self.file.display().to_string())?;
        let id = uuid::Uuid::new_v4().to_string();
        let workshop = Workshop::open(context, &stack, &pipeline, &id)?;
        check_resources(&pipeline, &workshop)?;
        let stop = Arc::new(Stop::default());
        let _signals = stop_at_signals(context, &stop)?;
        let binary = std::env::current_exe().ok();
        let _reaper = binary.map(|binary| reaper::arm(binary, workshop.staging.folder()));
        let (run, lock) = begin(context, &pipeline, &stack, &id)?;
        say_what_runs(context, &run, &workshop);
        let status = self.execute(context, &pipeline, &run, &workshop, &stop)?;
        drop(lock);
        finish(context, &run, status)
    }

    fn execute(
        &self,
        context: &Context,
        pipeline: &Pipeline,
        run: &RunRecord,
        workshop: &Workshop,
        stop: &Stop,
    ) -> Result<RunStatus, Failure> {
        let engine = Engine {
            pipeline,
            run_id: &run.id,
            run_name: &run.name,
            orchestrator: &*workshop.orchestrator,
            store: Arc::clone(&workshop.store),
            staging: workshop.staging.folder(),
            use_cache: !self.no_cache,
            history: &context.database()?.history(&pipeline.name, Some(&run.id)),
            secrets: Arc::clone(&workshop.secrets),
            worker: &|spec, job| workshop.errand.describe(spec, &workshop.secrets, job),
            stop,
            grace: Engine::GRACE,
        };
        let mut recorder =
            Recorder::new(context.database()?, context.ui, &run.id, &run.name, self.explain);
        if pipeline.hooks.is_empty() {
            let result = engine.run(&mut recorder);
            return recorder.close(result);
        }
        let mut hooked = Hooked::new(&mut recorder, pipeline, run, context.ui);
        let result = engine.run(&mut hooked);
        hooked.finish();
        recorder.close(result)
    }
}

/// Refuses a pipeline that the orchestrator has not enough for.
fn check_resources(pipeline: &Pipeline, workshop: &Workshop) -> Result<(), Failure> {
    let capabilities = workshop.orchestrator.capabilities();
    resources::check(pipeline, &capabilities).map_err(|problems| {
        let name = &workshop.orchestrator_name;
        let known = match capabilities.resources.is_empty() {
            true => "no resources".to_owned(),
            false => format!("the resources {}", capabilities.resources.join(", ")),
        };
        Failure::new(problems.join("\n")).hint(format!(
            "orchestrator `{name}` knows {known}; `sundae orchestrator describe {name}` shows how it is configured"
        ))
    })
}

/// The first signal asks the steps to end, the second ends them, and what components are about.
fn stop_at_signals(context: &Context, stop: &Arc<Stop>) -> Result<signals::Heard, Failure> {
    let (ui, stop, cancelled) = (context.ui, Arc::clone(stop), Arc::clone(&context.cancelled));
    signals::listen(move |count| {
        stop.request();
        if count == 1 {
            ui.say("Stopping: steps are asked to end. Once more, and they are killed.");
        } else {
            cancelled.store(true, Ordering::Relaxed);
            ui.say("Killing what still runs.");
        }
    })
}

/// Records the run, which is under way from then on until its lock is dropped.
fn begin(
    context: &Context,
    pipeline: &Pipeline,
    stack: &Stack,
    id: &str,
) -> Result<(RunRecord, RunLock), Failure> {
    let database = context.database()?;
    let locks = context.home.run_locks();
    database.mark_abandoned_runs(&locks)?;
    // Before it is recorded: a run that is marked as under way, and whose lock is free, is taken for interrupted.
    let lock = RunLock::take(&locks, id).map_err(|error| {
        Failure::new(format!("cannot make a lock in {}: {error}", locks.display()))
    })?;
    let members: Vec<_> = stack.components.iter().map(StackMember::from).collect();
    let run = database.begin_run(&NewRun {
        id,
        pipeline: &pipeline.name,
        stack: &stack.name,
        members: &members,
        project: context.project()?.map(|project| project.root.clone()),
        params: &pipeline.params,
    })?;
    Ok((run, lock))
}

fn say_what_runs(context: &Context, run: &RunRecord, workshop: &Workshop) {
    let (pipeline, name, stack) = (&run.pipeline, &run.name, &run.stack);
    let (orchestrator, store) = (&workshop.orchestrator_name, &workshop.store_name);
    let on = format!("(orchestrator `{orchestrator}`, artifact store `{store}`)");
    context.ui.say(format_args!(
        "Running pipeline `{pipeline}` as `{name}` on stack `{stack}` {}",
        styled(DIM, on)
    ));
}

fn finish(context: &Context, run: &RunRecord, status: RunStatus) -> Result<(), Failure> {
    if context.wants_json() {
        let database = context.database()?;
        let run = database.run(&run.id)?.unwrap_or_else(|| run.clone());
        context.ui.json(&RunView::new(&run, &database.steps(&run.id)?))?;
    }
    match status {
        RunStatus::Completed => Ok(()),
        RunStatus::Cancelled => Err(Failure::silent(exit_code::INTERRUPTED)),
        _ => Err(Failure::silent(exit_code::STEP_FAILED)),
    }
}
