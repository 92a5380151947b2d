//! What there is to refer to in a pipeline file: steps, their outputs, what comes from outside.

use std::collections::{HashMap, HashSet};

use super::data::DATA;
use super::draft::{Draft, Input, StepDraft};
use super::error::{Complaint, Problems, quoted};
use super::inner::OUTSIDE;
use super::resolve::Resolved;
use super::source::Located;
use super::step::OutputRef;
use crate::nearest::{listed, nearest, suggestion};

/// Who takes an output.
pub(super) enum Taker<'d> {
    Step(&'d StepDraft),
    /// The pipeline, to give it on.
    Pipeline,
}

impl Taker<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Step(step) => &step.name.value,
            Self::Pipeline => "",
        }
    }

    /// What it calls what it takes.
    fn calls(&self, input: &Input) -> String {
        let name = quoted(&input.name.value);
        match self {
            Self::Step(step) => format!("input {name} of step {}", quoted(&step.name.value)),
            Self::Pipeline => format!("output {name} of the pipeline"),
        }
    }
}

/// What there is to refer to.
pub(super) struct Known<'d> {
    steps: &'d [StepDraft],
    /// The pipelines that steps are.
    inner: &'d [Option<Resolved>],
    /// What the pipeline is given by another one.
    inputs: &'d [Located<String>],
    /// What comes from outside.
    data: Vec<&'d str>,
    places: HashMap<&'d str, usize>,
    outputs: HashSet<(usize, &'d str)>,
}

impl<'d> Known<'d> {
    pub(super) fn new(draft: &'d Draft, inner: &'d [Option<Resolved>]) -> Self {
        let Draft { steps, inputs, data, .. } = draft;
        let data = data.iter().map(|(name, _)| name.value.as_str()).collect();
        let mut places = HashMap::with_capacity(steps.len());
        let mut outputs = HashSet::with_capacity(steps.len());
        for (place, step) in steps.iter().enumerate() {
            places.insert(step.name.value.as_str(), place);
            outputs.extend(step.outputs.iter().map(|output| (place, output.value.as_str())));
        }
        Self { steps, inner, inputs, data, places, outputs }
    }

    /// Whether it is meant to come from outside.
    pub(super) fn is_outside(&self, from: &OutputRef) -> bool {
        from.step == OUTSIDE && !self.inputs.is_empty()
    }

    /// Whether it is meant to be data from outside.
    pub(super) fn is_data(&self, from: &OutputRef) -> bool {
        from.step == DATA && !self.data.is_empty()
    }

    /// The place of the step that makes what is taken. There is none for what comes from outside.
    pub(super) fn producer(
        &self,
        taker: &Taker<'_>,
        input: &Input,
        problems: &mut Problems<'_>,
    ) -> Option<usize> {
        let Located { value: from, span } = &input.from;
        if self.is_outside(from) {
            if let Err(complaint) = self.input_from_outside(&from.output) {
                problems.at(*span, || complaint);
            }
            return None;
        }
        if self.is_data(from) {
            if !self.data.contains(&from.output.as_str()) {
                problems.at(*span, || {
                    let hint = suggestion(&from.output, "`[data]`", self.data.iter().copied());
                    Complaint::new(format!(
                        "{} is {} of `[data]`, which has no such name",
                        taker.calls(input),
                        quoted(&from.output)
                    ))
                    .hint_if_any(hint)
                });
            }
            return None;
        }
        let place = self.places.get(from.step.as_str()).copied();
        if from.output.is_empty() {
            problems.at(*span, || self.incomplete(input, place));
            return None;
        }
        let Some(place) = place else {
            problems.at(*span, || self.no_such_step(taker, input));
            return None;
        };
        if from.step == taker.name() {
            problems.at(*span, || {
                let (step, input) = (quoted(taker.name()), quoted(&input.name.value));
                Complaint::new(format!("step {step} takes its own output as input {input}"))
            });
            return None;
        }
        // Of a pipeline that could not be read nobody knows what its outputs are.
        let is_unread =
            self.steps[place].pipeline.is_some() && self.outputs_of(place).next().is_none();
        if !self.outputs.contains(&(place, from.output.as_str())) {
            if !is_unread || problems.is_empty() {
                problems.at(*span, || self.no_such_output(taker, input, place));
            }
            return None;
        }
        Some(place)
    }

