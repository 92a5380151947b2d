//! `sundae runs resume`

use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;

use super::{database as marked_database, find_run};
use crate::artifact::publish_text;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::run::{Guard, KeptPlan, UnderWay, Workshop, detach, finish, take_lock};
use crate::engine::event::RunStatus;
use crate::engine::known::Known;
use crate::metadata::{Database, RunRecord};
use crate::stack::Stack;
use crate::worker::{read_log, reaper};

/// To look whether a process is gone, and to mark its run, takes no longer.
const A_LOOK: Duration = Duration::from_secs(1);

/// Go on with a run that failed, was stopped, or whose process was killed
///
/// It is the same run, with the same id, name, params and stack. Steps that are done are not run again, not even those with
/// `cache = false`, as long as their outputs are in the artifact store; all others run, with a new attempt. What is taken from
/// the record is the plan: the code of the steps is that of now, and so is the environment.
///
/// What runs on other machines goes on without the process that started it: it is taken up again, or its outcome.
///
/// Example: sundae runs resume training-3
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// A name, an id, or the start of an id; if left out, the latest run
    run: Option<String>,

    /// Let the run go on by itself, and write its name to stdout as soon as it does
    #[arg(long)]
    detach: bool,
}

impl Resume {
    /// Goes on with the run.
    ///
    /// # Errors
    /// [`Failure`]; a step that failed is one, too.
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let detached = if self.detach { detach::id_if_detached() } else { None };
        let is_detached = detached.is_some();
        let run = find_run(context, detached.as_deref().or(self.run.as_deref()))?;
        let run = looked_at_again(context, run)?;
        check(&run)?;
        if self.detach && !is_detached {
            return detach::start(context, &run.id);
        }
        // Whoever has the lock has the run: of two who want to go on with it, one does.
        let Some(lock) = take_lock(context, &run.id)? else { return Err(still_runs(&run.name)) };
        let database = context.database()?;
        // It may have ended since it was looked up.
        let run = database.run(&run.id)?.unwrap_or(run);
        check(&run)?;
        let Some(plan) = database.plan(&run.id)? else {
            return Err(Failure::new(format!("the plan of run `{}` was not kept", run.name))
                .hint("run the pipeline again: what was done is in the cache"));
        };
        let plan = KeptPlan::read(&plan, &run.name)?;
        let stack = stack_of(context, &run)?;
        // Plugins of the project are found wherever the command is given.
        let there = context.in_folder(run.project.as_deref().unwrap_or(&context.folder))?;
        let session = database.session(&run.id)?;
        let logs = left_logs(database, &run.id)?;
        let workshop = Workshop::reopen(&there, &stack, &plan.pipeline, &run.id, session)?;
        workshop.check_resources(&plan.pipeline)?;
        keep_logs(database, &run.id, &workshop, &logs)?;
        plan.take_in_again(context, &workshop)?;
        let guard = Guard::set(context, &workshop)?;
        let known = database.resume_run(&run.id, reaper::session())?;
        if is_detached {
            detach::say_begun(context, &run)?;
        }
        say_what_goes_on(context, &run, &known, &plan);
        let (run, plan, known, workshop) = (&run, &plan, &known, &workshop);
        let under_way = UnderWay { context, plan, run, known, workshop, explain: false };
        let status = under_way.carry_out(&guard, lock)?;
        finish(context, run, status)
    }
}

/// The run as it is, if it only seems to be under way: whoever else looks just now whether its process is gone has its lock
/// meanwhile.
fn looked_at_again(context: &Context, mut run: RunRecord) -> Result<RunRecord, Failure> {
    let began = Instant::now();
    while run.status == RunStatus::Running && began.elapsed() < A_LOOK {
        std::thread::sleep(Duration::from_millis(10));
        if let Some(now) = marked_database(context)?.run(&run.id)? {
            run = now;
        }
    }
    Ok(run)
}

/// What the steps had written that were under way when their host was killed, by name: their folder goes.
fn left_logs(database: &Database, run: &str) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let files = database.log_files(run)?.into_iter();
    Ok(files.filter_map(|(step, file)| Some((step, read_log(&file, 0)?))).collect())
}

/// Keeps them as any other log.
fn keep_logs(
    database: &Database,
    run: &str,
    workshop: &Workshop,
    logs: &[(String, Vec<u8>)],
) -> Result<(), Failure> {
    for (step, log) in logs.iter().filter(|(_, log)| !log.is_empty()) {
        let log = publish_text(workshop.store(), log).map_err(|error| {
            Failure::new(format!("the log of step `{step}` cannot be kept: {error}"))
        })?;
        database.keep_log(run, step, &log)?;
    }
    Ok(())
}

fn check(run: &RunRecord) -> Result<(), Failure> {
    match run.status {
        RunStatus::Running => Err(still_runs(&run.name)),
        RunStatus::Completed => {
            Err(Failure::new(format!("run `{}` has completed: nothing is left to do", run.name))
                .hint("`sundae run FILE` runs the pipeline again"))
        }
        RunStatus::Failed | RunStatus::Cancelled | RunStatus::Interrupted => Ok(()),
    }
}

fn still_runs(run: &str) -> Failure {
    Failure::new(format!("run `{run}` is under way")).hint(format!(
        "`sundae runs attach {run}` shows how it goes on; `sundae runs cancel {run}` stops it"
    ))
}

/// The stack as the run had it, its components as they are configured now.
fn stack_of(context: &Context, run: &RunRecord) -> Result<Stack, Failure> {
    let database = context.database()?;
    let mut components = Vec::new();
    for member in &run.members {
        let Some(component) = database.component(&member.id)? else {
            let (kind, name) = (member.kind, &member.name);
            return Err(Failure::new(format!(
                "run `{}` had {kind} `{name}`, which is not registered any more",
                run.name
            ))
            .hint("run the pipeline on another stack: `sundae run FILE --stack STACK`"));
        };
        components.push(component);
    }
    let (now, name) = (Timestamp::now(), run.stack.clone());
    let owner = run.owner.clone();
    Ok(Stack {
        id: String::new(),
        name,
        components,
        owner,
        is_shared: false,
        created: now,
        updated: now,
    })
}

fn say_what_goes_on(context: &Context, run: &RunRecord, known: &Known, plan: &KeptPlan) {
    let (name, done, all) = (&run.name, known.done().len(), plan.pipeline.steps.len());
    context.ui.say(format_args!(
        "Going on with run `{name}` on stack `{}`: {done} of {all} steps are done",
        run.stack
    ));
}
