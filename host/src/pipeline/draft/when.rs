//! The shape of `when`: a condition that can be read.

use std::fmt::Display;

use super::reader::Reader;
use crate::pipeline::condition::Condition;
use crate::pipeline::document::{Data, Node};
use crate::pipeline::error::Complaint;
use crate::pipeline::source::{Span, Spelling};

/// A condition, and where it stands in the file.
#[derive(Clone)]
pub(in crate::pipeline) struct When {
    pub(in crate::pipeline) condition: Condition,
    pub(in crate::pipeline) span: Span,
}

impl When {
    /// Where a piece of the condition stands in the file.
    pub(in crate::pipeline) fn locate(
        &self,
        source: &crate::pipeline::source::Source<'_>,
        piece: std::ops::Range<usize>,
    ) -> Span {
        let said = self.condition.source();
        Spelling::new(source, self.span, said).locate(said, piece)
    }
}

pub(super) fn when(reader: &mut Reader<'_, '_>, node: &Node, of: &dyn Display) -> Option<When> {
    let text = reader.string(node, || format!("`when` of {of}"));
    if !matches!(node.data, Data::String(_)) {
        return None;
    }
    match Condition::parse(text) {
        Ok(condition) => Some(When { condition, span: node.span }),
        Err(error) => {
            let span = Spelling::new(reader.source(), node.span, text).locate(text, error.span);
            reader.report(span, || Complaint::new(error.message).hint_if_any(error.hint));
            None
        }
    }
}
