//! The lines that show what is under way: one for each step, and a summary. Pure: the same state gives the same lines.

use std::time::{Duration, Instant};

use unicode_width::UnicodeWidthStr as _;

use super::board::{Board, UnderWay};
use super::text::duration;
use crate::cli::region::fitted;
use crate::cli::ui::{DIM, GOOD, styled};
use crate::engine::event::StepStatus;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// How long one picture of the spinner is shown.
const TURN: Duration = Duration::from_millis(100);

/// The columns of a bar.
const BAR: usize = 16;

/// Below this width there is no room for a bar beside name, time and label.
const ROOM_FOR_BAR: usize = 64;

/// What is under way, in so many columns and rows at most.
pub(super) fn frame(
    board: &Board,
    (columns, rows): (usize, usize),
    begun: Instant,
    now: Instant,
) -> Vec<String> {
    // The last column stays free, and so does a row for the cursor and one for what was said last.
    let columns = columns.saturating_sub(1);
    let rows = rows.saturating_sub(2).max(1);
    let room = rows - 1;
    let fit = board.under_way.len() <= room;
    // One row is for telling how many more there are.
    let shown = if fit { board.under_way.len() } else { room.saturating_sub(1) };
    let steps = &board.under_way[..shown];
    let names = steps.iter().map(|step| step.step.width()).max().unwrap_or(0).min(columns / 3);
    let picture = spinner(now.duration_since(begun));
    let mut lines: Vec<_> =
        steps.iter().map(|step| step_line(step, picture, names, columns, now)).collect();
    if !fit && room > 0 {
        let more = format!("  … and {} more", board.under_way.len() - shown);
        lines.push(styled(DIM, fitted(&more, columns)));
    }
    lines.push(fitted(&summary(board), columns));
    lines
}

fn spinner(time: Duration) -> &'static str {
    let turns = time.as_millis() / TURN.as_millis();
    SPINNER[usize::try_from(turns % SPINNER.len() as u128).unwrap_or(0)]
}

fn step_line(step: &UnderWay, picture: &str, names: usize, columns: usize, now: Instant) -> String {
    let name = fitted(&step.step, names);
    let padding = " ".repeat(names - name.width());
    let (picture, time) = match step.since {
        Some(since) => (picture, duration(now.duration_since(since))),
        None => ("·", "waiting".to_owned()),
    };
    let plain = format!("  {name}{padding}  {time:>8}");
    let room = columns.saturating_sub(1 + plain.width());
    let rest = progress(step.progress.as_ref(), room, columns >= ROOM_FOR_BAR);
    let line = fitted(&plain, columns.saturating_sub(1));
    format!("{}{line}{rest}", styled(GOOD, picture))
}

fn progress(progress: Option<&(f64, String)>, room: usize, with_bar: bool) -> String {
    let Some((fraction, label)) = progress else { return String::new() };
    let percent = format!("  {:>3.0} %", fraction * 100.0);
    let bar_width = if with_bar { BAR + 2 } else { 0 };
    let Some(left) = room.checked_sub(percent.width() + bar_width) else { return String::new() };
    let label = match label.is_empty() || left < 4 {
        true => String::new(),
        false => format!("  {}", fitted(&one_line(label), left - 2)),
    };
    let bar = if with_bar { bar(*fraction) } else { String::new() };
    format!("{bar}{percent}{}", styled(DIM, label))
}

/// A label is a program's: it must not break the lines.
fn one_line(label: &str) -> String {
    let plain = anstream::adapter::strip_str(label).to_string();
    plain.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn bar(fraction: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and BAR"
    )]
    let full = ((fraction * BAR as f64).round() as usize).min(BAR);
    let (done, open) = ("━".repeat(full), "─".repeat(BAR - full));
    format!("  {}{}", styled(GOOD, done), styled(DIM, open))
}

fn summary(board: &Board) -> String {
    let mut text = format!("{}/{} steps", board.ended_steps(), board.total());
    for (status, word) in [
        (StepStatus::Cached, "cached"),
        (StepStatus::Failed, "failed"),
        (StepStatus::Skipped, "skipped"),
        (StepStatus::Running, "running"),
    ] {
        let number = board.count(status);
        if number > 0 {
            text.push_str(&format!(", {number} {word}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cache_key::CacheKey;
    use crate::engine::event::{Event, PlannedStep};

    fn board(running: &[(&str, Option<(f64, &str)>)], now: Instant) -> Board {
        let mut board = Board::default();
        let planned = |name: &str| PlannedStep {
            name: name.to_owned(),
            inputs: Default::default(),
            outputs: Vec::new(),
            after: Vec::new(),
        };
        let mut steps: Vec<_> = running.iter().map(|(name, _)| planned(name)).collect();
        steps.push(planned("last"));
        board.hear(&Event::RunStarted { steps }, now);
        for (name, progress) in running {
            let step = (*name).to_owned();
            board.hear(
                &Event::AttemptSubmitted {
                    step: step.clone(),
                    attempt: 1,
                    key: CacheKey::default(),
                    reasons: Vec::new(),
                    handle: String::new(),
                    job: String::new(),
                    log: None,
                },
                now,
            );
            board.hear(&Event::AttemptStarted { step: step.clone(), attempt: 1 }, now);
            if let Some((fraction, label)) = progress {
                let label = (*label).to_owned();
                board.hear(&Event::StepProgress { step, fraction: *fraction, label }, now);
            }
        }
        board
    }

    fn drawn(running: &[(&str, Option<(f64, &str)>)], size: (usize, usize)) -> Vec<String> {
        let begun = Instant::now();
        let now = begun + Duration::from_millis(12_300);
        let lines = frame(&board(running, begun), size, begun, now);
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn each_step_has_a_line_with_what_it_says_of_its_progress() {
        assert_eq!(
            drawn(&[("fit", Some((0.5, "epoch 3\n"))), ("evaluate", None)], (80, 24)),
            [
                "⠸  fit         12.3 s  ━━━━━━━━────────   50 %  epoch 3 ",
                "⠸  evaluate    12.3 s",
                "0/3 steps, 2 running",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_gets_shorter_lines_and_none_that_wraps() {
        let steps = [("a-step-with-a-long-name", Some((0.07, "a long label"))), ("b", None)];
        for columns in 0..=80 {
            for line in drawn(&steps, (columns, 24)) {
                assert!(line.width() <= columns.max(1), "{columns}: {line}");
            }
        }
        assert_eq!(
            drawn(&steps, (40, 24)),
            [
                "⠸  a-step-with-…    12.3 s    7 %  a l…",
                "⠸  b                12.3 s",
                "0/3 steps, 2 running"
            ]
        );
    }

    #[test]
    fn more_steps_than_rows_are_counted() {
        let names: Vec<_> = (0..30).map(|number| format!("s{number}")).collect();
        let steps: Vec<_> = names.iter().map(|name| (name.as_str(), None)).collect();
        let lines = drawn(&steps, (80, 10));
        assert_eq!(lines.len(), 8);
        assert_eq!(lines[5], "⠸  s5    12.3 s");
        assert_eq!(lines[6], "  … and 24 more");
        for rows in 0..6 {
            assert!(drawn(&steps, (80, rows)).len() <= rows.saturating_sub(2).max(1));
        }
    }
}
