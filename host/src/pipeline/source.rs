//! The text of a pipeline file, and where in it something stands.

/// A piece of the text, from one byte to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// Something that was read, and where it stood.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Located<T> {
    pub value: T,
    pub span: Span,
}

/// The text of a pipeline file and what errors call it.
pub(super) struct Source<'t> {
    pub name: &'t str,
    pub text: &'t str,
}

/// One line of the text. `start` is its first byte, `number` counts from 1.
pub(super) struct Line<'t> {
    pub number: usize,
    pub start: usize,
    pub text: &'t str,
}

impl<'t> Source<'t> {
    pub(super) fn new(name: &'t str, text: &'t str) -> Self {
        Self { name, text: text.strip_prefix('\u{feff}').unwrap_or(text) }
    }

    /// The text of a piece; empty when the piece is not one of this text.
    pub(super) fn slice(&self, span: Span) -> &'t str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The line that the byte at `offset` is in.
    pub(super) fn line_at(&self, offset: usize) -> Line<'t> {
        let before = &self.text[..char_start(self.text, offset)];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let text = self.text[start..].split('\n').next().unwrap_or_default();
        let number = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        Line { number, start, text: text.strip_suffix('\r').unwrap_or(text) }
    }

    /// The byte at a line and column (both from 1, the column in bytes), as serde_json counts them.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let lines = self.text.split_inclusive('\n');
        let start: usize = lines.take(line.saturating_sub(1)).map(str::len).sum();
        (start + column.saturating_sub(1)).min(self.text.len())
    }
}

/// The start of the character that the byte at `offset` belongs to; the end of the text when it is behind that.
pub(super) fn char_start(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|&offset| text.is_char_boundary(offset)).unwrap_or_default()
}

/// How a string is written in the file, to find the parts of what it says.
///
/// Escapes and folded lines make the two differ. Then a part is looked for by its text, behind the one before it.
pub(super) struct Spelling<'t> {
    span: Span,
    raw: &'t str,
    /// Where what it says is written as it is.
    verbatim: Option<usize>,
    position: usize,
}

impl<'t> Spelling<'t> {
    pub(super) fn new(source: &Source<'t>, span: Span, said: &str) -> Self {
        let raw = source.slice(span);
        Self { span, raw, verbatim: raw.find(said), position: 0 }
    }

    /// Where a part of what the string says is written; the whole string when it cannot be found.
    pub(super) fn locate(&mut self, said: &str, part: std::ops::Range<usize>) -> Span {
        let found = match self.verbatim {
            Some(offset) => Some(offset + part.start),
            None => said.get(part.clone()).and_then(|part| {
                self.raw[self.position..].find(part).map(|found| self.position + found)
            }),
        };
        let Some(found) = found else { return self.span };
        self.position = (found + part.len()).min(self.raw.len());
        Span { start: self.span.start + found, end: self.span.start + found + part.len() }
    }
}
