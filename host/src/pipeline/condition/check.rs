//! What can be known of a condition before anything has run: the types of its values.

use std::ops::Range;

use serde_json::Value;

use super::{ConditionError, Expression, Fact, Operator};
use crate::pipeline::error::quoted;

/// The type of a value, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Number,
    Text,
    List,
    Table,
    Null,
    /// Metadata may be anything.
    Unknown,
}

impl Kind {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Table,
        }
    }

    fn spoken(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Table => "a table",
            Self::Null => "null",
            Self::Unknown => "not known",
        }
    }
}

/// The type of a value, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    Kind::of(value).spoken()
}

pub(super) fn check(expression: &Expression, source: &str) -> Result<(), ConditionError> {
    boolean(expression, source)
}

fn boolean(expression: &Expression, source: &str) -> Result<(), ConditionError> {
    let found = kind_of(expression, source)?;
    if matches!(found, Kind::Boolean | Kind::Unknown) {
        return Ok(());
    }
    let (span, written) = written(expression, source);
    let message = format!("{written} is {}, and not true or false", found.spoken());
    let error = ConditionError::new(span, message);
    Err(match (found, expression) {
        (Kind::Number | Kind::Text, Expression::Named(_)) => {
            error.hint("compare it with something: `==`, `!=`, `<`, `<=`, `>`, `>=` or `in`")
        }
        _ => error,
    })
}

fn kind_of(expression: &Expression, source: &str) -> Result<Kind, ConditionError> {
    match expression {
        Expression::Literal(value) => Ok(Kind::of(value)),
        Expression::Named(named) => Ok(match &named.fact {
            Fact::Param { value, .. } => Kind::of(value),
            Fact::Metric { .. } => Kind::Number,
            Fact::Metadata { .. } => Kind::Unknown,
        }),
        Expression::List(items) => {
            for item in items {
                kind_of(item, source)?;
            }
            Ok(Kind::List)
        }
        Expression::Not(inner) => boolean(inner, source).map(|()| Kind::Boolean),
        Expression::All(inner) | Expression::Any(inner) => {
            inner.iter().try_for_each(|inner| boolean(inner, source))?;
            Ok(Kind::Boolean)
        }
        Expression::Compare { operator, left, right } => {
            let kinds = (kind_of(left, source)?, kind_of(right, source)?);
            if !can_be_compared(*operator, kinds) {
                return Err(incomparable(*operator, (left, right), kinds, source));
            }
            Ok(Kind::Boolean)
        }
    }
}

fn can_be_compared(operator: Operator, kinds: (Kind, Kind)) -> bool {
    use Kind::{List, Null, Number, Table, Text, Unknown};
    match operator {
        // Whatever can be told apart; but a number is never a text, and whoever asks means something else.
        Operator::Equal | Operator::NotEqual => {
            let (left, right) = kinds;
            left == right || [left, right].iter().any(|kind| matches!(kind, Unknown | Null))
        }
        Operator::In | Operator::NotIn => {
            matches!(kinds, (_, List | Unknown) | (Text | Unknown, Text | Table))
        }
        _ => matches!(
            kinds,
            (Number, Number)
                | (Text, Text)
                | (Unknown, Number | Text | Unknown)
                | (Number | Text, Unknown)
        ),
    }
}

fn incomparable(
    operator: Operator,
    (left, right): (&Expression, &Expression),
    kinds: (Kind, Kind),
    source: &str,
) -> ConditionError {
    let ((start, left), (end, right)) = (written(left, source), written(right, source));
    let span = start.start.min(end.start)..end.end.max(start.end);
    let (sign, left_kind, right_kind) = (operator.sign(), kinds.0.spoken(), kinds.1.spoken());
    ConditionError::new(
        span,
        format!("`{sign}` cannot compare {left} with {right}: {left_kind} and {right_kind}"),
    )
}

/// Where an operand stands, and how it is told; of what has no place of its own, the whole.
fn written(expression: &Expression, source: &str) -> (Range<usize>, String) {
    match expression {
        Expression::Named(named) => (named.span.clone(), quoted(&source[named.span.clone()])),
        Expression::Literal(value) => (0..source.len(), quoted(&value.to_string())),
        Expression::List(_) => (0..source.len(), "the list".to_owned()),
        _ => (0..source.len(), "what stands in brackets".to_owned()),
    }
}
