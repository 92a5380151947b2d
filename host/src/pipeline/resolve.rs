//! From the shape of a file to what it means: every reference is followed, and what leads nowhere is reported.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Pipeline;
use super::data;
use super::draft::{Draft, Each, Input, Mention, Param, Source, StepDraft};
use super::error::{Complaint, Problems, quoted};
use super::facts;
use super::files::Files;
use super::graph::{Circle, Graph};
use super::inline::{Inlined, Use};
use super::inner::{self, OUTSIDE};
use super::items;
use super::known::{Known, Taker};
use super::names::variable;
use super::params;
use super::selection::Role;
use super::source::{Located, Span};
use super::step::{OutputRef, Step};
use super::template::Slot;
use crate::nearest::suggestion;

/// A pipeline, and what another one that has it as a step may name.
pub(super) struct Resolved {
    pub(super) pipeline: Pipeline,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<(String, OutputRef)>,
}

/// Reports what a pipeline lacks that is run by itself.
pub(super) fn is_whole(draft: &Draft, problems: &mut Problems<'_>) {
    if let Some(input) = draft.inputs.first() {
        problems.at(input.span, || {
            Complaint::new(format!(
                "the pipeline takes an input {} from outside, so it cannot be run by itself",
                quoted(&input.value)
            ))
            .hint(
                "use it as a step of another pipeline: `pipeline = \"FILE\"` in the place of `run`",
            )
        });
    }
}

/// The pipeline that the draft describes. It means nothing when a problem was reported.
pub(super) fn resolve(
    mut draft: Draft,
    base: &Path,
    overrides: &[(String, String)],
    files: &Files<'_>,
    problems: &mut Problems<'_>,
) -> Resolved {
    let root = draft.root.take().unwrap_or_else(|| absolute(base));
    let mut params: BTreeMap<String, Value> = std::mem::take(&mut draft.params)
        .into_iter()
        .map(|(name, value)| (name.value, value))
        .collect();
    let owner = |key: &str| owner(&draft.steps, key);
    params::apply(&mut params, overrides, owner, problems);

    let seen: Vec<_> = draft.steps.iter().map(|step| seen(step, &params, problems)).collect();
    let inner = inner_pipelines(&mut draft.steps, &seen, &root, files, problems);
    for (step, seen) in draft.steps.iter_mut().zip(&seen) {
        if let Some(when) = &mut step.when {
            facts::fill(when, seen, &params);
        }
    }
    outside(&draft, problems);
    let mut data: BTreeMap<_, _> = data::sources(&draft, &root, problems).into_iter().collect();

    let items: Vec<_> = draft.steps.iter().map(|step| items::of(step, &params, problems)).collect();
    let known = Known::new(&draft, &inner);
    let needs: Vec<Vec<usize>> = draft
        .steps
        .iter()
        .zip(&seen)
        .map(|(step, seen)| {
            let mut needs = needs(&known, step, problems);
            if let Some(when) = &step.when {
                needs.extend(facts::follow(step, when, &known, &[seen, &params], problems));
            }
            needs
        })
        .collect();
    let outputs = outputs(&known, &draft.outputs, problems);
    for step in &draft.steps {
        mentions(step, problems);
        variables(step, problems);
    }
    if problems.is_empty() {
        cycles(&draft.steps, needs, problems);
    }
    let mut inlined = Inlined::new(&draft.inputs, !draft.data.is_empty());
    let mut steps = Vec::with_capacity(draft.steps.len());
    for (((step, seen), items), inner) in draft.steps.into_iter().zip(seen).zip(items).zip(inner) {
        match inner {
            Some(inner) => {
                let (its_steps, its_data) = inlined.add(&used(step), inner);
                steps.extend(its_steps);
                data.extend(its_data);
            }
            None => steps.push(Step { foreach: items, ..finish(step, seen, &root) }),
        }
    }
    inlined.settle(&mut steps);
    let outputs = outputs.into_iter().map(|(name, from)| (name, inlined.output(&from)));
    let pipeline = Pipeline {
        name: draft.name,
        steps,
        params,
        data,
        root,
        timeout: draft.timeout,
        failure_policy: draft.failure_policy,
        hooks: draft.hooks,
    };
    let inputs = draft.inputs.into_iter().map(|input| input.value).collect();
    Resolved { pipeline, inputs, outputs: outputs.collect() }
}

