//! The steps of an inner pipeline as steps of the outer one: their names, and what they wait for.

use std::collections::{BTreeMap, HashMap};

use super::condition::Condition;
use super::data::{DATA, DataSource};
use super::graph::Graph;
use super::inner::OUTSIDE;
use super::policy::Trigger;
use super::resolve::Resolved;
use super::source::Located;
use super::step::{OutputRef, Step};

/// What stands for the steps that are pipelines when other steps name them.
pub(super) struct Inlined {
    /// The words that stand for what comes from outside, which are no steps.
    outside: Vec<&'static str>,
    /// What each output of such a step is.
    outputs: HashMap<OutputRef, OutputRef>,
    /// The steps that each such step has become.
    steps: HashMap<String, Vec<String>>,
}

/// How a step uses a pipeline.
pub(super) struct Use {
    pub(super) step: String,
    pub(super) inputs: BTreeMap<String, OutputRef>,
    pub(super) after: Vec<String>,
    pub(super) when: Option<Condition>,
}

impl Inlined {
    /// For a pipeline that is given these inputs by another one, and perhaps has data from outside.
    pub(super) fn new(inputs: &[Located<String>], has_data: bool) -> Self {
        let outside = [(OUTSIDE, !inputs.is_empty()), (DATA, has_data)];
        let outside = outside.into_iter().filter(|(_, is_there)| *is_there);
        let outside = outside.map(|(word, _)| word).collect();
        Self { outside, outputs: HashMap::new(), steps: HashMap::new() }
    }

    /// The steps that a step is which is a pipeline, and what they take from outside. What they take from other such steps is
    /// settled by [`Self::settle`].
    pub(super) fn add(
        &mut self,
        of: &Use,
        inner: Resolved,
    ) -> (Vec<Step>, Vec<(String, DataSource)>) {
        let (has_inputs, has_data) = (!inner.inputs.is_empty(), !inner.pipeline.data.is_empty());
        let data = inner.pipeline.data.into_iter();
        let data = data.map(|(name, source)| (within(&of.step, &name), source)).collect();
        if has_data && !self.outside.contains(&DATA) {
            self.outside.push(DATA);
        }
        let mut steps = inner.pipeline.steps;
        wait_for_ordinary_steps(&mut steps);
        for step in &mut steps {
            step.name = within(&of.step, &step.name);
            let mut is_first = true;
            step.rename(&mut |from| {
                if has_inputs && from.step == OUTSIDE {
                    if let Some(given) = of.inputs.get(&from.output) {
                        *from = given.clone();
                    }
                } else if has_data && from.step == DATA {
                    from.output = within(&of.step, &from.output);
                } else {
                    is_first = false;
                    from.step = within(&of.step, &from.step);
                }
            });
            step.rename_metrics(&|name| *name = within(&of.step, name));
            for after in &mut step.after {
                is_first = false;
                *after = within(&of.step, after);
            }
            step.when.extend(of.when.clone());
            // The others wait for these.
            if is_first {
                step.after.extend(of.after.iter().cloned());
            }
        }
        for (output, from) in inner.outputs {
            let from = OutputRef { step: within(&of.step, &from.step), output: from.output };
            self.outputs.insert(OutputRef { step: of.step.clone(), output }, from);
        }
        self.steps.insert(of.step.clone(), steps.iter().map(|step| step.name.clone()).collect());
        (steps, data)
    }

    /// Lets every step take and wait for the steps that pipelines have become, and wait for those that its conditions are about.
    pub(super) fn settle(&self, steps: &mut [Step]) {
        for step in steps {
            step.rename(&mut |from| *from = self.output(from));
            let after = std::mem::take(&mut step.after);
            for name in after {
                match self.steps.get(&name) {
                    Some(steps) => step.after.extend(steps.iter().cloned()),
                    None => step.after.push(name),
                }
            }
            let mut asked: Vec<_> = step.asked().map(str::to_owned).collect();
            asked.sort_unstable();
            asked.dedup();
            let is_step = |name: &str| !self.outside.contains(&name);
            asked.retain(|name| is_step(name) && !step.needs().any(|needed| needed == name));
            step.after.extend(asked);
        }
    }

    /// What an output is, if it is one of a step that is a pipeline; else the same.
    pub(super) fn output(&self, from: &OutputRef) -> OutputRef {
        self.outputs.get(from).unwrap_or(from).clone()
    }
}

fn within(step: &str, inner: &str) -> String {
    format!("{step}/{inner}")
}

/// A step with a trigger that names nothing to wait for waits for all ordinary steps: of its own file, and no others.
fn wait_for_ordinary_steps(steps: &mut [Step]) {
    let is_closing =
        |step: &Step| step.trigger != Trigger::OnSuccess && step.needs().next().is_none();
    if !steps.iter().any(is_closing) {
        return;
    }
    let Ok(graph) = Graph::new(steps) else { return };
    for place in 0..steps.len() {
        if is_closing(&steps[place]) {
            let before = graph.needs(place).iter().map(|needed| steps[*needed].name.clone());
            steps[place].after = before.collect();
        }
    }
}
