//! Logs of steps, quoted among our own words.

use anstream::adapter::strip_str;

use super::ui::{DIM, styled};

/// The last lines of a step's log, and where the rest of it is; each begins with a line end. Nothing if the log is empty.
#[must_use]
pub(super) fn log_tail(tail: &str, run: &str, step: &str) -> String {
    if tail.trim().is_empty() {
        return String::new();
    }
    let bar = styled(DIM, "│");
    let lines: String = tail.lines().map(|line| format!("\n  {bar} {}", harmless(line))).collect();
    format!("{lines}\n  the whole log: sundae runs logs {run} {step}")
}

/// A line of a program as it can be shown among ours: what it had overwritten is not there, nor what moves the cursor.
fn harmless(line: &str) -> String {
    let shown = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or(line);
    let plain = strip_str(shown).to_string();
    plain.replace('\t', "    ").chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn a_progress_bar_in_a_log_is_shown_as_it_was_seen() {
        for (line, expected) in [
            ("plain", "plain"),
            ("10 %\r50 %\r100 %", "100 %"),
            ("dos\r", "dos"),
            ("\x1b[31mred\x1b[0m\x1b[2A", "red"),
            ("a\tb\x07", "a    b"),
        ] {
            assert_eq!(harmless(line), expected);
        }
    }
}
