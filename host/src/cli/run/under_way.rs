//! A run that this process has: from the moment at which it is recorded to its end.

use std::sync::Arc;

use super::hooks::Hooked;
use super::kept::KeptPlan;
use super::recorder::Recorder;
use super::stopper::Stopper;
use super::workshop::Workshop;
use crate::cli::context::Context;
use crate::cli::runs::view_of;
use crate::cli::{Failure, exit_code, signals};
use crate::engine::Engine;
use crate::engine::event::RunStatus;
use crate::engine::known::Known;
use crate::metadata::{RunLock, RunRecord};
use crate::worker::reaper::{self, Armed};
use crate::worker::warm;

/// What guards a run: signals stop it, and what it starts does not outlive it. There before it is recorded as begun.
pub(in crate::cli) struct Guard {
    stopper: Stopper,
    _signals: signals::Heard,
    /// Ended before the reaper stops looking after them.
    _warm: warm::Armed,
    _reaper: Option<Armed>,
}

impl Guard {
    /// Guards what this process does in a workshop.
    ///
    /// # Errors
    /// The system has no room for it.
    pub(in crate::cli) fn set(context: &Context, workshop: &Workshop) -> Result<Self, Failure> {
        let stopper = Stopper::new(context);
        let signals = stopper.at_signals()?;
        let staging = &workshop.staging;
        let binary = std::env::current_exe().ok();
        let reaper =
            binary.map(|binary| reaper::arm(binary, staging.folder(), staging.lock().ok()));
        Ok(Self { stopper, _signals: signals, _warm: warm::arm(), _reaper: reaper })
    }
}

/// A run that is recorded as under way.
pub(in crate::cli) struct UnderWay<'a> {
    pub(in crate::cli) context: &'a Context,
    pub(in crate::cli) plan: &'a KeptPlan,
    pub(in crate::cli) run: &'a RunRecord,
    /// How far it had come.
    pub(in crate::cli) known: &'a Known,
    pub(in crate::cli) workshop: &'a Workshop,
    /// Whether every reason why a step runs is shown.
    pub(in crate::cli) explain: bool,
}

impl UnderWay<'_> {
    /// Runs it to its end, and shows it.
    ///
    /// # Errors
    /// It could not be recorded.
    pub(in crate::cli) fn carry_out(
        &self,
        guard: &Guard,
        lock: RunLock,
    ) -> Result<RunStatus, Failure> {
        let listening = guard.stopper.at_requests(&lock);
        let status = self.execute(&guard.stopper)?;
        drop(listening);
        drop(lock);
        Ok(status)
    }

    fn execute(&self, stopper: &Stopper) -> Result<RunStatus, Failure> {
        let Self { context, plan, run, known, workshop, explain } = self;
        let database = context.database()?;
        // One that goes on has itself as its last execution.
        let except = known.is_nothing().then_some(run.id.as_str());
        let engine = Engine {
            pipeline: &plan.pipeline,
            data: &plan.data,
            run_id: &run.id,
            run_name: &run.name,
            orchestrator: &*workshop.orchestrator,
            store: Arc::clone(&workshop.store),
            staging: workshop.staging.folder(),
            use_cache: plan.use_cache,
            known,
            digests: database,
            history: &database.history(&plan.pipeline.name, run.project.as_deref(), except),
            secrets: Arc::clone(&workshop.secrets),
            worker: &|spec, job| match &workshop.errand {
                Some(errand) => errand.describe(spec, &workshop.secrets, job),
                None => Err("there is nothing to send to where it runs".to_owned()),
            },
            project: workshop.project.as_ref(),
            stop: stopper.stop(),
            grace: Engine::GRACE,
            patience: crate::worker::PATIENCE,
        };
        let mut recorder = Recorder::new(database, context.ui, &run.id, &run.name, *explain);
        if plan.pipeline.hooks.is_empty() {
            let result = engine.run(&mut recorder);
            return recorder.close(result);
        }
        let mut hooked = Hooked::new(&mut recorder, &plan.pipeline, run, context.ui);
        let result = engine.run(&mut hooked);
        hooked.finish();
        recorder.close(result)
    }
}

/// What is left to say of a run that has ended.
///
/// # Errors
/// It has not completed.
pub(in crate::cli) fn finish(
    context: &Context,
    run: &RunRecord,
    status: RunStatus,
) -> Result<(), Failure> {
    if context.wants_json() {
        let database = context.database()?;
        let run = database.run(&run.id)?.unwrap_or_else(|| run.clone());
        context.ui.json(&view_of(database, &run)?)?;
    }
    match status {
        RunStatus::Cancelled => {
            context.ui.hint(format_args!("`sundae runs resume {}` goes on with it", run.name));
        }
        RunStatus::Failed => context.ui.hint(format_args!(
            "when that is mended, `sundae runs resume {}` goes on with what is left",
            run.name
        )),
        _ => {}
    }
    ended(status)
}

/// How a run has ended, as an exit code.
///
/// # Errors
/// It has not completed.
pub(in crate::cli) fn ended(status: RunStatus) -> Result<(), Failure> {
    match status {
        RunStatus::Completed => Ok(()),
        RunStatus::Cancelled => Err(Failure::silent(exit_code::INTERRUPTED)),
        _ => Err(Failure::silent(exit_code::STEP_FAILED)),
    }
}
