//! The TOML spelling.

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::{DeFloat, DeInteger, DeTable, DeValue, Error};

use super::{Data, Entry, Node};
use crate::pipeline::error::{Complaint, Problem, quoted};
use crate::pipeline::source::{Located, Source, Span};

pub(super) fn parse(source: &Source<'_>) -> Result<Node, Problem> {
    let table = match DeTable::parse(source.text) {
        Ok(table) => table,
        Err(error) => return Err(syntax(source, &earliest(source.text, error))),
    };
    let data = table_data(table.into_inner());
    let span = Span::default();
    match data {
        Ok(data) => Ok(Node { data, span }),
        Err((span, message)) => Err(Problem::at(source, span, Complaint::new(message))),
    }
}

/// The value that `text` is in TOML, if it is one.
pub(in crate::pipeline) fn value_of(text: &str) -> Option<Value> {
    let value = DeValue::parse(text).ok()?;
    Some(node(value).ok()?.to_value())
}

/// The parser reports what it notices first, which need not stand first: an unclosed string, say.
fn earliest(text: &str, error: Error) -> Error {
    let (_, errors) = DeTable::parse_recoverable(text);
    let start = |error: &Error| error.span().map_or(usize::MAX, |span| span.start);
    errors.into_iter().min_by_key(start).unwrap_or(error)
}

fn syntax(source: &Source<'_>, error: &Error) -> Problem {
    let end = source.text.len();
    let span = Span::from(error.span().unwrap_or(end..end));
    let complaint = match error.message() {
        "duplicate key" => {
            let key = quoted(source.slice(span));
            Complaint::new(format!("{key} is defined twice in the same table"))
        }
        message if message.contains("recurs") => {
            Complaint::new("the file is nested too deeply to be read")
        }
        message if message.starts_with("string values must be quoted") => {
            if source.line_at(span.start).text[..].trim_end().ends_with('=') {
                Complaint::new("a value is missing after `=`")
            } else {
                Complaint::new("a string must stand in quotes")
            }
        }
        message => Complaint::new(format!("the file is not valid TOML: {message}")),
    };
    Problem::at(source, span, complaint)
}

type Unfit = (Span, String);

fn node(spanned: Spanned<DeValue<'_>>) -> Result<Node, Unfit> {
    let span = Span::from(spanned.span());
    let data = match spanned.into_inner() {
        DeValue::String(text) => Data::String(text.into_owned()),
        DeValue::Integer(integer) => Data::Scalar(integer_value(&integer, span)?),
        DeValue::Float(float) => Data::Scalar(float_value(&float, span)?),
        DeValue::Boolean(boolean) => Data::Scalar(Value::Bool(boolean)),
        DeValue::Datetime(moment) => Data::String(moment.to_string()),
        DeValue::Array(items) => Data::List(items.into_iter().map(node).collect::<Result<_, _>>()?),
        DeValue::Table(table) => table_data(table)?,
    };
    Ok(Node { data, span })
}

fn table_data(table: DeTable<'_>) -> Result<Data, Unfit> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let span = Span::from(key.span());
        let key = Located { value: key.into_inner().into_owned(), span };
        entries.push(Entry { key, value: node(value)? });
    }
    entries.sort_by_key(|entry| entry.key.span.start);
    Ok(Data::Table(entries))
}

fn integer_value(integer: &DeInteger<'_>, span: Span) -> Result<Value, Unfit> {
    let (digits, radix) = (integer.as_str(), integer.radix());
    if let Ok(number) = i64::from_str_radix(digits, radix) {
        return Ok(Value::from(number));
    }
    match u64::from_str_radix(digits, radix) {
        Ok(number) => Ok(Value::from(number)),
        Err(_) => {
            let integer = quoted(&integer.to_string());
            Err((span, format!("{integer} is not a whole number of at most 64 bits")))
        }
    }
}

fn float_value(float: &DeFloat<'_>, span: Span) -> Result<Value, Unfit> {
    let number = float.as_str().parse().ok().and_then(Number::from_f64);
    match number {
        Some(number) => Ok(Value::Number(number)),
        None => {
            let float = quoted(float.as_str());
            Err((span, format!("{float} is not a finite number, and only those can be passed on")))
        }
    }
}