/// The pipelines that steps are. They say what the outputs of those steps are.
fn inner_pipelines(
    steps: &mut [StepDraft],
    seen: &[BTreeMap<String, Value>],
    root: &Path,
    files: &Files<'_>,
    problems: &mut Problems<'_>,
) -> Vec<Option<Resolved>> {
    let mut pipelines = Vec::with_capacity(steps.len());
    for (step, seen) in steps.iter_mut().zip(seen) {
        let named = step.pipeline.clone();
        let inner =
            named.as_ref().and_then(|named| inner::read(step, named, seen, root, files, problems));
        if let (Some(inner), Some(Located { span, .. })) = (&inner, named) {
            let outputs = inner.outputs.iter();
            let located = |(name, _): &(String, _)| Located { value: name.clone(), span };
            step.outputs = outputs.map(located).collect();
        }
        pipelines.push(inner);
    }
    pipelines
}

/// Reports a step whose name means what comes from outside.
fn outside(draft: &Draft, problems: &mut Problems<'_>) {
    let step = draft.steps.iter().find(|step| step.name.value == OUTSIDE);
    if let (Some(step), Some(input)) = (step, draft.inputs.first()) {
        problems.at(step.name.span, || {
            Complaint::new(format!(
                "no step can be named `{OUTSIDE}` where the pipeline takes inputs from outside"
            ))
            .other(input.span, "such an input")
        });
    }
}

/// What a pipeline gives to the one that has it as a step.
fn outputs(
    known: &Known<'_>,
    outputs: &[Input],
    problems: &mut Problems<'_>,
) -> Vec<(String, OutputRef)> {
    for output in outputs {
        if known.is_outside(&output.from.value) || known.is_data(&output.from.value) {
            problems.at(output.from.span, || {
                let name = quoted(&output.name.value);
                Complaint::new(format!("output {name} of the pipeline must be one of a step"))
            });
        } else {
            known.producer(&Taker::Pipeline, output, problems);
        }
    }
    outputs.iter().map(|output| (output.name.value.clone(), output.from.value.clone())).collect()
}

/// How a step uses the pipeline that it is.
fn used(step: StepDraft) -> Use {
    let inputs = step.inputs.into_iter().map(|input| (input.name.value, input.from.value));
    let after = step.after.into_iter().map(|after| after.value);
    let when = step.when.map(|when| when.condition);
    Use { step: step.name.value, inputs: inputs.collect(), after: after.collect(), when }
}

fn absolute(base: &Path) -> PathBuf {
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    std::path::absolute(base).unwrap_or_else(|_| base.to_owned())
}

/// The step that has a param of this name for itself.
fn owner(steps: &[StepDraft], key: &str) -> Option<String> {
    let owns = |step: &&StepDraft| {
        step.params
            .iter()
            .any(|param| matches!(param, Param::Own { name, .. } if name.value == key))
    };
    steps.iter().find(owns).map(|step| step.name.value.clone())
}

/// The places of the steps that this step waits for.
fn needs(known: &Known<'_>, step: &StepDraft, problems: &mut Problems<'_>) -> Vec<usize> {
    let taker = Taker::Step(step);
    let inputs = taken(step).filter_map(|input| known.producer(&taker, input, problems));
    let mut needs: Vec<usize> = inputs.collect();
    needs.extend(step.after.iter().filter_map(|after| known.earlier(step, after, problems)));
    needs
}

/// What a step takes from others: its inputs, and what it has an item for each of.
fn taken(step: &StepDraft) -> impl Iterator<Item = &Input> {
    let items = step.foreach.iter().filter_map(|each| match &each.from {
        Source::Output(input) => Some(input),
        _ => None,
    });
    step.inputs.iter().chain(items)
}

