//! Where each step of a run stands, and what that lets happen. Pure: no clock, no store, no orchestrator.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::event::StepStatus;
use crate::artifact::ArtifactRef;
use crate::pipeline::{Graph, Pipeline, Step, Trigger};
use crate::worker::Outcome;

/// The steps by their number in the pipeline.
pub(super) struct State<'a> {
    pipeline: &'a Pipeline,
    graph: Graph,
    numbers: HashMap<&'a str, usize>,
    steps: Vec<StepState>,
    /// Steps that wait for nothing any more, in the order in which they are to start.
    ready: BTreeSet<(usize, usize)>,
    /// The rank of each step in that order.
    rank: Vec<usize>,
    unfinished: usize,
}

pub(super) struct StepState {
    pub(super) status: StepStatus,
    /// The steps that must end before this one.
    blocked_by: HashSet<usize>,
    pub(super) outputs: BTreeMap<String, ArtifactRef>,
    /// Where a condition may ask for them.
    metrics: BTreeMap<String, f64>,
    is_asked: bool,
    pub(super) attempts: u32,
    /// How often it was made again because its data was lost.
    pub(super) remade: u32,
    /// What it made was lost, whatever the store says: so no earlier outcome can stand in for it.
    pub(super) is_lost: bool,
    /// How often its job was lost.
    pub(super) lost: u32,
    /// How often an attempt failed by itself.
    pub(super) failures: u32,
}

/// What a step has left that others may need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made<'m> {
    pub(super) outputs: &'m BTreeMap<String, ArtifactRef>,
    pub(super) metrics: &'m BTreeMap<String, f64>,
}

impl<'m> From<&'m Outcome> for Made<'m> {
    fn from(outcome: &'m Outcome) -> Self {
        Self { outputs: &outcome.outputs, metrics: &outcome.metrics }
    }
}

impl<'a> State<'a> {
    pub(super) fn new(pipeline: &'a Pipeline, graph: Graph) -> Self {
        let mut rank = vec![0; graph.len()];
        for (position, step) in graph.order().iter().enumerate() {
            rank[*step] = position;
        }
        let steps: Vec<_> = (0..graph.len())
            .map(|step| StepState {
                status: StepStatus::Waiting,
                blocked_by: graph.needs(step).iter().copied().collect(),
                outputs: BTreeMap::new(),
                metrics: BTreeMap::new(),
                is_asked: false,
                attempts: 0,
                remade: 0,
                is_lost: false,
                lost: 0,
                failures: 0,
            })
            .collect();
        let unblocked = (0..steps.len()).filter(|step| steps[*step].blocked_by.is_empty());
        let ready = unblocked.map(|step| (rank[step], step)).collect();
        let unfinished = steps.len();
        let names = pipeline.steps.iter().enumerate();
        let numbers: HashMap<&str, usize> =
            names.map(|(step, described)| (described.name.as_str(), step)).collect();
        let mut steps = steps;
        for asked in pipeline.steps.iter().flat_map(Step::asked) {
            if let Some(step) = numbers.get(asked) {
                steps[*step].is_asked = true;
            }
        }
        Self { pipeline, graph, numbers, steps, ready, rank, unfinished }
    }

    pub(super) fn order(&self) -> &[usize] {
        self.graph.order()
    }

    pub(super) fn step(&self, step: usize) -> &StepState {
        &self.steps[step]
    }

