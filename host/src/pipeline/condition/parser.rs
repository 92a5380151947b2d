//! From words to a tree. `or` binds weakest, then `and`, then `not`, then comparisons.

use std::ops::Range;

use serde_json::Value;

use super::token::{Located, Token, tokens};
use super::{ConditionError, Expression, Fact, Named, Operator};
use crate::nearest::nearest;
use crate::pipeline::error::quoted;
use crate::pipeline::step::OutputRef;

/// Deeper ones would need a deep stack; nobody reads them.
const DEEPEST: usize = 64;

/// What may stand at the start of a word.
const KNOWN: [&str; 10] =
    ["param", "metric", "metadata", "true", "false", "null", "and", "or", "not", "in"];

pub(super) fn parse(source: &str) -> Result<Expression, ConditionError> {
    let tokens = tokens(source)?;
    let mut parser = Parser { source, tokens: &tokens, position: 0, depth: 0 };
    let expression = parser.or()?;
    match parser.peek() {
        None => Ok(expression),
        Some((token, span)) => Err(parser.left_over(token, span.clone())),
    }
}

struct Parser<'s> {
    source: &'s str,
    tokens: &'s [Located],
    position: usize,
    depth: usize,
}

type Parsed = Result<Expression, ConditionError>;

impl<'s> Parser<'s> {
    fn peek(&self) -> Option<&'s Located> {
        self.tokens.get(self.position)
    }

    fn is_next(&self, wanted: &Token) -> bool {
        self.peek().is_some_and(|(token, _)| token == wanted)
    }

    fn takes(&mut self, wanted: &Token) -> bool {
        let is_next = self.is_next(wanted);
        self.position += usize::from(is_next);
        is_next
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(vec![word.to_owned()]))
    }

    /// Where the last token ends.
    fn end(&self) -> usize {
        self.position.checked_sub(1).map_or(0, |last| self.tokens[last].1.end)
    }

    fn or(&mut self) -> Parsed {
        let first = self.and()?;
        let mut all = vec![first];
        while self.takes_word("or") {
            all.push(self.and()?);
        }
        Ok(only(&mut all).unwrap_or(Expression::Any(all)))
    }

    fn and(&mut self) -> Parsed {
        let first = self.not()?;
        let mut all = vec![first];
        while self.takes_word("and") {
            all.push(self.not()?);
        }
        Ok(only(&mut all).unwrap_or(Expression::All(all)))
    }

    fn not(&mut self) -> Parsed {
        if self.takes_word("not") {
            let inner = self.deeper(Self::not)?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        self.comparison()
    }

    fn deeper(&mut self, parse: fn(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            let message = "the condition is nested too deeply to be read";
            return Err(ConditionError::new(0..self.source.len(), message));
        }
        let parsed = parse(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.operand()?;
        let Some(operator) = self.operator() else { return Ok(left) };
        let right = self.operand()?;
        let before_next = self.position;
        if self.operator().is_some() {
            let span = self.tokens[before_next].1.clone();
            return Err(ConditionError::new(span, "comparisons cannot be chained")
                .hint("write each by itself: `a < b and b < c`"));
        }
        Ok(Expression::Compare { operator, left: Box::new(left), right: Box::new(right) })
    }

    fn operator(&mut self) -> Option<Operator> {
        if let Some((Token::Operator(operator), _)) = self.peek() {
            self.position += 1;
            return Some(*operator);
        }
        if self.takes_word("in") {
            return Some(Operator::In);
        }
        let before = self.position;
        if self.takes_word("not") && self.takes_word("in") {
            return Some(Operator::NotIn);
        }
        self.position = before;
        None
    }

    fn operand(&mut self) -> Parsed {
        let Some((token, span)) = self.peek() else { return Err(self.missing()) };
        match token {
            Token::Literal(value) => {
                self.position += 1;
                Ok(Expression::Literal(value.clone()))
            }
            Token::Word(parts) => {
                if let [word] = parts.as_slice()
                    && ["and", "or", "not", "in"].contains(&word.as_str())
                {
                    return Err(self.missing());
                }
                self.position += 1;
                named(self.source, parts, span.clone())
            }
            Token::Open => {
                self.position += 1;
                let inner = self.deeper(Self::or)?;
                self.close(&Token::Close, span, "`(`", "`)`")?;
                Ok(inner)
            }
            Token::OpenList => {
                self.position += 1;
                self.list(span)
            }
            Token::Operator(_) | Token::Close | Token::CloseList | Token::Comma => {
                Err(self.missing())
            }
        }
    }

    fn list(&mut self, open: &Range<usize>) -> Parsed {
        let mut items = Vec::new();
        while !self.is_next(&Token::CloseList) {
            items.push(self.deeper(Self::operand)?);
            if !self.takes(&Token::Comma) {
                break;
            }
        }
        self.close(&Token::CloseList, open, "`[`", "`]`")?;
        Ok(Expression::List(items))
    }

    fn close(
        &mut self,
        token: &Token,
        open: &Range<usize>,
        opened: &str,
        closed: &str,
    ) -> Result<(), ConditionError> {
        if self.takes(token) {
            return Ok(());
        }
        match self.peek() {
            Some((token, span)) => Err(self.left_over(token, span.clone())),
            None => {
                let message = format!("{opened} has no {closed}");
                Err(ConditionError::new(open.clone(), message))
            }
        }
    }

    /// There should be a value here.
    fn missing(&self) -> ConditionError {
        let end = self.end();
        if self.position == 0 {
            let span = self.peek().map_or(0..self.source.len(), |(_, span)| span.clone());
            return match self.source.trim() {
                "" => ConditionError::new(span, "the condition is empty"),
                _ => ConditionError::new(span.clone(), {
                    format!("a value is missing in front of {}", quoted(&self.source[span]))
                }),
            };
        }
        let (_, before) = &self.tokens[self.position - 1];
        let message = format!("a value is missing behind {}", quoted(&self.source[before.clone()]));
        ConditionError::new(before.start..end, message)
    }

    /// There should be nothing more here.
    fn left_over(&self, token: &Token, span: Range<usize>) -> ConditionError {
        let written = quoted(&self.source[span.clone()]);
        let before = self.position.checked_sub(1).map(|last| self.tokens[last].1.clone());
        let behind = before
            .map_or_else(String::new, |before| format!(" behind {}", quoted(&self.source[before])));
        let error = ConditionError::new(span, format!("{written} cannot stand{behind}"));
        match token {
            Token::Close => error.hint("there is no `(` for it"),
            Token::CloseList => error.hint("there is no `[` for it"),
            _ => error.hint("`and`, `or` or a comparison must stand between two values"),
        }
    }
}

/// The expression, if there is only one.
fn only(all: &mut Vec<Expression>) -> Option<Expression> {
    if all.len() == 1 { all.pop() } else { None }
}

/// What a word means.
fn named(source: &str, parts: &[String], span: Range<usize>) -> Parsed {
    let texts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let literal = |value: Value| Ok(Expression::Literal(value));
    let fact = match texts.as_slice() {
        ["true"] => return literal(Value::Bool(true)),
        ["false"] => return literal(Value::Bool(false)),
        ["null"] => return literal(Value::Null),
        ["param", name] => Fact::Param { name: (*name).to_owned(), value: Value::Null },
        ["metric", step, name] => {
            Fact::Metric { step: (*step).to_owned(), name: (*name).to_owned() }
        }
        ["metadata", step, output, keys @ ..] if !keys.is_empty() => Fact::Metadata {
            of: OutputRef { step: (*step).to_owned(), output: (*output).to_owned() },
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        },
        _ => return Err(unknown(source, &texts, span)),
    };
    Ok(Expression::Named(Named { fact, span }))
}

fn unknown(source: &str, parts: &[&str], span: Range<usize>) -> ConditionError {
    let written = quoted(&source[span.clone()]);
    let shape = match parts.first() {
        Some(&"param") => Some("`param.NAME`"),
        Some(&"metric") => Some("`metric.STEP.NAME`"),
        Some(&"metadata") => Some("`metadata.STEP.OUTPUT.KEY`"),
        _ => None,
    };
    if let Some(shape) = shape {
        return ConditionError::new(span, format!("{written} must be written {shape}"));
    }
    let error = ConditionError::new(span, format!("{written} means nothing in a condition"));
    let first = parts.first().copied().unwrap_or_default();
    // `meta.load.data.rows` and `metrics.a.b`, and what other languages have.
    let meant = match first {
        "None" | "nil" | "none" => Some("null"),
        "params" | "parameter" | "parameters" => Some("param"),
        "metrics" => Some("metric"),
        "meta" => Some("metadata"),
        _ => nearest(first, KNOWN),
    };
    match meant {
        Some(meant) if parts.len() > 1 => {
            error.hint(format!("did you mean `{meant}.{}`?", parts[1..].join(".")))
        }
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error.hint(
            "names are `param.NAME`, `metric.STEP.NAME` and `metadata.STEP.OUTPUT.KEY`; a text stands in quotes",
        ),
    }
}
