//! What a fan-out has an item for each of: what of it is known before a run is filled in, and what cannot be is reported.

use std::collections::BTreeMap;

use serde_json::Value;

use super::draft::{Each, Source, StepDraft};
use super::error::{Complaint, Problems, quoted};
use super::params::text;
use super::source::{Located, Span};
use super::step::Items;
use super::template::Slot;
use crate::nearest::suggestion;

/// What a step has an item for each of. The params are those of the pipeline, overrides applied.
pub(super) fn of(
    step: &StepDraft,
    params: &BTreeMap<String, Value>,
    problems: &mut Problems<'_>,
) -> BTreeMap<String, Items> {
    let mut items = BTreeMap::new();
    // The first list, and how long it is: all others must be as long.
    let mut first: Option<(&Each, usize)> = None;
    for each in &step.foreach {
        taken_twice(step, &each.name, problems);
        let values = match &each.from {
            Source::Output(input) => {
                items.insert(each.name.value.clone(), Items::Output(input.from.value.clone()));
                continue;
            }
            Source::Values(values) => values.clone(),
            Source::Param(param) => list(step, param, params, problems),
        };
        match first {
            None => first = Some((each, values.len())),
            Some((other, length)) if length != values.len() => {
                uneven((other, length), (each, values.len()), problems);
            }
            Some(_) => {}
        }
        items.insert(each.name.value.clone(), Items::Values(values));
    }
    items
}

/// The param that a list is.
fn list(
    step: &StepDraft,
    param: &Located<String>,
    params: &BTreeMap<String, Value>,
    problems: &mut Problems<'_>,
) -> Vec<Value> {
    let (of_step, name) = (quoted(&step.name.value), quoted(&param.value));
    match params.get(&param.value) {
        Some(Value::Array(values)) => return values.clone(),
        Some(other) => problems.at(param.span, || {
            Complaint::new(format!(
                "step {of_step} has an item for each of param {name}, which is no list: {}",
                quoted(&text(other))
            ))
        }),
        None => problems.at(param.span, || {
            let names = params.keys().map(String::as_str);
            let hint = suggestion(&param.value, "params", names);
            Complaint::new(format!(
                "step {of_step} has an item for each of param {name}, which the pipeline does not have"
            ))
            .hint(hint.unwrap_or_else(|| {
                format!("add it with a default: `{} = […]` under `[params]`", param.value)
            }))
        }),
    }
    Vec::new()
}

/// Reports a name that is also one of an input or a param.
fn taken_twice(step: &StepDraft, name: &Located<String>, problems: &mut Problems<'_>) {
    let inputs = step.inputs.iter().map(|input| ("input", &input.name));
    let params = step.params.iter().map(|param| ("param", param.name()));
    let mut others = inputs.chain(params);
    if let Some((called, other)) = others.find(|(_, other)| other.value == name.value) {
        let step = quoted(&step.name.value);
        let span: Span = other.span;
        problems.at(name.span, || {
            Complaint::new(format!(
                "each item of step {step} has a {} of its own, and so has the step",
                quoted(&name.value)
            ))
            .other(span, format!("this {called}"))
            .hint("give one of them another name".to_owned())
        });
    }
}

fn uneven(first: (&Each, usize), second: (&Each, usize), problems: &mut Problems<'_>) {
    let ((one, length), (other, other_length)) = (first, second);
    problems.at(other.span, || {
        Complaint::new(format!(
            "{} has {other_length} values, and {} has {length}: an item has one of each",
            quoted(&other.name.value),
            quoted(&one.name.value),
        ))
        .other(one.span, format!("{length} values"))
    });
}

/// What is wrong with an input that is asked for and that items have as a value.
pub(super) fn no_input(step: &StepDraft, slot: Slot, name: &str) -> Option<Complaint> {
    let is_value =
        |each: &&Each| each.name.value == name && !matches!(each.from, Source::Output(_));
    (slot == Slot::In).then(|| step.foreach.iter().find(is_value)).flatten()?;
    let step = quoted(&step.name.value);
    Some(
        Complaint::new(format!(
            "{} is a value of each item of step {step}, and no input",
            quoted(name)
        ))
        .hint(format!("write `{{param.{name}}}`")),
    )
}
