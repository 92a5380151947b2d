//! Conditions: whether a step runs, said in a small language. `param.deploy and metric.evaluate.accuracy >= 0.9`

mod check;
mod error;
mod evaluate;
mod parser;
mod token;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::step::OutputRef;

pub(super) use error::ConditionError;
pub use evaluate::Verdict;

/// What must be so for a step to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Condition {
    /// As it is written.
    source: String,
    expression: Expression,
}

/// A condition on its journey: the tree follows from the text, but for what became of its names.
#[derive(Serialize, Deserialize)]
struct Stored {
    source: String,
    facts: Vec<Fact>,
}

impl From<Condition> for Stored {
    fn from(condition: Condition) -> Self {
        let facts = condition.named().into_iter().map(|named| named.fact.clone()).collect();
        Self { source: condition.source, facts }
    }
}

impl TryFrom<Stored> for Condition {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let mut condition = Self::parse(&stored.source).map_err(|error| error.message)?;
        let mut facts = stored.facts.into_iter();
        condition.change(&mut |fact| {
            if let Some(stored) = facts.next() {
                *fact = stored;
            }
        });
        Ok(condition)
    }
}

/// What a condition knows something of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// `param.NAME`: a param, with its value for this run.
    Param { name: String, value: Value },
    /// `metric.STEP.NAME`: the last value of a metric that a step reported.
    Metric { step: String, name: String },
    /// `metadata.STEP.OUTPUT.KEY`: what a step said of one of its outputs. More keys lead further inside.
    Metadata { of: OutputRef, keys: Vec<String> },
}

impl Fact {
    /// The step that it is about.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::Param { .. } => None,
            Self::Metric { step, .. } => Some(step),
            Self::Metadata { of, .. } => Some(&of.step),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Literal(Value),
    List(Vec<Self>),
    Named(Named),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
    Compare { operator: Operator, left: Box<Self>, right: Box<Self> },
}

/// A fact, and where in the source it is named.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub fact: Fact,
    pub span: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

impl Operator {
    fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }
}

impl Condition {
    /// Reads a condition. What its names lead to is not looked at.
    pub(super) fn parse(source: &str) -> Result<Self, ConditionError> {
        let expression = parser::parse(source)?;
        Ok(Self { source: source.to_owned(), expression })
    }

    /// The condition as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it knows something of, in the order of the text.
    pub fn named(&self) -> Vec<&Named> {
        let mut named = Vec::new();
        collect(&self.expression, &mut named);
        named
    }

    /// The steps that it is about; a name may come more than once.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.named().into_iter().filter_map(|named| named.fact.step())
    }

    /// Changes what it knows something of.
    pub(super) fn change(&mut self, change: &mut dyn FnMut(&mut Fact)) {
        change_in(&mut self.expression, change);
    }

    /// Finds what can never be compared, as far as the types of values are known.
    pub(super) fn check(&self) -> Result<(), ConditionError> {
        check::check(&self.expression, &self.source)
    }

    /// Whether it is so. `value_of` gives the values of metrics and metadata.
    ///
    /// # Errors
    /// In words: a value is not there, or values cannot be compared.
    pub fn evaluate(
        &self,
        value_of: &dyn Fn(&Fact) -> Result<Value, String>,
    ) -> Result<Verdict, String> {
        evaluate::evaluate(&self.expression, &self.source, value_of)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A long one may be written on several lines.
        let words: Vec<_> = self.source.split_whitespace().collect();
        f.write_str(&words.join(" "))
    }
}

fn collect<'e>(expression: &'e Expression, named: &mut Vec<&'e Named>) {
    match expression {
        Expression::Literal(_) => {}
        Expression::Named(one) => named.push(one),
        Expression::List(inner) | Expression::All(inner) | Expression::Any(inner) => {
            inner.iter().for_each(|inner| collect(inner, named));
        }
        Expression::Not(inner) => collect(inner, named),
        Expression::Compare { left, right, .. } => {
            collect(left, named);
            collect(right, named);
        }
    }
}

fn change_in(expression: &mut Expression, change: &mut dyn FnMut(&mut Fact)) {
    match expression {
        Expression::Literal(_) => {}
        Expression::Named(named) => change(&mut named.fact),
        Expression::List(inner) | Expression::All(inner) | Expression::Any(inner) => {
            inner.iter_mut().for_each(|inner| change_in(inner, change));
        }
        Expression::Not(inner) => change_in(inner, change),
        Expression::Compare { left, right, .. } => {
            change_in(left, change);
            change_in(right, change);
        }
    }
}

#[cfg(test)]
mod tests;
