//! `sundae runs watch`

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;

use super::database;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::region;
use crate::cli::table::{cell, duration, table, time};
use crate::engine::event::RunStatus;
use crate::metadata::{RunFilter, RunRecord};
use crate::view::RunRow;

/// How often to look what is new. Where nothing is, a look is one question.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// How often to look whether the processes of runs are still there, and to show how long they have taken.
const BETWEEN_CHECKS: Duration = Duration::from_secs(1);

/// The rows around the table of a terminal: its frame, its headings, the cursor.
const AROUND: usize = 6;

/// Watch what is under way, as it changes
///
/// At a terminal, the latest runs in a list that changes with them. Elsewhere one line for each change; with `--output json`, the run
/// as `sundae runs list` has it, one a line. Ctrl-C ends it.
///
/// Example: sundae runs watch --pipeline training
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Only runs of this pipeline
    #[arg(long, value_name = "PIPELINE")]
    pipeline: Option<String>,

    /// End when no run is under way any more
    #[arg(long)]
    until_done: bool,
}

impl Watch {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let is_list = context.ui.can_redraw() && !context.wants_json();
        let mut lines = Lines { context, seen: None };
        let (mut version, mut checked) = (None, Instant::now());
        database(context)?;
        loop {
            let is_due = checked.elapsed() > BETWEEN_CHECKS;
            if is_due {
                checked = Instant::now();
                database(context)?;
            }
            let now = Some(context.database()?.version()?);
            if now != version || is_due && is_list {
                version = now;
                let runs = self.runs(context)?;
                if is_list {
                    region::show(list(&runs), "");
                } else {
                    lines.tell(&runs)?;
                }
                let is_idle = runs.iter().all(|run| run.status != RunStatus::Running);
                if self.until_done && is_idle {
                    return Ok(());
                }
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// The latest runs, and those that are under way; the newest first.
    fn runs(&self, context: &Context) -> Result<Vec<RunRecord>, Failure> {
        let (_, rows) = region::size();
        let limit = u32::try_from(rows.saturating_sub(AROUND).max(1)).ok();
        let pipeline = self.pipeline.as_deref();
        let latest = RunFilter { pipeline, limit, ..RunFilter::default() };
        let under_way = RunFilter { pipeline, statuses: &[RunStatus::Running], ..latest };
        let database = context.database()?;
        let mut runs = database.runs(&latest)?;
        for run in database.runs(&under_way)? {
            if runs.iter().all(|other| other.id != run.id) {
                runs.push(run);
            }
        }
        Ok(runs)
    }
}

/// The lines of the list.
fn list(runs: &[RunRecord]) -> Vec<String> {
    let headings = ["RUN", "STATUS", "STEPS", "STARTED", "DURATION"].map(str::to_owned);
    let row = |run: &RunRecord| {
        let ended = run.ended.unwrap_or_else(Timestamp::now);
        let ms = ended.as_millisecond() - run.started.as_millisecond();
        let started = time(&run.started.to_string());
        vec![run.name.clone(), word(run.status), steps(&run.steps), started, duration(ms)]
    };
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    if rows.is_empty() {
        return vec!["Nothing has run yet.".to_owned()];
    }
    // In a narrow terminal a run takes several lines; what is above its first row could not be drawn again.
    let (_, height) = region::size();
    let lines = table(&headings, &rows);
    lines.lines().take(height.saturating_sub(1)).map(str::to_owned).collect()
}

fn word(status: RunStatus) -> String {
    serde_json::to_value(status).map(|value| cell("", &value)).unwrap_or_default()
}

/// `2 completed, 1 running`
fn steps(steps: &BTreeMap<String, u32>) -> String {
    let counted = steps.iter().map(|(status, number)| format!("{number} {status}"));
    counted.collect::<Vec<_>>().join(", ")
}

/// How a run stands, and how many of its steps stand how.
type Standing = (RunStatus, BTreeMap<String, u32>);

/// One line for each change.
struct Lines<'a> {
    context: &'a Context,
    /// How each run stood when it was looked at last.
    seen: Option<HashMap<String, Standing>>,
}

impl Lines<'_> {
    fn tell(&mut self, runs: &[RunRecord]) -> Result<(), Failure> {
        let is_first = self.seen.is_none();
        let mut seen = self.seen.take().unwrap_or_default();
        for run in runs.iter().rev() {
            let now = (run.status, run.steps.clone());
            let before = seen.insert(run.id.clone(), now.clone());
            // What had ended before anybody watched is not news.
            let is_news =
                before.as_ref() != Some(&now) && !(is_first && run.status != RunStatus::Running);
            if is_news {
                self.tell_of(run)?;
            }
        }
        self.seen = Some(seen);
        Ok(())
    }

    fn tell_of(&self, run: &RunRecord) -> Result<(), Failure> {
        if self.context.wants_json() {
            let line = serde_json::to_string(&RunRow::new(run));
            let line = line.map_err(|error| Failure::new(format!("cannot write JSON: {error}")))?;
            return self.context.ui.data(line);
        }
        let (name, status, steps) = (&run.name, word(run.status), steps(&run.steps));
        let steps = if steps.is_empty() { steps } else { format!(" ({steps})") };
        self.context.ui.data(format_args!("{name}: {status}{steps}"))
    }
}
