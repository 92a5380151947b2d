//! `sundae run`

mod data;
pub(super) mod detach;
mod display;
mod hooks;
mod kept;
mod param;
mod part;
mod plan;
mod python;
mod recorder;
mod stopper;
mod sweep;
mod under_way;
mod workshop;

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::context::Context;
use super::ui::{DIM, styled};
use crate::engine::event::RunStatus;
use crate::engine::known::Known;
use crate::engine::resources;
use crate::metadata::{NewRun, RunLock, RunRecord, StackMember};
use crate::pipeline::{Pipeline, Role};
use crate::stack::Stack;
use crate::worker::reaper;
use param::Param;
use part::Part;
use sundae_plugin_api::orchestrator::Capabilities;
use sweep::Swept;

pub(super) use display::Display;
pub(super) use kept::KeptPlan;
pub(super) use under_way::{Guard, UnderWay, ended, finish};
pub(super) use workshop::Workshop;

/// Run a pipeline
///
/// Runs the steps that the pipeline file describes on a stack: the one that `--stack` names, else the active one of the
/// project, else the active one. A step that has run before with the same command, code, params and inputs is not run again.
///
/// Ctrl-C asks the steps to end; a second one ends them.
///
/// A part of the pipeline is run with `--only`, `--from` and `--until`. `--from` and `--until` together mean the steps that are in both;
/// `--only` goes with neither. `--rerun` goes with all of them, for steps that are to run. What a part takes from other steps is what these
/// made before with the same code, params and inputs; if that is not known, nothing is begun.
///
/// Example: sundae run training.toml -p test_size=0.3
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The pipeline file: Python if its name ends in `.py` (with `:NAME`, the pipeline of that name), JSON if in `.json`, else TOML
    file: PathBuf,

    /// The stack to run on: a name, an id, or the start of an id
    #[arg(long, value_name = "STACK")]
    stack: Option<String>,

    /// Another value for a param of the pipeline; can be given several times
    #[arg(long = "param", short, value_name = "KEY=VALUE")]
    params: Vec<Param>,

    /// Run once for each of these values of a param, one run after the other; of several params, for each combination
    #[arg(long, value_name = "KEY=VALUE,…")]
    sweep: Vec<Swept>,

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

    /// Let the run go on by itself, and write its name to stdout as soon as it has begun
    #[arg(long, conflicts_with = "dry_run")]
    detach: bool,
}

