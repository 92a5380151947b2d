//! A pipeline that is a step of another one: read from its own file, with the params that the step gives it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::draft::{Draft, StepDraft};
use super::error::{Complaint, Problems, quoted};
use super::files::{Files, Refusal, plain};
use super::params;
use super::resolve::{Resolved, resolve};
use super::source::{Located, Source, Span};
use super::{Format, document, draft};
use crate::nearest::suggestion;

/// The word that stands for what comes from outside in the inputs of an inner pipeline: `inputs.dataset`.
pub(super) const OUTSIDE: &str = "inputs";

/// Reads the pipeline that a step is. What is wrong in its file is told with the places of that file; what is wrong with
/// how the step uses it, with those of the step. Then there is none.
pub(super) fn read(
    step: &StepDraft,
    named: &Located<String>,
    params: &BTreeMap<String, Value>,
    root: &Path,
    files: &Files<'_>,
    problems: &mut Problems<'_>,
) -> Option<Resolved> {
    let path = plain(&root.join(&named.value));
    let name = files.name_of(&named.value);
    let files = match files.within(&path, &name) {
        Ok(files) => files,
        Err(refusal) => {
            problems.at(named.span, || refused(refusal));
            return None;
        }
    };
    let text = match files.load(&path) {
        Ok(text) => text,
        Err(error) => {
            problems.at(named.span, || Complaint::new(unread(&name, &error.to_string())));
            return None;
        }
    };
    let source = Source::new(&name, &text);
    let read = || {
        let document = document::parse(&source, Format::of(&path))?;
        let mut inner = Problems::of(&source);
        let draft = draft::read(&document, Format::of(&path), &mut inner);
        inner.none_or(draft)
    };
    let mut draft = match read() {
        Ok(read) => read,
        Err(error) => {
            problems.absorb(error);
            return None;
        }
    };
    let spans = spans_of_params(step);
    give(&mut draft, params, &spans, &name, problems);
    inputs(step, &draft, named, &name, problems);
    let mut inner = Problems::of(&source);
    let base = path.parent().unwrap_or(&path);
    let resolved = resolve(draft, base, &[], &files, &mut inner);
    match inner.none_or(resolved) {
        Ok(resolved) => Some(resolved),
        Err(error) => {
            problems.absorb(error);
            None
        }
    }
}

fn refused(refusal: Refusal) -> Complaint {
    match refusal {
        Refusal::Circle(names) => {
            let circle = names.iter().chain(names.first()).map(String::as_str);
            let circle = circle.collect::<Vec<_>>().join(" -> ");
            Complaint::new(format!("the pipeline contains itself: {circle}"))
        }
        Refusal::TooMany => {
            Complaint::new("too many pipelines are used as steps of each other".to_owned())
        }
    }
}

/// The sentence of an error that names the path is used with the name that is written.
fn unread(name: &str, error: &str) -> String {
    match error.rsplit_once("`: ") {
        Some((_, cause)) => format!("cannot read the pipeline file `{name}`: {cause}"),
        None => error.to_owned(),
    }
}

fn spans_of_params(step: &StepDraft) -> BTreeMap<&str, Span> {
    step.params.iter().map(|param| (param.name().value.as_str(), param.name().span)).collect()
}

/// Puts the params that the step gives in the place of the defaults.
fn give(
    draft: &mut Draft,
    given: &BTreeMap<String, Value>,
    spans: &BTreeMap<&str, Span>,
    name: &str,
    problems: &mut Problems<'_>,
) {
    for (key, value) in given {
        let span = spans.get(key.as_str()).copied().unwrap_or_default();
        let default = draft.params.iter_mut().find(|(param, _)| param.value == *key);
        let Some((_, default)) = default else {
            let names = draft.params.iter().map(|(param, _)| param.value.as_str());
            problems.at(span, || {
                let hint = suggestion(key, "its params", names);
                Complaint::new(format!("pipeline `{name}` has no param {}", quoted(key)))
                    .hint(hint.unwrap_or_else(|| "it has no `[params]`".to_owned()))
            });
            continue;
        };
        match params::in_type_of(value, default) {
            Ok(value) => *default = value,
            Err(wanted) => problems.at(span, || {
                Complaint::new(format!(
                    "param {} must be {wanted}, as its default {} in `{name}` is, not {}",
                    quoted(key),
                    quoted(&params::text(default)),
                    quoted(&params::text(value))
                ))
            }),
        }
    }
}

/// Checks that the step gives the pipeline what it takes.
fn inputs(
    step: &StepDraft,
    draft: &Draft,
    named: &Located<String>,
    name: &str,
    problems: &mut Problems<'_>,
) {
    let wanted = || draft.inputs.iter().map(|input| input.value.as_str());
    for input in &step.inputs {
        let given = &input.name;
        if !wanted().any(|wanted| wanted == given.value) {
            problems.at(given.span, || {
                let hint = suggestion(&given.value, "its inputs", wanted());
                Complaint::new(format!("pipeline `{name}` takes no input {}", quoted(&given.value)))
                    .hint(hint.unwrap_or_else(|| "it declares no `inputs`".to_owned()))
            });
        }
    }
    for wanted in wanted() {
        if !step.inputs.iter().any(|input| input.name.value == wanted) {
            problems.at(named.span, || {
                let step = quoted(&step.name.value);
                Complaint::new(format!(
                    "pipeline `{name}` takes an input `{wanted}`, which step {step} does not give it"
                ))
                .hint(format!("add `inputs = {{ {wanted} = \"STEP.OUTPUT\" }}` to the step"))
            });
        }
    }
}