/// Checks the placeholders for inputs and outputs of the step; those for params are checked where params are read.
fn mentions(step: &StepDraft, problems: &mut Problems<'_>) {
    let inputs: HashSet<&str> = taken(step).map(|input| input.name.value.as_str()).collect();
    let outputs: HashSet<&str> = step.outputs.iter().map(|output| output.value.as_str()).collect();
    for Mention { slot, name } in &step.mentions {
        let declared = match slot {
            Slot::In => &inputs,
            Slot::Out => &outputs,
            Slot::Param | Slot::Secret => continue,
        };
        if !declared.contains(name.value.as_str()) {
            let complaint = items::no_input(step, *slot, &name.value);
            problems.at(name.span, || {
                complaint.unwrap_or_else(|| undeclared(step, *slot, &name.value))
            });
        }
    }
}

fn undeclared(step: &StepDraft, slot: Slot, name: &str) -> Complaint {
    let of_step = quoted(&step.name.value);
    let (called, example) = match slot {
        Slot::In => ("input", format!("inputs = {{ {name} = \"STEP.OUTPUT\" }}")),
        _ => ("output", format!("outputs = [\"{name}\"]")),
    };
    let complaint = Complaint::new(format!("step {of_step} has no {called} {}", quoted(name)));
    let declared: Vec<&str> = match slot {
        Slot::In => step.inputs.iter().map(|input| input.name.value.as_str()).collect(),
        _ => step.outputs.iter().map(|output| output.value.as_str()).collect(),
    };
    let hint = suggestion(name, &format!("{called}s of {of_step}"), declared.iter().copied());
    complaint.hint(hint.unwrap_or_else(|| format!("it declares no {called}s: add `{example}`")))
}

/// The params that the step sees, with their values.
fn seen(
    step: &StepDraft,
    params: &BTreeMap<String, Value>,
    problems: &mut Problems<'_>,
) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    let mut spans: Vec<(&str, Span)> = Vec::new();
    for param in &step.params {
        let (name, value) = match param {
            Param::Own { name, value } => (name, Some(value)),
            Param::Shared { name, of_pipeline } => {
                (name, shared(step, params, of_pipeline, problems))
            }
        };
        seen.insert(name.value.clone(), value.cloned().unwrap_or_default());
        spans.push((&name.value, name.span));
    }
    for Mention { name, .. } in step.mentions.iter().filter(|mention| mention.slot == Slot::Param) {
        if !seen.contains_key(&name.value) && !has_items_of(step, &name.value) {
            let value = shared(step, params, name, problems);
            seen.insert(name.value.clone(), value.cloned().unwrap_or_default());
            spans.push((&name.value, name.span));
        }
    }
    collisions(spans.into_iter(), "params", "PARAM", problems);
    seen
}

/// Whether each item of a step has a value or an input of this name.
fn has_items_of(step: &StepDraft, name: &str) -> bool {
    step.foreach.iter().any(|Each { name: of, .. }| of.value == name)
}

fn shared<'p>(
    step: &StepDraft,
    params: &'p BTreeMap<String, Value>,
    name: &Located<String>,
    problems: &mut Problems<'_>,
) -> Option<&'p Value> {
    let value = params.get(&name.value);
    if value.is_none() {
        problems.at(name.span, || {
            let (of_step, wrong) = (quoted(&step.name.value), quoted(&name.value));
            let own = step.params.iter().filter_map(|param| match param {
                Param::Own { name, .. } => Some(name.value.as_str()),
                Param::Shared { .. } => None,
            });
            let names = params.keys().map(String::as_str).chain(own);
            let hint = suggestion(&name.value, "params", names);
            Complaint::new(format!(
                "step {of_step} uses param {wrong}, which the pipeline does not have"
            ))
            .hint(hint.unwrap_or_else(|| {
                format!("add it with a default: `{} = …` under `[params]`", name.value)
            }))
        });
    }
    value
}