impl Run {
    /// Runs the pipeline.
    ///
    /// # Errors
    /// [`Failure`]; a step that failed is one, too.
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        if let Some(file) = python::of(&self.file) {
            let params: Vec<_> = self.params.iter().map(Param::pair).collect();
            return python::run(context, file, &params);
        }
        let detached = if self.detach { detach::id_if_detached() } else { None };
        if self.detach && detached.is_none() {
            return detach::start(context, &uuid::Uuid::new_v4().to_string());
        }
        let stack = match &self.stack {
            Some(text) => context.stack(text)?,
            None => context.active_stack()?.stack,
        };
        if !self.sweep.is_empty() {
            return sweep::run(self, context, &stack, detached);
        }
        let pipeline = self.pipeline(&[])?;
        if self.dry_run {
            plan::check(context, &pipeline, &stack)?;
            let prospects = plan::look_ahead(context, &pipeline, &stack, !self.no_cache)?;
            let refusal = self.part.refusal(&prospects, &self.typed(&[]));
            plan::show(context, &stack, &pipeline, prospects, self.explain)?;
            return refusal.map_or(Ok(()), Err);
        }
        self.check_part(context, &stack, &pipeline, &[])?;
        let (run, status) = self.once(context, &stack, pipeline, None, detached)?;
        finish(context, &run, status)
    }

    /// The part of the pipeline that is to run, with these values of params beyond those that are given for all.
    fn pipeline(&self, further: &[(String, String)]) -> Result<Pipeline, Failure> {
        let mut overrides: Vec<_> = self.params.iter().map(Param::pair).collect();
        overrides.extend_from_slice(further);
        self.part.of(Pipeline::read(&self.file, &overrides)?)
    }

    /// Refuses a part that takes something from a step whose outcome is not known.
    ///
    /// # Errors
    /// Which steps those are, and why.
    fn check_part(
        &self,
        context: &Context,
        stack: &Stack,
        pipeline: &Pipeline,
        further: &[(String, String)],
    ) -> Result<(), Failure> {
        if pipeline.steps.iter().all(|step| step.role != Role::Recall) {
            return Ok(());
        }
        let prospects = plan::look_ahead(context, pipeline, stack, true)?;
        self.part.refusal(&prospects, &self.typed(further)).map_or(Ok(()), Err)
    }

    /// The command that runs the whole pipeline so, with these further values of params, as somebody would type it.
    fn typed(&self, further: &[(String, String)]) -> String {
        let quoted = |text: &str| shlex::try_quote(text).unwrap_or(text.into()).into_owned();
        let mut command = format!("sundae run {}", quoted(&self.file.display().to_string()));
        if let Some(stack) = &self.stack {
            command += &format!(" --stack {}", quoted(stack));
        }
        let given = self.params.iter().map(Param::pair);
        for (key, value) in given.chain(further.iter().cloned()) {
            command += &format!(" -p {}={}", quoted(&key), quoted(&value));
        }
        command
    }

    /// Runs a pipeline, to its end.
    fn once(
        &self,
        context: &Context,
        stack: &Stack,
        pipeline: Pipeline,
        sweep: Option<&str>,
        detached: Option<String>,
    ) -> Result<(RunRecord, RunStatus), Failure> {
        let is_detached = detached.is_some();
        let id = detached.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let workshop = Workshop::open(context, stack, &pipeline, &id)?;
        workshop.check_resources(&pipeline)?;
        let data = data::take_in(context, &pipeline, &workshop)?;
        let plan = KeptPlan::new(pipeline, data, !self.no_cache);
        let guard = Guard::set(context, &workshop)?;
        let (run, lock) = begin(context, &plan, stack, sweep, &id)?;
        if is_detached {
            detach::say_begun(context, &run)?;
        }
        say_what_runs(context, &run, &workshop);
        let known = &Known::default();
        let (plan, workshop, explain) = (&plan, &workshop, self.explain);
        let under_way = UnderWay { context, plan, run: &run, known, workshop, explain };
        let status = under_way.carry_out(&guard, lock)?;
        Ok((run, status))
    }
}

/// Refuses a pipeline that the orchestrator has not enough for.
pub(super) fn check_resources(
    pipeline: &Pipeline,
    name: &str,
    capabilities: &Capabilities,
) -> Result<(), Failure> {
    resources::check(pipeline, capabilities).map_err(|problems| {
        let known = match capabilities.resources.is_empty() {
            true => "no resources".to_owned(),
            false => format!("the resources {}", capabilities.resources.join(", ")),
        };
        Failure::new(problems.join("\n")).hint(format!(
            "orchestrator `{name}` knows {known}; `sundae orchestrator describe {name}` shows how it is configured"
        ))
    })
}

/// Records the run, which is under way from then on until its lock is dropped.
fn begin(
    context: &Context,
    plan: &KeptPlan,
    stack: &Stack,
    sweep: Option<&str>,
    id: &str,
) -> Result<(RunRecord, RunLock), Failure> {
    let database = context.database()?;
    database.mark_abandoned_runs(&context.home.run_locks())?;
    // Before it is recorded: a run that is marked as under way, and whose lock is free, is taken for interrupted.
    let Some(lock) = take_lock(context, id)? else {
        unreachable!("nobody else knows the id that was just made")
    };
    let members: Vec<_> = stack.components.iter().map(StackMember::from).collect();
    let run = database.begin_run(&NewRun {
        id,
        pipeline: &plan.pipeline.name,
        stack: &stack.name,
        members: &members,
        project: context.project()?.map(|project| project.root.clone()),
        params: &plan.pipeline.params,
        plan: &plan.to_text()?,
        session: reaper::session(),
        sweep,
    })?;
    Ok((run, lock))
}

/// Takes the lock of a run; `None` if another process has it.
///
/// # Errors
/// It cannot be made.
pub(super) fn take_lock(context: &Context, id: &str) -> Result<Option<RunLock>, Failure> {
    let locks = context.home.run_locks();
    RunLock::take(&locks, id).map_err(|error| {
        Failure::new(format!("cannot make a lock in {}: {error}", locks.display()))
    })
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
