//! Collects what is wrong with a file.

use super::{PipelineError, Problem};
use crate::pipeline::source::{Source, Span};

/// What there is to say about a problem, before it is known where it is.
pub(in crate::pipeline) struct Complaint {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) label: String,
    pub(super) others: Vec<(Span, String)>,
}

impl Complaint {
    pub(in crate::pipeline) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, label: String::new(), others: Vec::new() }
    }

    pub(in crate::pipeline) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(in crate::pipeline) fn hint_if_any(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// What stands behind the caret.
    pub(in crate::pipeline) fn label(mut self, label: String) -> Self {
        self.label = label;
        self
    }

    /// Another place that belongs to the problem.
    pub(in crate::pipeline) fn other(mut self, span: Span, label: impl Into<String>) -> Self {
        self.others.push((span, label.into()));
        self
    }
}

/// The problems of a file: the first ten of them; the others are only counted.
pub(in crate::pipeline) struct Problems<'t> {
    pub source: &'t Source<'t>,
    list: Vec<Problem>,
    /// In other files that this one names.
    elsewhere: Vec<Problem>,
    more: usize,
}

impl<'t> Problems<'t> {
    const SHOWN: usize = 10;

    pub(in crate::pipeline) fn of(source: &'t Source<'t>) -> Self {
        Self { source, list: Vec::new(), elsewhere: Vec::new(), more: 0 }
    }

    /// Adds a problem about a piece of the text. What to say is only worked out when it will be shown.
    pub(in crate::pipeline) fn at(&mut self, span: Span, complaint: impl FnOnce() -> Complaint) {
        if self.list.len() < Self::SHOWN {
            self.list.push(Problem::at(self.source, span, complaint()));
        } else {
            self.more += 1;
        }
    }

    /// Adds a problem that has no place in the text.
    pub(in crate::pipeline) fn without_place(&mut self, complaint: impl FnOnce() -> Complaint) {
        if self.list.len() < Self::SHOWN {
            self.list.push(Problem::without_place(complaint()));
        } else {
            self.more += 1;
        }
    }

    /// Adds what is wrong with a file that this one names. Of a file that is named twice, the same things are wrong.
    pub(in crate::pipeline) fn absorb(&mut self, error: PipelineError) {
        let PipelineError::Invalid { problems, more } = error else { return };
        for problem in problems {
            if self.elsewhere.contains(&problem) {
                continue;
            }
            if self.elsewhere.len() < Self::SHOWN {
                self.elsewhere.push(problem);
            } else {
                self.more += 1;
            }
        }
        self.more += more;
    }

    pub(in crate::pipeline) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.elsewhere.is_empty()
    }

    /// The value, if nothing was wrong.
    pub(in crate::pipeline) fn none_or<T>(&mut self, value: T) -> Result<T, PipelineError> {
        if self.is_empty() {
            return Ok(value);
        }
        let mut problems = std::mem::take(&mut self.list);
        // From top to bottom, as people go through a file.
        problems
            .sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
        problems.append(&mut self.elsewhere);
        self.more += problems.len().saturating_sub(Self::SHOWN);
        problems.truncate(Self::SHOWN);
        Err(PipelineError::Invalid { problems, more: std::mem::take(&mut self.more) })
    }
}
