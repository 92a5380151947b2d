//! Params: their text, and the overrides that `-p KEY=VALUE` gives.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::document::value_of;
use super::error::{Complaint, Problems, quoted};
use crate::nearest::suggestion;

/// A param as the placeholder and the environment variable give it: scalars as text, others as JSON.
pub fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        value => Cow::Owned(value.to_string()),
    }
}

/// Puts the overrides in the place of the defaults.
pub(super) fn apply(
    params: &mut BTreeMap<String, Value>,
    overrides: &[(String, String)],
    owners: impl Fn(&str) -> Option<String>,
    problems: &mut Problems<'_>,
) {
    for (key, typed) in overrides {
        let Some(default) = params.get(key) else {
            problems.without_place(|| unknown(key, params, owners(key)));
            continue;
        };
        match fit(typed, default) {
            Ok(value) => {
                params.insert(key.clone(), value);
            }
            Err(wanted) => problems.without_place(|| misfit(key, typed, default, wanted)),
        }
    }
}

fn unknown(key: &str, params: &BTreeMap<String, Value>, owner: Option<String>) -> Complaint {
    let complaint = Complaint::new(format!("there is no param {} to override", quoted(key)));
    if let Some(step) = owner {
        let (key, step) = (quoted(key), quoted(&step));
        return complaint.hint(format!(
            "{key} is a param of step {step} alone; only those under `[params]` can be overridden"
        ));
    }
    let hint = suggestion(key, "params of the pipeline", params.keys().map(String::as_str));
    complaint.hint(hint.unwrap_or_else(|| "the pipeline has no `[params]`".to_owned()))
}

fn misfit(key: &str, typed: &str, default: &Value, wanted: &str) -> Complaint {
    let (key, default_text) = (quoted(key), quoted(&text(default)));
    let complaint = Complaint::new(format!(
        "param {key} must be {wanted}, as its default {default_text} is, not {}",
        quoted(typed)
    ));
    if default.is_number() && value_of(typed).is_some_and(|value| value.is_number()) {
        return complaint.hint(format!("a default of `{default}.0` would allow fractions"));
    }
    complaint
}

/// What was typed, in the type that the default has; or what it had to be.
fn fit(typed: &str, default: &Value) -> Result<Value, &'static str> {
    if typed.contains('\0') {
        return Err("free of NUL characters");
    }
    let value = value_of(typed);
    let as_typed = || Value::String(typed.to_owned());
    match (default, value) {
        (Value::String(_), Some(Value::String(text))) if is_quoted(typed) => {
            Ok(Value::String(text))
        }
        (Value::String(_), _) => Ok(as_typed()),
        (Value::Null, value) => Ok(value.unwrap_or_else(as_typed)),
        (Value::Bool(_), Some(value @ Value::Bool(_))) => Ok(value),
        (Value::Bool(_), _) => Err("`true` or `false`"),
        (Value::Number(default), Some(Value::Number(number))) => number_like(number, default),
        (Value::Number(default), _) if default.is_f64() => Err("a number"),
        (Value::Number(_), _) => Err("a whole number"),
        (Value::Array(_), value) => or_json(typed, value).filter(Value::is_array).ok_or("a list"),
        (Value::Object(_), value) => {
            or_json(typed, value).filter(Value::is_object).ok_or("a table")
        }
    }
}

/// A date is read as a string too, but then what was typed is the string.
fn is_quoted(typed: &str) -> bool {
    typed.trim_start().starts_with(['"', '\''])
}

/// Lists and tables may be typed as JSON too: whoever wrote the pipeline as JSON thinks in it.
fn or_json(typed: &str, value: Option<Value>) -> Option<Value> {
    value.or_else(|| serde_json::from_str(typed).ok())
}

/// A value that is given to an inner pipeline, in the type that its default has; or what it had to be.
pub(super) fn in_type_of(value: &Value, default: &Value) -> Result<Value, &'static str> {
    match (default, value) {
        (Value::Null, value) => Ok(value.clone()),
        (Value::Number(default), Value::Number(number)) => number_like(number.clone(), default),
        (Value::Number(default), _) if default.is_f64() => Err("a number"),
        (Value::Number(_), _) => Err("a whole number"),
        (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Array(_), Value::Array(_))
        | (Value::Object(_), Value::Object(_)) => Ok(value.clone()),
        (Value::String(_), _) => Err("a text"),
        (Value::Bool(_), _) => Err("`true` or `false`"),
        (Value::Array(_), _) => Err("a list"),
        (Value::Object(_), _) => Err("a table"),
    }
}

fn number_like(number: Number, default: &Number) -> Result<Value, &'static str> {
    match (number.is_f64(), default.is_f64()) {
        (true, false) => Err("a whole number"),
        (false, true) => {
            let float = number.as_f64().and_then(Number::from_f64);
            Ok(Value::Number(float.unwrap_or(number)))
        }
        _ => Ok(Value::Number(number)),
    }
}
