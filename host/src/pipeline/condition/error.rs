//! Why a condition cannot be understood.

use std::ops::Range;

/// What is wrong, where in the source, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pipeline) struct ConditionError {
    pub(in crate::pipeline) message: String,
    pub(in crate::pipeline) span: Range<usize>,
    pub(in crate::pipeline) hint: Option<String>,
}

impl ConditionError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { message: message.into(), span, hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
