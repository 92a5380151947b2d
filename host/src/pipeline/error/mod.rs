//! What is wrong with a pipeline file: each problem one sentence, with the line it is about.

mod excerpt;
mod problems;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::source::{Source, Span};
use excerpt::{Excerpt, Mark, visible};

pub(super) use problems::{Complaint, Problems};

/// Why there is no pipeline.
///
/// Its text is complete: sentence, place, line, hint. The cause of an unreadable file is part of the text.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    #[error("cannot read the pipeline file `{}`: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("{}", Listing { problems, more: *more })]
    Invalid {
        /// At least one, and the first ten at most.
        problems: Vec<Problem>,
        /// How many there are beyond those.
        more: usize,
    },
}

impl PipelineError {
    /// The problems found in the file; none when it could not be read at all.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Unreadable { .. } => &[],
            Self::Invalid { problems, .. } => problems,
        }
    }

    /// The bytes of the file are valid text up to that offset.
    pub(super) fn not_text(path: &Path, bytes: &[u8], valid: usize) -> Self {
        let line = bytes[..valid].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let (path, byte) = (path.display(), bytes.get(valid).copied().unwrap_or_default());
        let message = format!("`{path}` is not UTF-8 text: byte 0x{byte:02x} on line {line}");
        Self::from(Problem::without_place(Complaint::new(message)))
    }
}

impl From<Problem> for PipelineError {
    fn from(problem: Problem) -> Self {
        Self::Invalid { problems: vec![problem], more: 0 }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// One sentence.
    pub message: String,
    /// Where it is; nothing when it is about an override.
    pub place: Option<Place>,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
    excerpt: Excerpt,
}

/// Where in a file a problem is. Line and column count from 1, the column in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub path: String,
    pub line: usize,
    pub column: usize,
}

impl Problem {
    pub(super) fn at(source: &Source<'_>, span: Span, complaint: Complaint) -> Self {
        let first = Mark::new(source, span, '^', &complaint.label);
        let path = visible(source.name);
        let place = Place { path, line: first.line, column: first.column };
        let mut marks = vec![first];
        for (span, label) in &complaint.others {
            marks.push(Mark::new(source, *span, '-', label));
        }
        let excerpt = Excerpt::new(marks);
        Self { place: Some(place), excerpt, ..Self::without_place(complaint) }
    }

    pub(super) fn without_place(complaint: Complaint) -> Self {
        let Complaint { message, hint, .. } = complaint;
        Self {
            message: visible(&message),
            place: None,
            hint: hint.as_deref().map(visible),
            excerpt: Excerpt::default(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(Place { path, line, column }) = &self.place {
            let width = self.excerpt.gutter();
            write!(f, "\n{:width$}--> {path}:{line}:{column}\n{}", "", self.excerpt)?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

struct Listing<'p> {
    problems: &'p [Problem],
    more: usize,
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "\n\n" })?;
            write!(f, "{problem}")?;
        }
        match self.more {
            0 => Ok(()),
            1 => f.write_str("\n\nand 1 more problem"),
            more => write!(f, "\n\nand {more} more problems"),
        }
    }
}

/// A text from the file between backticks; of a long one, or one of several lines, only its start.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.is_empty() {
        return "an empty text".to_owned();
    }
    let mut positions = text.char_indices().enumerate();
    match positions.find(|&(place, (_, c))| place == LONGEST || c == '\n') {
        None => format!("`{text}`"),
        Some((_, (end, _))) => format!("`{}…`", &text[..end]),
    }
}
