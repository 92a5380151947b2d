//! From the shape of a file to what it means: every reference is followed, and what leads nowhere is reported.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Pipeline;
use super::draft::{Draft, Input, Mention, Param, StepDraft};
use super::error::{Complaint, Problems, quoted};
use super::graph::{Circle, Graph};
use super::names::variable;
use super::params;
use super::selection::Role;
use super::source::{Located, Span};
use super::step::{OutputRef, Step};
use super::template::Slot;
use crate::nearest::{listed, nearest, suggestion};

/// The pipeline that the draft describes. It means nothing when a problem was reported.
pub(super) fn resolve(
    draft: Draft,
    base: &Path,
    overrides: &[(String, String)],
    problems: &mut Problems<'_>,
) -> Pipeline {
    let root = draft.root.unwrap_or_else(|| absolute(base));
    let mut params: BTreeMap<String, Value> =
        draft.params.into_iter().map(|(name, value)| (name.value, value)).collect();
    let owner = |key: &str| owner(&draft.steps, key);
    params::apply(&mut params, overrides, owner, problems);

    let known = Known::new(&draft.steps);
    let needs: Vec<Vec<usize>> =
        draft.steps.iter().map(|step| known.needs(step, problems)).collect();
    for step in &draft.steps {
        mentions(step, problems);
        variables(step, problems);
    }
    let seen: Vec<_> = draft.steps.iter().map(|step| seen(step, &params, problems)).collect();
    if problems.is_empty() {
        cycles(&draft.steps, needs, problems);
    }
    let steps = draft.steps.into_iter().zip(seen).map(|(step, seen)| finish(step, seen, &root));
    Pipeline {
        name: draft.name,
        steps: steps.collect(),
        params,
        root,
        timeout: draft.timeout,
        failure_policy: draft.failure_policy,
        hooks: draft.hooks,
    }
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

/// What there is to refer to.
struct Known<'d> {
    steps: &'d [StepDraft],
    places: HashMap<&'d str, usize>,
    outputs: HashSet<(usize, &'d str)>,
}

impl<'d> Known<'d> {
    fn new(steps: &'d [StepDraft]) -> Self {
        let mut places = HashMap::with_capacity(steps.len());
        let mut outputs = HashSet::with_capacity(steps.len());
        for (place, step) in steps.iter().enumerate() {
            places.insert(step.name.value.as_str(), place);
            outputs.extend(step.outputs.iter().map(|output| (place, output.value.as_str())));
        }
        Self { steps, places, outputs }
    }

    /// The places of the steps that this step waits for.
    fn needs(&self, step: &StepDraft, problems: &mut Problems<'_>) -> Vec<usize> {
        let inputs = step.inputs.iter().filter_map(|input| self.producer(step, input, problems));
        let mut needs: Vec<usize> = inputs.collect();
        needs.extend(step.after.iter().filter_map(|after| self.earlier(step, after, problems)));
        needs
    }

    fn producer(
        &self,
        step: &StepDraft,
        input: &Input,
        problems: &mut Problems<'_>,
    ) -> Option<usize> {
        let Located { value: from, span } = &input.from;
        let place = self.places.get(from.step.as_str()).copied();
        if from.output.is_empty() {
            problems.at(*span, || self.incomplete(input, place));
            return None;
        }
        let Some(place) = place else {
            problems.at(*span, || self.no_such_step(step, input));
            return None;
        };
        if from.step == step.name.value {
            problems.at(*span, || {
                let (step, input) = (quoted(&step.name.value), quoted(&input.name.value));
                Complaint::new(format!("step {step} takes its own output as input {input}"))
            });
            return None;
        }
        if !self.outputs.contains(&(place, from.output.as_str())) {
            problems.at(*span, || self.no_such_output(step, input, place));
            return None;
        }
        Some(place)
    }

    fn earlier(
        &self,
        step: &StepDraft,
        after: &Located<String>,
        problems: &mut Problems<'_>,
    ) -> Option<usize> {
        let name = &after.value;
        if *name == step.name.value {
            problems.at(after.span, || {
                Complaint::new(format!("step {} comes after itself", quoted(name)))
            });
            return None;
        }
        let place = self.places.get(name.as_str()).copied();
        if place.is_none() {
            problems.at(after.span, || {
                let step = &step.name.value;
                Complaint::new(format!(
                    "step {} comes after {}, and there is no such step",
                    quoted(step),
                    quoted(name)
                ))
                .hint_if_any(suggestion(
                    name,
                    "steps",
                    self.others(step.as_str()),
                ))
            });
        }
        place
    }

    fn incomplete(&self, input: &Input, place: Option<usize>) -> Complaint {
        let text = &input.from.value.step;
        let complaint = Complaint::new(format!(
            "input {} must be written `STEP.OUTPUT`, not {}",
            quoted(&input.name.value),
            quoted(text)
        ));
        let output = place.and_then(|place| self.outputs_of(place).next());
        complaint.hint_if_any(output.map(|output| format!("did you mean `{text}.{output}`?")))
    }

    fn no_such_step(&self, step: &StepDraft, input: &Input) -> Complaint {
        let from = &input.from.value;
        let complaint = Complaint::new(format!(
            "input {} of step {} comes from step {}, and there is no such step",
            quoted(&input.name.value),
            quoted(&step.name.value),
            quoted(&from.step)
        ));
        let others = || self.others(&step.name.value);
        let meant = nearest(&from.step, others()).and_then(|name| self.places.get(name));
        match meant {
            Some(&place) => complaint.hint(self.did_you_mean(place, from)),
            None => complaint.hint_if_any(listed(others()).map(|names| format!("steps: {names}"))),
        }
    }

    /// The output that was meant, given the step that was.
    fn did_you_mean(&self, place: usize, from: &OutputRef) -> String {
        let step = &self.steps[place].name.value;
        let output = if self.outputs.contains(&(place, from.output.as_str())) {
            Some(from.output.as_str())
        } else {
            nearest(&from.output, self.outputs_of(place)).or_else(|| self.outputs_of(place).next())
        };
        match output {
            Some(output) => format!("did you mean `{step}.{output}`?"),
            None => format!("did you mean step `{step}`? it declares no outputs"),
        }
    }

    fn no_such_output(&self, step: &StepDraft, input: &Input, place: usize) -> Complaint {
        let from = &input.from.value;
        let producer = quoted(&from.step);
        let complaint = Complaint::new(format!(
            "input {} of step {} takes output {} of step {producer}, which has no such output",
            quoted(&input.name.value),
            quoted(&step.name.value),
            quoted(&from.output)
        ));
        let hint =
            suggestion(&from.output, &format!("outputs of {producer}"), self.outputs_of(place));
        complaint.hint(hint.unwrap_or_else(|| {
            format!("step {producer} declares none: add `outputs = [\"{}\"]` to it", from.output)
        }))
    }

    /// The names of all steps but one: no step can wait for itself.
    fn others(&self, step: &str) -> impl Iterator<Item = &'d str> + Clone {
        self.steps.iter().map(|step| step.name.value.as_str()).filter(move |name| *name != step)
    }

    fn outputs_of(&self, place: usize) -> impl Iterator<Item = &'d str> + Clone {
        self.steps[place].outputs.iter().map(|output| output.value.as_str())
    }
}

