//! `sundae runs cancel`

use std::time::Duration;

use clap::Args;

use super::{database, find_run};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::engine::event::RunStatus;
use crate::metadata::{RunRecord, request_stop};

/// How often to look whether the run has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Stop a run, wherever on this machine it is under way
///
/// As Ctrl-C does where the run was started: its steps are asked to end, and what has not begun is left out. Given once more, or with
/// `--force`, they are killed. Waits until the run has ended; Ctrl-C ends the waiting, and the run is stopped all the same.
///
/// Example: sundae runs cancel training-3
#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// A name, an id, or the start of an id; if left out, the latest run
    run: Option<String>,

    /// Kill the steps at once
    #[arg(long)]
    force: bool,
}

impl Cancel {
    /// Stops the run.
    ///
    /// # Errors
    /// [`Failure`]; it has come to its end already, for one.
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let run = find_run(context, self.run.as_deref())?;
        let times = if self.force { 2 } else { 1 };
        let locks = context.home.run_locks();
        let is_heard = run.status == RunStatus::Running
            && request_stop(&locks, &run.id, times).map_err(|error| {
                Failure::new(format!("run `{}` cannot be asked to stop: {error}", run.name))
            })?;
        if is_heard {
            let how = if self.force { "killed" } else { "asked to end" };
            context.ui.say(format_args!("Stopping run `{}`: its steps are {how}.", run.name));
            return say_how_it_ended(context, &wait_for_end(context, &run)?);
        }
        // It may have ended since it was looked up.
        let run = database(context)?.run(&run.id)?.unwrap_or(run);
        let name = &run.name;
        match run.status {
            RunStatus::Cancelled | RunStatus::Interrupted => {
                let how = match run.status {
                    RunStatus::Cancelled => "was cancelled",
                    _ => "was interrupted: the process that ran it is gone",
                };
                context.ui.say(format_args!("Run `{name}` is not under way any more; it {how}."));
                context.ui.hint(format_args!("`sundae runs resume {name}` goes on with it"));
                Ok(())
            }
            _ => Err(Failure::new(format!("run `{name}` is not under way: it has ended"))
                .hint(format!("`sundae runs describe {name}` shows how"))),
        }
    }
}

fn wait_for_end(context: &Context, run: &RunRecord) -> Result<RunRecord, Failure> {
    loop {
        match database(context)?.run(&run.id)? {
            Some(now) if now.status == RunStatus::Running => std::thread::sleep(BETWEEN_LOOKS),
            Some(now) => return Ok(now),
            None => return Err(Failure::new(format!("run `{}` was deleted", run.name))),
        }
    }
}

fn say_how_it_ended(context: &Context, run: &RunRecord) -> Result<(), Failure> {
    let name = &run.name;
    match run.status {
        // It was too late to stop it.
        RunStatus::Completed => context.ui.say(format_args!("Run `{name}` has completed.")),
        RunStatus::Failed => context.ui.say(format_args!("Run `{name}` has failed.")),
        RunStatus::Cancelled | RunStatus::Interrupted | RunStatus::Running => {
            context.ui.say(format_args!("Run `{name}` was cancelled."));
            context.ui.hint(format_args!("`sundae runs resume {name}` goes on with it"));
        }
    }
    Ok(())
}