fn variables(step: &StepDraft, problems: &mut Problems<'_>) {
    let inputs: Vec<_> =
        taken(step).map(|input| (input.name.value.as_str(), input.name.span)).collect();
    collisions(inputs.into_iter(), "inputs", "IN", problems);
    let outputs = step.outputs.iter().map(|output| (output.value.as_str(), output.span));
    collisions(outputs, "outputs", "OUT", problems);
}

/// Reports names that differ and yet become the same environment variable.
fn collisions<'n>(
    names: impl ExactSizeIterator<Item = (&'n str, Span)>,
    called: &str,
    prefix: &str,
    problems: &mut Problems<'_>,
) {
    if names.len() < 2 {
        return;
    }
    let mut taken: HashMap<String, (&str, Span)> = HashMap::with_capacity(names.len());
    for (name, span) in names {
        let variable = variable(name);
        if let Some((first, first_span)) = taken.get(&variable) {
            problems.at(span, || {
                let (first, name) = (quoted(first), quoted(name));
                Complaint::new(format!(
                    "{called} {first} and {name} would be the same environment variable `SUNDAE_{prefix}_{variable}`"
                ))
                .other(*first_span, "first here")
            });
        } else {
            taken.insert(variable, (name, span));
        }
    }
}

fn cycles(steps: &[StepDraft], needs: Vec<Vec<usize>>, problems: &mut Problems<'_>) {
    for cycle in Graph::of(needs).err().unwrap_or_default() {
        let names: Vec<&str> =
            cycle.iter().map(|&place| steps[place].name.value.as_str()).collect();
        let mut edges = edges(&cycle, steps);
        let Some((span, label)) = edges.next() else { continue };
        problems.at(span, || {
            let message = format!("the steps wait for each other in a circle: {}", Circle(&names));
            let complaint = Complaint::new(message).label(label);
            edges.fold(complaint, |complaint, (span, label)| complaint.other(span, label))
        });
    }
}

/// What makes each step of a circle wait for the one before it, with its place in the file.
fn edges<'d>(
    cycle: &'d [usize],
    steps: &'d [StepDraft],
) -> impl Iterator<Item = (Span, String)> + 'd {
    const SHOWN: usize = 8;
    let next = cycle.iter().cycle().skip(1);
    cycle.iter().zip(next).take(SHOWN).filter_map(|(&needed, &step)| {
        let (step, needed) = (&steps[step], steps[needed].name.value.as_str());
        let name = &step.name.value;
        let input = taken(step).find(|input| input.from.value.step == needed);
        if let Some(Input { name: input, from }) = input {
            let label = format!("`{name}` takes `{}` as input `{}`", from.value, input.value);
            return Some((from.span, label));
        }
        if let Some(after) = step.after.iter().find(|after| after.value == needed) {
            return Some((after.span, format!("`{name}` comes after `{needed}`")));
        }
        let when = step.when.as_ref()?;
        Some((when.span, format!("`{name}` has a condition on `{needed}`")))
    })
}

fn finish(draft: StepDraft, params: BTreeMap<String, Value>, root: &Path) -> Step {
    let inputs = draft.inputs.into_iter().map(|input| (input.name.value, input.from.value));
    Step {
        name: draft.name.value,
        run: draft.run,
        inputs: inputs.collect(),
        outputs: draft.outputs.into_iter().map(|output| output.value).collect(),
        params,
        env: draft.env,
        code: draft.code,
        fingerprint: draft.fingerprint,
        // Through its components, so that `.` leaves no trace.
        workdir: root.join(draft.workdir).components().collect(),
        root: root.to_owned(),
        cache: draft.cache,
        after: draft.after.into_iter().map(|after| after.value).collect(),
        resources: draft.resources,
        retry: draft.retry,
        timeout: draft.timeout,
        trigger: draft.trigger,
        role: Role::Run,
        warm: draft.warm,
        when: draft.when.into_iter().map(|when| when.condition).collect(),
        foreach: BTreeMap::new(),
    }
}
