//! `sundae runs attach`

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;

use super::follower::{Follower, News};
use super::{database, find_run, view_of};
use crate::cli::context::Context;
use crate::cli::run::{Display, ended};
use crate::cli::{Failure, exit_code, signals};
use crate::engine::event::RunStatus;
use crate::metadata::RunRecord;

/// How often to look what is new. Where nothing is, a look is one question.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How often to look whether the process of the run is still there.
const BETWEEN_CHECKS: Duration = Duration::from_secs(1);

/// Show a run that was started elsewhere, from its beginning to its end
///
/// As `sundae run` shows it, and with the same exit code. Ctrl-C ends the showing, and not the run.
///
/// Example: sundae runs attach training-3
#[derive(Debug, Args)]
pub(crate) struct Attach {
    /// A name, an id, or the start of an id; if left out, the latest run
    run: Option<String>,
}

impl Attach {
    /// Shows the run.
    ///
    /// # Errors
    /// [`Failure`]; a step that failed is one, too.
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let run = find_run(context, self.run.as_deref())?;
        let is_interrupted = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&is_interrupted);
        let _signals = signals::listen(move |_| heard.store(true, Ordering::Relaxed))?;
        let status = show(context, &run, &is_interrupted)?;
        if status == RunStatus::Running {
            let name = &run.name;
            context.ui.say(format_args!("Run `{name}` goes on."));
            context.ui.hint(format_args!(
                "`sundae runs attach {name}` shows it again; `sundae runs cancel {name}` stops it"
            ));
            return Err(Failure::silent(exit_code::INTERRUPTED));
        }
        finish(context, &run, status)
    }
}

/// Shows a run until it ends, or nobody wants to see more. Returns how it stands then.
fn show(
    context: &Context,
    run: &RunRecord,
    is_interrupted: &AtomicBool,
) -> Result<RunStatus, Failure> {
    let mut follower = Follower::new(context, run)?;
    let mut display = Display::since(context.ui, &run.name, then(run.started));
    let mut checked = Instant::now();
    loop {
        let (news, status) = follower.news()?;
        for News { event, happened } in news {
            display.hear_of(&[event], then(happened));
        }
        if status != RunStatus::Running {
            let ended = context.database()?.run(&run.id)?.and_then(|run| run.ended);
            let took = ended.unwrap_or_else(Timestamp::now).duration_since(run.started);
            display.close_after(status, took.try_into().unwrap_or_default());
            return Ok(status);
        }
        if is_interrupted.load(Ordering::Relaxed) {
            drop(display.leave());
            return Ok(status);
        }
        if checked.elapsed() > BETWEEN_CHECKS {
            checked = Instant::now();
            database(context)?;
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// The moment of a time that is recorded.
fn then(time: Timestamp) -> Instant {
    let ago = Timestamp::now().duration_since(time).try_into().unwrap_or_default();
    let now = Instant::now();
    now.checked_sub(ago).unwrap_or(now)
}

fn finish(context: &Context, run: &RunRecord, status: RunStatus) -> Result<(), Failure> {
    let (database, name) = (context.database()?, &run.name);
    if context.wants_json() {
        let run = database.run(&run.id)?.unwrap_or_else(|| run.clone());
        context.ui.json(&view_of(database, &run)?)?;
    }
    if status == RunStatus::Interrupted {
        return Err(Failure::new(format!("the process that ran `{name}` is gone"))
            .hint(format!("`sundae runs resume {name}` goes on with it")));
    }
    ended(status)
}
