//! The JSON spelling.
//!
//! serde_json says whether the text is valid, but not where its values stand. So the tree is built here, from text
//! that has been found valid: all that is left to do is to find where each value ends.

use std::collections::HashMap;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Data, Entry, Node};
use crate::pipeline::error::{Complaint, Problem, quoted};
use crate::pipeline::source::{Located, Source, Span};

pub(super) fn parse(source: &Source<'_>) -> Result<Node, Problem> {
    if let Err(error) = serde_json::from_str::<IgnoredAny>(source.text) {
        // What is missing at the end is missing behind the last thing that is there.
        let end = source.text.trim_end().len();
        let at = if error.is_eof() { end } else { source.offset(error.line(), error.column()) };
        return Err(Problem::at(source, Span { start: at, end: at }, syntax(&error)));
    }
    let mut reader = Reader { text: source.text, position: 0, depth: 0 };
    reader.node().map_err(|(span, complaint)| Problem::at(source, span, complaint))
}

fn syntax(error: &serde_json::Error) -> Complaint {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Complaint::new(format!("the file is not valid JSON: {message}"))
}

type Unfit = (Span, Complaint);

struct Reader<'t> {
    text: &'t str,
    position: usize,
    depth: usize,
}

impl Reader<'_> {
    /// As deep as serde_json itself goes.
    const DEEPEST: usize = 127;

    fn node(&mut self) -> Result<Node, Unfit> {
        let first = self.peek();
        let start = self.position;
        let data = match first {
            Some(b'"') => Data::String(self.string()?.value),
            Some(b'[') => Data::List(self.nested(Self::items)?),
            Some(b'{') => Data::Table(self.nested(Self::entries)?),
            _ => Data::Scalar(self.scalar()?),
        };
        Ok(Node { data, span: Span { start, end: self.position } })
    }

    fn nested<T>(&mut self, read: fn(&mut Self) -> Result<Vec<T>, Unfit>) -> Result<Vec<T>, Unfit> {
        if self.depth == Self::DEEPEST {
            let span = Span { start: self.position, end: self.position + 1 };
            return Err((span, Complaint::new("the file is nested too deeply to be read")));
        }
        self.depth += 1;
        self.position += 1;
        let read = read(self)?;
        self.depth -= 1;
        self.position += 1;
        Ok(read)
    }

    fn items(&mut self) -> Result<Vec<Node>, Unfit> {
        let mut items = Vec::new();
        while self.peek().is_some_and(|byte| byte != b']') {
            items.push(self.node()?);
            self.skip(b',');
        }
        Ok(items)
    }

    fn entries(&mut self) -> Result<Vec<Entry>, Unfit> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = HashMap::new();
        while self.peek().is_some_and(|byte| byte != b'}') {
            let key = self.string()?;
            if let Some(first) = seen.insert(key.value.clone(), key.span) {
                let name = quoted(&key.value);
                let message = format!("{name} is defined twice in the same table");
                return Err((key.span, Complaint::new(message).other(first, "first here")));
            }
            self.skip(b':');
            let value = self.node()?;
            entries.push(Entry { key, value });
            self.skip(b',');
        }
        Ok(entries)
    }

    fn string(&mut self) -> Result<Located<String>, Unfit> {
        self.peek();
        let start = self.position;
        let mut escaped = true;
        let length = self.text[start..].bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        self.position = length.map_or(self.text.len(), |length| start + length + 1);
        let span = Span { start, end: self.position };
        Ok(Located { value: self.read(span)?, span })
    }

    fn scalar(&mut self) -> Result<Value, Unfit> {
        let start = self.position;
        let rest = &self.text[start..];
        let length = rest.bytes().position(|byte| b",]} \t\r\n".contains(&byte));
        self.position = start + length.unwrap_or(rest.len()).max(1).min(rest.len());
        self.read(Span { start, end: self.position })
    }

    fn read<T: serde::de::DeserializeOwned>(&self, span: Span) -> Result<T, Unfit> {
        let text = self.text.get(span.start..span.end).unwrap_or_default();
        serde_json::from_str(text).map_err(|error| (span, syntax(&error)))
    }

    /// The next byte that is not white space; the position is moved to it.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.position.min(self.text.len())..];
        let blanks = rest.iter().position(|byte| !b" \t\r\n".contains(byte));
        self.position += blanks.unwrap_or(rest.len());
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip(&mut self, byte: u8) {
        if self.peek() == Some(byte) {
            self.position += 1;
        }
    }
}
