//! The lines at the bottom of the terminal that change while a command works. What is said meanwhile goes above them.
//!
//! There is one terminal in a process, so there is one region. It is not the alternate screen: what was said stays when
//! the command has ended, and a command that is killed leaves the cursor below its lines.

use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

static REGION: Mutex<Region> = Mutex::new(Region { lines: Vec::new() });

struct Region {
    /// As they were drawn, without colour.
    lines: Vec<String>,
}

/// Columns and rows of a terminal that does not tell.
const ORDINARY: (u16, u16) = (80, 24);

fn region() -> MutexGuard<'static, Region> {
    // The lines are put in place in one statement, so a thread that panicked has left whole ones.
    REGION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Columns and rows of the terminal.
#[must_use]
pub(super) fn size() -> (usize, usize) {
    let known = terminal_size::terminal_size_of(io::stderr());
    let (columns, rows) = known.map_or(ORDINARY, |(width, height)| (width.0, height.0));
    // A terminal of no width is one that does not know: some serial lines and containers.
    let (columns, rows) = if columns == 0 || rows == 0 { ORDINARY } else { (columns, rows) };
    (usize::from(columns), usize::from(rows))
}

/// Says something, above the region if there is one. Where nobody listens, there is nothing to do about it.
pub(super) fn say(text: &str) {
    let mut region = region();
    if region.lines.is_empty() {
        drop(write_styled(&format!("{text}\n")));
        return;
    }
    let lines = region.lines.clone();
    region.draw(lines, text);
}

/// Replaces the lines of the region, and says something above it.
pub(super) fn show(lines: Vec<String>, said: &str) {
    let mut region = region();
    if said.is_empty() && lines.is_empty() && region.lines.is_empty() {
        return;
    }
    region.draw(lines, said);
}

/// Takes the region away.
pub(super) fn clear() {
    show(Vec::new(), "");
}

impl Region {
    /// One write for all: the terminal never shows half of it.
    fn draw(&mut self, lines: Vec<String>, said: &str) {
        let (columns, _) = size();
        let mut out = String::new();
        match rows_of(&self.lines, columns) {
            0 => {}
            rows => out.push_str(&format!("\x1b[{rows}A\r")),
        }
        for line in said.lines().chain(lines.iter().map(String::as_str)) {
            // Over what is there, and then the rest of the line: so nothing flickers.
            out.push_str(&painted(line));
            out.push_str("\x1b[K\n");
        }
        out.push_str("\x1b[J");
        drop(io::stderr().lock().write_all(out.as_bytes()));
        self.lines = lines;
    }
}

/// How many rows the lines take now: a terminal that has become narrower has wrapped them.
fn rows_of(lines: &[String], columns: usize) -> usize {
    let width = |line: &String| anstream::adapter::strip_str(line).to_string().width();
    lines.iter().map(|line| width(line).div_ceil(columns).max(1)).sum()
}

fn painted(line: &str) -> String {
    match anstream::AutoStream::choice(&io::stderr()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(line).to_string(),
        _ => line.to_owned(),
    }
}

fn write_styled(text: &str) -> io::Result<()> {
    anstream::stderr().lock().write_all(text.as_bytes())
}

/// As much of a text without colour as has room in so many columns.
#[must_use]
pub(super) fn fitted(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let mut shown = String::new();
    for c in text.chars() {
        let width = c.width().unwrap_or(0);
        if width > room {
            break;
        }
        room -= width;
        shown.push(c);
    }
    if columns > 0 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_columns_and_not_by_bytes() {
        for (text, columns, expected) in [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("é", 1, "é"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
        ] {
            assert_eq!(fitted(text, columns), expected);
        }
    }

    #[test]
    fn lines_of_a_wider_time_are_counted_as_the_terminal_has_wrapped_them() {
        let lines = ["a".repeat(70), String::new(), format!("\x1b[32m{}\x1b[0m", "b".repeat(40))];
        assert_eq!(rows_of(&lines, 80), 3);
        assert_eq!(rows_of(&lines, 40), 4);
        assert_eq!(rows_of(&lines, 30), 6);
    }
}