    /// The place of the step that another one comes after.
    pub(super) fn earlier(
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

    fn no_such_step(&self, taker: &Taker<'_>, input: &Input) -> Complaint {
        let from = &input.from.value;
        let complaint = Complaint::new(format!(
            "{} comes from step {}, and there is no such step",
            taker.calls(input),
            quoted(&from.step)
        ));
        if from.step == OUTSIDE {
            return complaint.hint(format!(
                "for what comes from outside, write `inputs = [\"{}\"]` at the top of the file",
                from.output
            ));
        }
        if from.step == DATA {
            return complaint.hint(format!(
                "for what comes from outside, write `{} = \"PATH\"` under `[data]`",
                from.output
            ));
        }
        let others = || self.others(taker.name());
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

    fn no_such_output(&self, taker: &Taker<'_>, input: &Input, place: usize) -> Complaint {
        let from = &input.from.value;
        let producer = quoted(&from.step);
        let complaint = Complaint::new(format!(
            "{} takes output {} of step {producer}, which has no such output",
            taker.calls(input),
            quoted(&from.output)
        ));
        let hint =
            suggestion(&from.output, &format!("outputs of {producer}"), self.outputs_of(place));
        let output = &from.output;
        complaint.hint(hint.unwrap_or_else(|| match &self.steps[place].pipeline {
            Some(file) => format!("`{}` declares none under `[outputs]`", file.value),
            None => {
                format!("step {producer} declares none: add `outputs = [\"{output}\"]` to it")
            }
        }))
    }

    /// The name of the step at a place.
    pub(super) fn name(&self, place: usize) -> &'d str {
        &self.steps[place].name.value
    }

    /// Checks that the pipeline is given an input of this name.
    pub(super) fn input_from_outside(&self, name: &str) -> Result<(), Complaint> {
        if self.inputs.iter().any(|input| input.value == name) {
            return Ok(());
        }
        let known = self.inputs.iter().map(|input| input.value.as_str());
        Err(Complaint::new(format!("the pipeline is given no input {}", quoted(name)))
            .hint_if_any(suggestion(name, "its inputs", known)))
    }

    /// The place of the step whose metrics this name means. It may be one of an inner pipeline: `prepare/clean`.
    pub(super) fn step_of_metric(&self, name: &str) -> Result<usize, Complaint> {
        if let Some((place, inner, rest)) = self.within(name) {
            if let Some(step) = inner.pipeline.step(rest) {
                return if step.is_fan_out() { Err(no_metrics(name)) } else { Ok(place) };
            }
            let steps = inner
                .pipeline
                .steps
                .iter()
                .map(|step| format!("{}/{}", self.name(place), step.name));
            let steps: Vec<_> = steps.collect();
            let steps = steps.iter().map(String::as_str);
            return Err(no_such_step(name).hint_if_any(suggestion(name, "steps", steps)));
        }
        let Some(place) = self.places.get(name).copied() else {
            return Err(no_such_step(name).hint_if_any(suggestion(name, "steps", self.others(""))));
        };
        if !self.steps[place].foreach.is_empty() {
            return Err(no_metrics(name));
        }
        let Some(inner) = &self.inner[place] else { return Ok(place) };
        let last = inner.pipeline.steps.last().map_or("", |step| step.name.as_str());
        Err(Complaint::new(format!(
            "step {} is a pipeline, and reports no metrics itself",
            quoted(name)
        ))
        .hint(format!("name one of its steps: `{name}/{last}`")))
    }

    /// The place of the step that makes this output.
    pub(super) fn step_of_metadata(&self, of: &OutputRef) -> Result<usize, Complaint> {
        let (place, outputs) = match self.within(&of.step) {
            Some((place, inner, rest)) => {
                let step = inner.pipeline.step(rest).ok_or_else(|| no_such_step(&of.step))?;
                (place, step.outputs.iter().map(String::as_str).collect())
            }
            None => {
                let Some(place) = self.places.get(of.step.as_str()).copied() else {
                    let hint = suggestion(&of.step, "steps", self.others(""));
                    return Err(no_such_step(&of.step).hint_if_any(hint));
                };
                (place, self.outputs_of(place).collect::<Vec<_>>())
            }
        };
        if outputs.contains(&of.output.as_str()) {
            return Ok(place);
        }
        let (step, output) = (quoted(&of.step), quoted(&of.output));
        let hint = suggestion(&of.output, &format!("outputs of {step}"), outputs);
        Err(Complaint::new(format!("step {step} has no output {output}")).hint_if_any(hint))
    }

    /// The inner pipeline that a name leads into, and what it is called there.
    fn within<'n>(&self, name: &'n str) -> Option<(usize, &'d Resolved, &'n str)> {
        let (step, rest) = name.split_once('/')?;
        let place = self.places.get(step).copied()?;
        Some((place, self.inner[place].as_ref()?, rest))
    }

    /// The names of all steps but one: no step can wait for itself.
    fn others(&self, step: &str) -> impl Iterator<Item = &'d str> + Clone {
        self.steps.iter().map(|step| step.name.value.as_str()).filter(move |name| *name != step)
    }

    fn outputs_of(&self, place: usize) -> impl Iterator<Item = &'d str> + Clone {
        self.steps[place].outputs.iter().map(|output| output.value.as_str())
    }
}

fn no_metrics(fan_out: &str) -> Complaint {
    let step = quoted(fan_out);
    Complaint::new(format!("step {step} has items, and reports no metrics itself")).hint(
        "let a step that takes its outputs report one, and name that step in the condition"
            .to_owned(),
    )
}

fn no_such_step(name: &str) -> Complaint {
    Complaint::new(format!("there is no step {}", quoted(name)))
}
