//! `sundae run`

mod display;
mod param;
mod recorder;
mod signals;
mod workshop;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::context::Context;
use super::globals::Output;
use super::ui::{DIM, styled};
use super::{Failure, exit_code};
use crate::engine::event::RunStatus;
use crate::engine::{Engine, Stop};
use crate::metadata::{NewRun, RunLock, RunRecord, StackMember};
use crate::pipeline::Pipeline;
use crate::stack::Stack;
use crate::view::RunView;
use crate::worker::reaper;
use param::Param;
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
}

impl Run {
    /// Runs the pipeline.
    ///
    /// # Errors
    /// [`Failure`]; a step that failed is one, too.
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let overrides: Vec<_> = self.params.iter().map(Param::pair).collect();
        let pipeline = Pipeline::read(&self.file, &overrides)?;
        let stack = match &self.stack {
            Some(text) => context.stack(text)?,
            None => context.active_stack()?.stack,
        };
        let id = uuid::Uuid::new_v4().to_string();
        let workshop = Workshop::open(context, &stack, &id)?;
        let stop = Arc::new(Stop::default());
        let _signals = signals::stop_at(&stop, context.ui)?;
        let binary = std::env::current_exe().ok();
        let _reaper = binary.map(|binary| reaper::arm(binary, workshop.staging.folder()));
        let locks = context.home.run_locks();
        context.database()?.mark_abandoned_runs(&locks)?;
        let lock = RunLock::take(&locks, &id).map_err(|error| {
            Failure::new(format!("cannot make a lock in {}: {error}", locks.display()))
        })?;
        let run = self.begin(context, &pipeline, &stack, &workshop, &id)?;
        self.say_what_runs(context, &run, &workshop);
        let status = self.execute(context, &pipeline, &run, &workshop, &stop)?;
        drop(lock);
        finish(context, &run, status)
    }

    fn begin(
        &self,
        context: &Context,
        pipeline: &Pipeline,
        stack: &Stack,
        workshop: &Workshop,
        id: &str,
    ) -> Result<RunRecord, Failure> {
        let member = |component: &crate::stack::Component| StackMember {
            id: component.id.clone(),
            kind: component.kind,
            name: component.name.clone(),
        };
        let members: Vec<_> = stack.components.iter().map(member).collect();
        let new = NewRun {
            id,
            pipeline: &pipeline.name,
            stack: &stack.name,
            members: &members,
            project: context.project()?.map(|project| project.root.clone()),
            params: &pipeline.params,
            attempts: Some(workshop.staging.folder().to_owned()),
        };
        Ok(context.database()?.begin_run(&new)?)
    }

    fn say_what_runs(&self, context: &Context, run: &RunRecord, workshop: &Workshop) {
        let (pipeline, name, stack) = (&run.pipeline, &run.name, &run.stack);
        let components = format!(
            "(orchestrator `{}`, artifact store `{}`)",
            workshop.orchestrator_name, workshop.store_name
        );
        context.ui.say(format_args!(
            "Running pipeline `{pipeline}` as `{name}` on stack `{stack}` {}",
            styled(DIM, components)
        ));
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
            worker: &|_| Ok(Vec::new()),
            stop,
        };
        let mut recorder = Recorder::new(context.database()?, context.ui, &run.id, &run.name);
        let result = engine.run(&mut recorder);
        recorder.close(result)
    }
}

fn finish(context: &Context, run: &RunRecord, status: RunStatus) -> Result<(), Failure> {
    if context.globals.output == Output::Json {
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
