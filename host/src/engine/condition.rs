//! Whether the conditions of a step are so, by what the steps have left that they are about.

use serde_json::{Map, Value};

use super::state::Made;
use crate::nearest::suggestion;
use crate::pipeline::{Fact, OutputRef, Step, Verdict};

/// What the step of a name has left, if it has ended well.
pub(super) type Left<'l, 'm> = dyn Fn(&str) -> Option<Made<'m>> + 'l;

/// The condition of a step that is not so, in words.
///
/// # Errors
/// It cannot be told whether one is; in words.
pub(super) fn unfulfilled(step: &Step, left: &Left<'_, '_>) -> Result<Option<String>, String> {
    for condition in &step.when {
        let found = match condition.evaluate(&|fact| value_of(fact, left)) {
            Ok(Verdict::Holds) => continue,
            Ok(Verdict::Fails { found }) => found,
            Err(why) => return Err(format!("`when: {condition}` cannot be told: {why}")),
        };
        let found = if found.is_empty() { found } else { format!(" ({found})") };
        return Ok(Some(format!("`when: {condition}` is false{found}")));
    }
    Ok(None)
}

fn value_of(fact: &Fact, left: &Left<'_, '_>) -> Result<Value, String> {
    match fact {
        Fact::Param { value, .. } => Ok(value.clone()),
        Fact::Metric { step, name } => metric(step, name, left),
        Fact::Metadata { of, keys } => metadata(of, keys, left),
    }
}

fn metric(step: &str, name: &str, left: &Left<'_, '_>) -> Result<Value, String> {
    let Some(made) = left(step) else { return Err(not_ended(step)) };
    if let Some(value) = made.metrics.get(name) {
        return Ok(Value::from(*value));
    }
    let known = made.metrics.keys().map(String::as_str);
    Err(match suggestion(name, "its metrics", known) {
        Some(hint) => format!("step `{step}` has reported no metric `{name}`; {hint}"),
        None => format!("step `{step}` has reported no metrics"),
    })
}

fn not_ended(step: &str) -> String {
    format!("step `{step}` has not ended well")
}

fn metadata(of: &OutputRef, keys: &[String], left: &Left<'_, '_>) -> Result<Value, String> {
    let Some(made) = left(&of.step) else { return Err(not_ended(&of.step)) };
    let Some(artifact) = made.outputs.get(&of.output) else {
        return Err(format!("step `{}` has left no output `{}`", of.step, of.output));
    };
    let absent = |table: Option<&Map<String, Value>>, key: &str| {
        let known = table.into_iter().flat_map(|table| table.keys().map(String::as_str));
        let hint = suggestion(key, "there is", known).map(|hint| format!("; {hint}"));
        let hint = hint.unwrap_or_default();
        format!("the metadata of `{of}` has no `{}`{hint}", keys.join("."))
    };
    let Some((first, rest)) = keys.split_first() else { return Ok(Value::Null) };
    let table = &artifact.metadata;
    let mut value = table.get(first).ok_or_else(|| absent(Some(table), first))?;
    for key in rest {
        let inner = match value {
            Value::Object(table) => table.get(key),
            Value::Array(items) => key.parse().ok().and_then(|at: usize| items.get(at)),
            _ => None,
        };
        value = inner.ok_or_else(|| absent(value.as_object(), key))?;
    }
    Ok(value.clone())
}
