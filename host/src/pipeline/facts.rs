//! What the names in a condition lead to: params get their values, and what leads nowhere is reported.

use std::collections::BTreeMap;

use serde_json::Value;

use super::condition::{Fact, Named};
use super::draft::{StepDraft, When};
use super::error::{Complaint, Problems, quoted};
use super::known::Known;
use super::step::OutputRef;
use crate::nearest::suggestion;

/// Puts the values of params into the condition of a step. A step may use its own, too.
pub(super) fn fill(
    when: &mut When,
    seen: &BTreeMap<String, Value>,
    params: &BTreeMap<String, Value>,
) {
    when.condition.change(&mut |fact| {
        if let Fact::Param { name, value } = fact
            && let Some(found) = seen.get(name).or_else(|| params.get(name))
        {
            value.clone_from(found);
        }
    });
}

/// Follows the names in the condition of a step; the result is the places of the steps that it waits for.
pub(super) fn follow(
    step: &StepDraft,
    when: &When,
    known: &Known<'_>,
    params: &[&BTreeMap<String, Value>],
    problems: &mut Problems<'_>,
) -> Vec<usize> {
    let mut needs = Vec::new();
    let mut is_fine = true;
    for Named { fact, span } in when.condition.named() {
        let span = when.locate(problems.source, span.clone());
        let found = match fact {
            Fact::Param { name, .. } => param(name, params).map(|()| None),
            Fact::Metric { step: of, .. } => known.step_of_metric(of).map(Some),
            Fact::Metadata { of, .. } => metadata(of, known),
        };
        match found {
            Ok(Some(place)) if known.name(place) == step.name.value => {
                is_fine = false;
                problems.at(span, || {
                    let step = quoted(&step.name.value);
                    Complaint::new(format!("the condition of step {step} is about the step itself"))
                });
            }
            Ok(place) => needs.extend(place),
            Err(complaint) => {
                is_fine = false;
                problems.at(span, || complaint);
            }
        }
    }
    // A name that leads nowhere has no type.
    if is_fine && let Err(error) = when.condition.check() {
        let span = when.locate(problems.source, error.span);
        problems.at(span, || Complaint::new(error.message).hint_if_any(error.hint));
    }
    needs
}

fn param(name: &str, params: &[&BTreeMap<String, Value>]) -> Result<(), Complaint> {
    if params.iter().any(|params| params.contains_key(name)) {
        return Ok(());
    }
    let names = params.iter().flat_map(|params| params.keys().map(String::as_str));
    let complaint = Complaint::new(format!("there is no param {}", quoted(name)));
    Err(complaint.hint(
        suggestion(name, "params", names)
            .unwrap_or_else(|| format!("add it with a default: `{name} = …` under `[params]`")),
    ))
}

fn metadata(of: &OutputRef, known: &Known<'_>) -> Result<Option<usize>, Complaint> {
    if known.is_outside(of) {
        return known.input_from_outside(&of.output).map(|()| None);
    }
    known.step_of_metadata(of).map(Some)
}
