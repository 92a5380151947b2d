//! The lines of the file that a problem is about, with something underlined in each.

use std::fmt;

use crate::pipeline::source::{Source, Span, char_start};

/// Lines in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Excerpt {
    marks: Vec<Mark>,
}

/// A line with something underlined.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub line: usize,
    pub column: usize,
    shown: String,
    underline: String,
}

impl Excerpt {
    pub(super) fn new(mut marks: Vec<Mark>) -> Self {
        marks.sort_by_key(|mark| (mark.line, mark.column));
        Self { marks }
    }

    /// How many digits the line numbers have.
    pub(super) fn gutter(&self) -> usize {
        self.marks.last().map_or(1, |last| last.line.to_string().len())
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.gutter();
        write!(f, "{:width$} |", "")?;
        let mut previous = None;
        for Mark { line, shown, underline, .. } in &self.marks {
            if previous.is_some_and(|previous| previous + 1 < *line) {
                write!(f, "\n...")?;
            }
            if previous != Some(*line) || shown.contains('…') {
                let text = format!("{line:>width$} | {shown}");
                write!(f, "\n{}", text.trim_end())?;
            }
            write!(f, "\n{:width$} | {underline}", "")?;
            previous = Some(*line);
        }
        Ok(())
    }
}

impl Mark {
    /// Of a longer line (a whole JSON file may be one) only the surroundings are shown.
    const LONGEST: usize = 120;
    const BEFORE: usize = 50;

    pub(super) fn new(source: &Source<'_>, span: Span, sign: char, label: &str) -> Self {
        let line = source.line_at(span.start);
        let start = char_start(line.text, span.start.saturating_sub(line.start));
        let end = char_start(line.text, span.end.saturating_sub(line.start)).max(start);
        let column = line.text[..start].chars().count() + 1;
        let marked = line.text[start..end].chars().count();

        let mut shown: Vec<char> = line.text.chars().map(visible_char).collect();
        let mut before = column - 1;
        if shown.len() > Self::LONGEST && before > Self::BEFORE {
            shown.splice(..before - Self::BEFORE, ['…']);
            before = Self::BEFORE + 1;
        }
        if shown.len() > Self::LONGEST {
            shown.splice(Self::LONGEST.., ['…']);
        }
        let blank = |&c: &char| if c == '\t' { '\t' } else { ' ' };
        let mut underline: String = shown.iter().take(before).map(blank).collect();
        let marked = marked.min(shown.len().saturating_sub(before)).max(1);
        underline.extend(std::iter::repeat_n(sign, marked));
        if !label.is_empty() {
            underline.push(' ');
            underline.push_str(&visible(label));
        }
        Self { line: line.number, column, shown: shown.into_iter().collect(), underline }
    }
}

/// The text on one line, and without what would move the cursor or turn the text around.
pub(super) fn visible(text: &str) -> String {
    text.chars().map(visible_char).collect()
}

fn visible_char(c: char) -> char {
    match c {
        '\t' => c,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}
