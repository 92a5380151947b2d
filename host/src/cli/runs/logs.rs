//! `sundae runs logs`

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use sundae_plugin_api::ArtifactStore;

use super::{database, find_run, log_follower, or_a_step, the_step_or_item};
use crate::artifact::{ArtifactRef, read_text};
use crate::cli::Failure;
use crate::cli::artifact::open_store_of;
use crate::cli::context::Context;
use crate::engine::event::StepStatus;
use crate::metadata::{RunRecord, StepRecord};
use crate::worker::read_log;

/// How long steps are waited for of a run that has begun.
const A_MOMENT: Duration = Duration::from_secs(2);

/// Show what the steps of a run have written
///
/// Also that of steps that are still running. With `--follow`, also what they write from now on, wherever on this machine the run
/// is under way.
///
/// Example: sundae runs logs training-3 train
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// A name, an id, or the start of an id; if left out, the latest run
    run: Option<String>,

    /// Only this step; of one that has items, all of them, or one: `STEP:0`
    step: Option<String>,

    /// Of a step that was tried several times, this attempt, from 1
    #[arg(long, value_name = "N", requires = "step")]
    attempt: Option<u32>,

    /// Go on showing what they write until the run has ended; of several steps, with the name before each line; as JSON, one object a line
    #[arg(long, short, conflicts_with = "attempt")]
    follow: bool,
}

/// What a step has written.
#[derive(Debug, Serialize)]
struct StepLog {
    step: String,
    status: StepStatus,
    log: String,
}

impl Logs {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let given = (self.run.as_deref(), self.step.as_deref());
        let run = find_run(context, given.0).map_err(|f| or_a_step(context, "logs", given, f))?;
        if self.follow {
            if let Some(name) = &self.step {
                until_steps_are_known(context, &run)?;
                wanted_step(context, &run, name)?;
            }
            return log_follower::follow(context, &run, self.step.as_deref());
        }
        let steps: Vec<_> = match &self.step {
            Some(name) => {
                let step = wanted_step(context, &run, name)?;
                match step.items {
                    Some(_) => database(context)?.items(&run.id, name)?,
                    None => vec![self.with_attempt(context, &run, step)?],
                }
            }
            None => with_items(context, &run)?,
        };
        let logs = read(context, &run, &steps)?;
        if context.wants_json() {
            return context.ui.json(&logs);
        }
        match (&self.step, logs.as_slice()) {
            (Some(_), [only]) if !only.log.is_empty() => {
                context.ui.data(only.log.trim_end_matches('\n'))
            }
            (_, logs) if logs.iter().any(|log| !log.log.is_empty()) => {
                context.ui.data(joined(logs))
            }
            (Some(step), _) => {
                context.ui.say(format_args!("Step `{step}` has written nothing."));
                Ok(())
            }
            (None, _) => {
                context
                    .ui
                    .say(format_args!("The steps of run `{}` have written nothing.", run.name));
                Ok(())
            }
        }
    }

    /// The step, with the log of the attempt that is asked for.
    fn with_attempt(
        &self,
        context: &Context,
        run: &RunRecord,
        mut step: StepRecord,
    ) -> Result<StepRecord, Failure> {
        let Some(wanted) = self.attempt.filter(|wanted| *wanted != step.attempt) else {
            return Ok(step);
        };
        let attempts = database(context)?.attempts(&run.id, &step.name)?;
        let found = attempts.into_iter().find(|attempt| attempt.attempt == wanted);
        let Some(found) = found else {
            let (name, last) = (&step.name, step.attempt);
            return Err(Failure::new(format!("step `{name}` has no attempt {wanted}"))
                .hint(format!("it was tried {last} times: `--attempt {last}` is the last")));
        };
        (step.log, step.log_file) = (found.log, None);
        Ok(step)
    }
}

/// Waits for the steps of a run that has only just begun: they are recorded a moment after it.
fn until_steps_are_known(context: &Context, run: &RunRecord) -> Result<(), Failure> {
    let began = Instant::now();
    while began.elapsed() < A_MOMENT && database(context)?.step_marks(&run.id)?.is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// A step by itself: a run may have thousands.
fn wanted_step(context: &Context, run: &RunRecord, name: &str) -> Result<StepRecord, Failure> {
    let database = database(context)?;
    match database.some_steps(&run.id, &[name])?.pop() {
        Some(step) => Ok(step),
        None => the_step_or_item(context, run, &database.steps(&run.id)?, name),
    }
}

/// The steps of a run, and behind each that has items those.
fn with_items(context: &Context, run: &RunRecord) -> Result<Vec<StepRecord>, Failure> {
    let database = database(context)?;
    let mut all = Vec::new();
    for step in database.steps(&run.id)? {
        let items = match step.items {
            Some(_) => database.items(&run.id, &step.name)?,
            None => Vec::new(),
        };
        all.push(step);
        all.extend(items);
    }
    Ok(all)
}

fn joined(logs: &[StepLog]) -> String {
    let shown = logs.iter().filter(|log| !log.log.is_empty());
    let parts =
        shown.map(|log| format!("==> {} <==\n{}", log.step, log.log.trim_end_matches('\n')));
    parts.collect::<Vec<_>>().join("\n\n")
}

fn read(context: &Context, run: &RunRecord, steps: &[StepRecord]) -> Result<Vec<StepLog>, Failure> {
    let store = LazyStore::of(context, run);
    let mut logs = Vec::new();
    for step in steps {
        let log = match &step.log {
            Some(artifact) => store.text(artifact)?,
            // Also of one whose host was killed: the file stays until somebody tidies up.
            None if step.log_file.is_some() => of_running(context, &store, step)?,
            None => String::new(),
        };
        logs.push(StepLog { step: step.name.clone(), status: step.status, log });
    }
    Ok(logs)
}

/// The artifact store of a run, opened when something is read from it.
pub(super) struct LazyStore<'a> {
    context: &'a Context,
    run: &'a RunRecord,
    store: OnceCell<Box<dyn ArtifactStore>>,
}

impl<'a> LazyStore<'a> {
    pub(super) fn of(context: &'a Context, run: &'a RunRecord) -> Self {
        Self { context, run, store: OnceCell::new() }
    }
}

impl LazyStore<'_> {
    pub(super) fn text(&self, log: &ArtifactRef) -> Result<String, Failure> {
        let store = match self.store.get() {
            Some(store) => store,
            None => {
                let store = open_store_of(self.context, self.run)?;
                self.store.get_or_init(|| store)
            }
        };
        Ok(read_text(&**store, log)?)
    }
}

/// What a step has written that is still running.
fn of_running(
    context: &Context,
    store: &LazyStore<'_>,
    step: &StepRecord,
) -> Result<String, Failure> {
    if let Some(bytes) = step.log_file.as_ref().and_then(|file| read_log(file, 0)) {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    // It has not begun to write, or has ended since it was looked up.
    let now = database(context)?.some_steps(&store.run.id, &[&step.name])?.pop();
    match now.and_then(|now| now.log) {
        Some(artifact) => store.text(&artifact),
        None => Ok(String::new()),
    }
}
