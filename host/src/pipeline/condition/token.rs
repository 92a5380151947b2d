//! The words and signs of a condition.

use std::ops::Range;

use serde_json::{Number, Value};

use super::{ConditionError, Operator};
use crate::pipeline::error::quoted;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A number or a text.
    Literal(Value),
    /// `and`, `true`, `metric.evaluate.accuracy`: its parts.
    Word(Vec<String>),
    Operator(Operator),
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
}

pub(super) type Located = (Token, Range<usize>);

/// Takes a condition apart.
pub(super) fn tokens(source: &str) -> Result<Vec<Located>, ConditionError> {
    let mut tokens = Vec::new();
    let mut position = 0;
    while let Some(c) = source[position..].chars().next() {
        let start = position;
        let rest = &source[start..];
        let (token, length) = match c {
            c if c.is_whitespace() => {
                position += c.len_utf8();
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '[' => (Token::OpenList, 1),
            ']' => (Token::CloseList, 1),
            ',' => (Token::Comma, 1),
            '\'' | '"' => text(source, start, c)?,
            c if c.is_ascii_digit() || (c == '-' && rest[1..].starts_with(is_digit)) => {
                number(source, start)?
            }
            c if c.is_ascii_alphabetic() || c == '_' => word(source, start)?,
            _ => operator(source, start)?,
        };
        position += length;
        tokens.push((token, start..position));
    }
    Ok(tokens)
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn text(source: &str, start: usize, quote: char) -> Result<(Token, usize), ConditionError> {
    match source[start + 1..].split_once(quote) {
        Some((text, _)) => Ok((Token::Literal(Value::from(text)), text.len() + 2)),
        None => {
            let message = format!("the text that begins with {quote} does not end");
            Err(ConditionError::new(start..source.len(), message))
        }
    }
}

fn number(source: &str, start: usize) -> Result<(Token, usize), ConditionError> {
    let rest = &source[start..];
    let is_part = |(at, c): (usize, char)| {
        let before = rest[..at].chars().next_back();
        c.is_ascii_alphanumeric()
            || matches!(c, '.' | '_')
            || (matches!(c, '-' | '+') && (at == 0 || matches!(before, Some('e' | 'E'))))
    };
    let length = rest.char_indices().find(|part| !is_part(*part)).map_or(rest.len(), |(at, _)| at);
    let written = &rest[..length];
    let digits = written.replace('_', "");
    let whole = digits.parse::<i64>().ok().map(Value::from);
    let number =
        whole.or_else(|| Some(Value::Number(Number::from_f64(digits.parse::<f64>().ok()?)?)));
    match number {
        Some(number) => Ok((Token::Literal(number), length)),
        None => {
            let message = format!("{} is not a number", quoted(written));
            Err(ConditionError::new(start..start + length, message))
        }
    }
}

/// A word is parted by dots. The steps of an inner pipeline have a `/` in their names; a part with other characters stands in
/// quotes.
fn word(source: &str, start: usize) -> Result<(Token, usize), ConditionError> {
    let mut parts = Vec::new();
    let mut position = start;
    loop {
        let rest = &source[position..];
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/');
        let length = match quote {
            Some(quote) if position > start => {
                let (token, length) = text(source, position, quote)?;
                if let Token::Literal(Value::String(text)) = token {
                    parts.push(text);
                }
                length
            }
            _ => {
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                parts.push(rest[..length].to_owned());
                length
            }
        };
        position += length;
        if length == 0 {
            let written = quoted(&source[start..position]);
            let message = format!("a name is missing behind {written}");
            return Err(ConditionError::new(start..position, message));
        }
        if !source[position..].starts_with('.') {
            return Ok((Token::Word(parts), position - start));
        }
        position += 1;
    }
}

fn operator(source: &str, start: usize) -> Result<(Token, usize), ConditionError> {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let rest = &source[start..];
    // What other languages write for it.
    let foreign = [
        ("&&", "and"),
        ("&", "and"),
        ("||", "or"),
        ("|", "or"),
        ("<>", "!="),
        ("=>", ">="),
        ("=<", "<="),
        ("===", "=="),
        ("!==", "!="),
    ];
    let ours = [
        ("==", Equal),
        ("!=", NotEqual),
        ("<=", LessOrEqual),
        (">=", GreaterOrEqual),
        ("<", Less),
        (">", Greater),
    ];
    if let Some((sign, word)) = foreign.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Err(unknown(sign, start).hint(format!("write `{word}`")));
    }
    if let Some((sign, operator)) = ours.iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Ok((Token::Operator(*operator), sign.len()));
    }
    let end = rest.chars().next().map_or(0, char::len_utf8);
    let error = unknown(&rest[..end], start);
    Err(match &rest[..end] {
        "!" => error.hint("write `not`"),
        "=" => error.hint("write `==`"),
        "+" | "-" | "*" | "/" | "%" => {
            error.hint("a condition compares values and does not calculate: let a step report what it needs as a metric")
        }
        "{" => error.hint("names stand without braces: `param.NAME`"),
        _ => error,
    })
}

fn unknown(sign: &str, start: usize) -> ConditionError {
    let message = format!("{} means nothing in a condition", quoted(sign));
    ConditionError::new(start..start + sign.len(), message)
}