/// Checks the placeholders for inputs and outputs of the step; those for params are checked where params are read.
fn mentions(step: &StepDraft, problems: &mut Problems<'_>) {
    let inputs: HashSet<&str> = step.inputs.iter().map(|input| input.name.value.as_str()).collect();
    let outputs: HashSet<&str> = step.outputs.iter().map(|output| output.value.as_str()).collect();
    for Mention { slot, name } in &step.mentions {
        let declared = match slot {
            Slot::In => &inputs,
            Slot::Out => &outputs,
            Slot::Param | Slot::Secret => continue,
        };
        if !declared.contains(name.value.as_str()) {
            problems.at(name.span, || undeclared(step, *slot, &name.value));
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
        if !seen.contains_key(&name.value) {
            let value = shared(step, params, name, problems);
            seen.insert(name.value.clone(), value.cloned().unwrap_or_default());
            spans.push((&name.value, name.span));
        }
    }
    collisions(spans.into_iter(), "params", "PARAM", problems);
    seen
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
    let inputs = step.inputs.iter().map(|input| (input.name.value.as_str(), input.name.span));
    collisions(inputs, "inputs", "IN", problems);
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
        let input = step.inputs.iter().find(|input| input.from.value.step == needed);
        if let Some(Input { name: input, from }) = input {
            let label = format!("`{name}` takes `{}` as input `{}`", from.value, input.value);
            return Some((from.span, label));
        }
        let after = step.after.iter().find(|after| after.value == needed)?;
        Some((after.span, format!("`{name}` comes after `{needed}`")))
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
        cache: draft.cache,
        after: draft.after.into_iter().map(|after| after.value).collect(),
        resources: draft.resources,
        retry: draft.retry,
        timeout: draft.timeout,
        trigger: draft.trigger,
        role: Role::Run,
        warm: draft.warm,
    }
}
