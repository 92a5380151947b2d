//! Whether a condition is so.

use std::cell::RefCell;
use std::cmp::Ordering;

use serde_json::Value;

use super::check::kind;
use super::{Expression, Fact, Named, Operator};
use crate::pipeline::params::text;

/// Whether a condition is so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Holds,
    /// It is not so; the values that it looked at, in words: `0.87`, or `param.deploy is false, metric.a.b is 3`.
    Fails {
        found: String,
    },
}

pub(super) fn evaluate(
    expression: &Expression,
    source: &str,
    value_of: &dyn Fn(&Fact) -> Result<Value, String>,
) -> Result<Verdict, String> {
    let evaluation = Evaluation { source, value_of, seen: RefCell::default() };
    if evaluation.is_so(expression)? {
        return Ok(Verdict::Holds);
    }
    Ok(Verdict::Fails { found: evaluation.found() })
}

struct Evaluation<'e> {
    source: &'e str,
    value_of: &'e dyn Fn(&Fact) -> Result<Value, String>,
    /// Each name that was looked at, with its value.
    seen: RefCell<Vec<(String, Value)>>,
}

impl Evaluation<'_> {
    /// The values that were looked at.
    fn found(&self) -> String {
        match self.seen.borrow().as_slice() {
            [(_, value)] => shown(value),
            several => {
                let told =
                    several.iter().map(|(name, value)| format!("{name} is {}", shown(value)));
                told.collect::<Vec<_>>().join(", ")
            }
        }
    }

    fn is_so(&self, expression: &Expression) -> Result<bool, String> {
        match expression {
            Expression::Not(inner) => Ok(!self.is_so(inner)?),
            // What need not be looked at need not be there.
            Expression::All(inner) => self.is_one(inner, false).map(|is_one| !is_one),
            Expression::Any(inner) => self.is_one(inner, true),
            Expression::Compare { operator, left, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                compare(*operator, &left, &right)
            }
            other => match self.value(other)? {
                Value::Bool(boolean) => Ok(boolean),
                value => {
                    Err(format!("{} is {}, and not true or false", shown(&value), kind(&value)))
                }
            },
        }
    }

    /// Whether one of these is so, or is not so. The others behind it are not looked at.
    fn is_one(&self, of: &[Expression], wanted: bool) -> Result<bool, String> {
        for expression in of {
            if self.is_so(expression)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn value(&self, expression: &Expression) -> Result<Value, String> {
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Named(Named { fact, span }) => {
                let value = match fact {
                    Fact::Param { value, .. } => value.clone(),
                    fact => (self.value_of)(fact)?,
                };
                let name = self.source.get(span.clone()).unwrap_or_default().to_owned();
                let mut seen = self.seen.borrow_mut();
                if !seen.iter().any(|(known, _)| *known == name) {
                    seen.push((name, value.clone()));
                }
                Ok(value)
            }
            Expression::List(items) => items.iter().map(|item| self.value(item)).collect(),
            other => Ok(Value::Bool(self.is_so(other)?)),
        }
    }
}

/// A value for people; of a long one, its start.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = match value {
        Value::String(text) => format!("`{text}`"),
        value => text(value).into_owned(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn compare(operator: Operator, left: &Value, right: &Value) -> Result<bool, String> {
    let order = || order(left, right).ok_or_else(|| incomparable(operator, left, right));
    Ok(match operator {
        Operator::Equal => is_equal(left, right),
        Operator::NotEqual => !is_equal(left, right),
        Operator::Less => order()? == Ordering::Less,
        Operator::LessOrEqual => order()? != Ordering::Greater,
        Operator::Greater => order()? == Ordering::Greater,
        Operator::GreaterOrEqual => order()? != Ordering::Less,
        Operator::In => is_in(left, right)?,
        Operator::NotIn => !is_in(left, right)?,
    })
}

/// As [`Value`] is compared, but that 1 is 1.0.
fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(_), Value::Number(_)) => order(left, right) == Some(Ordering::Equal),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| is_equal(a, b))
        }
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
        },
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn is_in(left: &Value, right: &Value) -> Result<bool, String> {
    match (left, right) {
        (_, Value::Array(items)) => Ok(items.iter().any(|item| is_equal(left, item))),
        (Value::String(part), Value::String(whole)) => Ok(whole.contains(part)),
        (Value::String(key), Value::Object(table)) => Ok(table.contains_key(key)),
        _ => Err(incomparable(Operator::In, left, right)),
    }
}

fn incomparable(operator: Operator, left: &Value, right: &Value) -> String {
    let (sign, left_kind, right_kind) = (operator.sign(), kind(left), kind(right));
    let (left, right) = (shown(left), shown(right));
    format!("`{sign}` cannot compare {left} with {right}: {left_kind} and {right_kind}")
}