    /// All artifacts that steps have made, or that were found from before.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &ArtifactRef> {
        self.steps.iter().flat_map(|step| step.outputs.values())
    }

    /// The number of the step that makes an input.
    pub(super) fn producer(&self, step: usize, input: &str) -> Option<usize> {
        let wanted = &self.pipeline.steps[step].inputs.get(input)?.step;
        self.numbers.get(wanted.as_str()).copied()
    }

    /// The artifacts that a step takes, all of whose needs have ended well.
    pub(super) fn inputs_of(&self, step: usize) -> BTreeMap<String, ArtifactRef> {
        let described = &self.pipeline.steps[step];
        let artifact = |name: &str| {
            let reference = described.inputs.get(name)?;
            self.steps[self.producer(step, name)?].outputs.get(&reference.output).cloned()
        };
        let inputs = described.inputs.keys();
        inputs.filter_map(|name| Some((name.clone(), artifact(name)?))).collect()
    }

    /// The steps that a step waits for.
    pub(super) fn needs(&self, step: usize) -> &[usize] {
        self.graph.needs(step)
    }

    /// A step was tried so often before the run went on.
    pub(super) fn tried_before(&mut self, step: usize, attempts: u32) {
        self.steps[step].attempts = attempts;
    }

    /// What a step made before the run went on is lost.
    pub(super) fn lose(&mut self, step: usize) {
        self.steps[step].is_lost = true;
    }

    /// The orchestrator has an attempt of a step from before the run went on.
    pub(super) fn take_up(&mut self, step: usize) {
        self.steps[step].status = StepStatus::Running;
        self.ready.remove(&(self.rank[step], step));
    }

    /// Takes the next step that may start.
    pub(super) fn next_ready(&mut self) -> Option<usize> {
        self.ready.pop_first().map(|(_, step)| step)
    }

    /// Whether there is a step that may start.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether every step has ended.
    pub(super) fn is_finished(&self) -> bool {
        self.unfinished == 0
    }

    /// A step has been handed to the orchestrator; returns the number of the attempt.
    pub(super) fn start(&mut self, step: usize) -> u32 {
        let state = &mut self.steps[step];
        state.status = StepStatus::Running;
        state.is_lost = false;
        state.attempts += 1;
        state.attempts
    }

    /// The job of a step was lost: the step may start again.
    pub(super) fn try_again(&mut self, step: usize) {
        self.steps[step].lost += 1;
        self.steps[step].status = StepStatus::Waiting;
        self.ready.insert((self.rank[step], step));
    }

    /// An attempt of a step failed; the step waits until [`Self::may_start`].
    pub(super) fn wait_for_retry(&mut self, step: usize) {
        self.steps[step].status = StepStatus::Waiting;
    }

    /// An attempt of a step failed by itself; returns how many have.
    pub(super) fn count_failure(&mut self, step: usize) -> u32 {
        self.steps[step].failures += 1;
        self.steps[step].failures
    }

    /// A step has waited long enough, unless it has ended meanwhile.
    pub(super) fn may_start(&mut self, step: usize) {
        if self.steps[step].status == StepStatus::Waiting {
            self.ready.insert((self.rank[step], step));
        }
    }

    /// A step has ended well: what waits only for it may start.
    pub(super) fn complete(&mut self, step: usize, status: StepStatus, made: Made<'_>) {
        let state = &mut self.steps[step];
        state.outputs.clone_from(made.outputs);
        if state.is_asked {
            state.metrics.clone_from(made.metrics);
        }
        self.end(step, status);
        for dependent in self.graph.dependents(step).to_vec() {
            self.release(dependent, step);
        }
    }

    /// A step need not wait for another any more.
    fn release(&mut self, step: usize, ended: usize) {
        let state = &mut self.steps[step];
        if state.blocked_by.remove(&ended)
            && state.blocked_by.is_empty()
            && state.status == StepStatus::Waiting
        {
            self.ready.insert((self.rank[step], step));
        }
    }

    /// A step has ended otherwise.
    pub(super) fn end(&mut self, step: usize, status: StepStatus) {
        let before = std::mem::replace(&mut self.steps[step].status, status);
        if matches!(before, StepStatus::Waiting | StepStatus::Running) {
            self.unfinished -= 1;
        }
        self.ready.remove(&(self.rank[step], step));
    }

    /// Ends the steps that cannot run since `step` has ended otherwise than well, and returns them. What is to run all the same
    /// need not wait for it any more.
    pub(super) fn skip_downstream(&mut self, step: usize) -> Vec<usize> {
        let mut skipped = Vec::new();
        let mut ended = vec![step];
        while let Some(step) = ended.pop() {
            for dependent in self.graph.dependents(step).to_vec() {
                if self.steps[dependent].status != StepStatus::Waiting {
                    continue;
                }
                let described = &self.pipeline.steps[dependent];
                let name = self.pipeline.steps[step].name.as_str();
                let takes = described.inputs.values().any(|input| input.step == name)
                    || described.asked().any(|asked| asked == name);
                if !takes && described.trigger != Trigger::OnSuccess {
                    self.release(dependent, step);
                } else {
                    self.end(dependent, StepStatus::Skipped);
                    skipped.push(dependent);
                    ended.push(dependent);
                }
            }
        }
        skipped.sort_unstable_by_key(|step| self.rank[*step]);
        skipped
    }

    /// A step was left out on purpose: what waits for it decides for itself when nothing else is to be waited for. So it does not
    /// matter whether something else that it needs fails before or after that.
    pub(super) fn omit(&mut self, step: usize) {
        self.end(step, StepStatus::Skipped);
        for dependent in self.graph.dependents(step).to_vec() {
            self.release(dependent, step);
        }
    }

    /// The step of that name.
    fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    /// What the step of that name has left.
    pub(super) fn made_by(&self, name: &str) -> Option<Made<'_>> {
        let StepState { outputs, metrics, .. } = &self.steps[self.number(name)?];
        Some(Made { outputs, metrics })
    }

    /// A step that a step takes something from, or has a condition on, and that was left out.
    pub(super) fn omitted_producer(&self, step: usize) -> Option<usize> {
        let described = &self.pipeline.steps[step];
        let taken = described.inputs.values().map(|input| input.step.as_str());
        let mut producers = taken.chain(described.asked()).filter_map(|name| self.number(name));
        producers.find(|producer| self.steps[*producer].status == StepStatus::Skipped)
    }

    /// Whether something failed that a step waited for, or that those needed.
    pub(super) fn is_behind_failure(&self, step: usize) -> bool {
        self.graph.is_behind(step, |needed| self.steps[needed].status == StepStatus::Failed)
    }

    /// The steps that have not begun.
    pub(super) fn waiting(&self) -> Vec<usize> {
        let order = self.graph.order().iter().copied();
        order.filter(|step| self.steps[*step].status == StepStatus::Waiting).collect()
    }

    /// Whether what needs this step cannot run.
    pub(super) fn has_ended_badly(&self, step: usize) -> bool {
        use StepStatus::{Cancelled, Failed, Skipped};
        matches!(self.steps[step].status, Failed | Skipped | Cancelled)
    }

    /// Data that `producer` made is lost: `step` waits until it is made again. Returns whether that was not yet under way.
    pub(super) fn remake(&mut self, producer: usize, step: usize) -> bool {
        self.steps[step].status = StepStatus::Waiting;
        self.steps[step].blocked_by.insert(producer);
        let state = &mut self.steps[producer];
        if matches!(state.status, StepStatus::Waiting | StepStatus::Running) {
            return false;
        }
        state.status = StepStatus::Waiting;
        state.remade += 1;
        state.is_lost = true;
        self.unfinished += 1;
        self.ready.insert((self.rank[producer], producer));
        true
    }
}
