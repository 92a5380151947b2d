//! What is said of a run, in words.

use std::time::Duration;

use anstyle::Style;
use jiff::Timestamp;

use super::board::{Board, Told};
use crate::cli::ui::{BAD, DIM, GOOD, WARNING, styled};
use crate::cli::{quote, table};
use crate::engine::event::RunStatus;

/// More metrics than these are looked up with `sundae runs describe`.
const MOST_METRICS: usize = 8;

/// A duration in a unit that people can read.
pub(super) fn duration(time: Duration) -> String {
    table::duration(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// What is said of something that happened, and the sign that stands before it at a terminal.
pub(super) fn line(told: &Told, run: &str, is_live: bool) -> (String, String) {
    match told {
        Told::Started { step, why } => (sign(DIM, "·"), format!("{step}: started{}", because(why))),
        // Live lines do not say that a step has started.
        Told::Completed { step, took, why } => {
            let why = if is_live { because(why) } else { String::new() };
            (sign(GOOD, "✔"), format!("{step}: completed{}{why}", after("in", *took)))
        }
        Told::Cached { step, from, made } => {
            (sign(GOOD, "✔"), format!("{step}: {}", styled(DIM, cached(from, *made))))
        }
        Told::Expanded { step, items } => (sign(DIM, "·"), format!("{step}: {}", counted(*items))),
        Told::Joined { step, took, items, cached } => {
            let how = match took {
                Some(_) => format!("completed{}", after("in", *took)),
                None => "cached".to_owned(),
            };
            let part = match cached {
                0 => String::new(),
                cached if cached == items => String::new(),
                cached => format!(", {cached} cached"),
            };
            let items = styled(DIM, format!(" ({}{part})", counted(*items)));
            (sign(GOOD, "✔"), format!("{step}: {how}{items}"))
        }
        Told::Failed { step, took, reason, log_tail } => {
            let what = format!("failed{}: {reason}", after("after", *took));
            let text =
                format!("{step}: {}{}", styled(BAD, what), quote::log_tail(log_tail, run, step));
            (sign(BAD, "✖"), text)
        }
        Told::Retried { step, attempt, attempts, reason, wait } => {
            let wait =
                if wait.is_zero() { String::new() } else { format!(" in {}", duration(*wait)) };
            let what = format!("attempt {attempt} of {attempts} failed: {reason}");
            (sign(WARNING, "↻"), format!("{step}: {}; trying again{wait}", styled(WARNING, what)))
        }
        Told::Skipped { step, reason } => {
            (sign(DIM, "–"), format!("{step}: skipped, because {reason}"))
        }
        Told::Cancelled { step, took } => {
            (sign(WARNING, "✖"), format!("{step}: stopped{}", after("after", *took)))
        }
        Told::Warning { message } => {
            (sign(WARNING, "!"), format!("{} {message}", styled(WARNING, "warning:")))
        }
    }
}

fn counted(items: usize) -> String {
    match items {
        0 => "no items".to_owned(),
        1 => "1 item".to_owned(),
        more => format!("{more} items"),
    }
}

/// Whose outcome a step takes and, for those who want it explained, when it was made.
pub(in crate::cli::run) fn cached(from: &str, made: Option<Timestamp>) -> String {
    match made {
        Some(made) => format!("cached, made by {from} on {}", table::time(&made.to_string())),
        None => format!("cached, from {from}"),
    }
}

fn sign(style: Style, sign: &str) -> String {
    styled(style, sign)
}

/// Why something runs: one reason on the line, several below it.
fn because(reasons: &[String]) -> String {
    match reasons {
        [] => String::new(),
        [only] => styled(DIM, format!(" ({only})")),
        reasons => {
            let lines = reasons.iter().map(|reason| format!("\n  - {reason}"));
            styled(DIM, lines.collect::<String>())
        }
    }
}

fn after(word: &str, took: Option<Duration>) -> String {
    took.map(|took| format!(" {word} {}", duration(took))).unwrap_or_default()
}

/// The last words on a run.
pub(super) fn closing(board: &Board, run: &str, status: RunStatus, took: Duration) -> String {
    let (style, word) = match status {
        RunStatus::Completed => (GOOD, "completed in"),
        RunStatus::Failed => (BAD, "failed after"),
        RunStatus::Cancelled => (WARNING, "was cancelled after"),
        RunStatus::Running | RunStatus::Interrupted => (WARNING, "was stopped after"),
    };
    let word = styled(style, word);
    let mut text = format!("Run `{run}` {word} {}: {}", duration(took), board.counts());
    if board.metrics.len() <= MOST_METRICS {
        let width = board.metrics.keys().map(String::len).max().unwrap_or(0);
        for (name, value) in &board.metrics {
            text.push_str(&format!("\n  {name:width$}  {}", table::number(*value)));
        }
    }
    text
}
