//! Where each step of a run stands, and what that lets happen. Pure: no clock, no store, no orchestrator.

mod items;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::event::StepStatus;
use crate::artifact::ArtifactRef;
use crate::pipeline::{Graph, Items, OutputRef, Pipeline, Step, Trigger};
use crate::worker::Outcome;

use items::AllItems;

/// The steps by their number in the pipeline; behind them, in the order in which they became known, the items of fan-outs.
pub(super) struct State<'a> {
    pipeline: &'a Pipeline,
    /// What comes from outside, by name.
    data: &'a BTreeMap<String, ArtifactRef>,
    graph: Graph,
    numbers: HashMap<&'a str, usize>,
    steps: Vec<StepState>,
    /// Steps that wait for nothing any more, in the order in which they are to start.
    ready: BTreeSet<(usize, usize)>,
    /// The rank of each step in that order.
    rank: Vec<usize>,
    unfinished: usize,
    items: AllItems,
    /// Items that wait for a step because what it made was lost.
    waiting_items: HashMap<usize, Vec<usize>>,
}

#[derive(Default)]
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
    pub(super) fn new(
        pipeline: &'a Pipeline,
        data: &'a BTreeMap<String, ArtifactRef>,
        graph: Graph,
    ) -> Self {
        let mut rank = vec![0; graph.len()];
        for (position, step) in graph.order().iter().enumerate() {
            rank[*step] = position;
        }
        let steps: Vec<_> = (0..graph.len())
            .map(|step| StepState {
                blocked_by: graph.needs(step).iter().copied().collect(),
                ..StepState::default()
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
        let (items, waiting_items) = (AllItems::default(), HashMap::new());
        Self {
            pipeline,
            data,
            graph,
            numbers,
            steps,
            ready,
            rank,
            unfinished,
            items,
            waiting_items,
        }
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

    /// The step of the plan that a number stands for.
    fn described(&self, number: usize) -> &'a Step {
        &self.pipeline.steps[self.planned(number)]
    }

    /// The number of the step that makes an input.
    pub(super) fn producer(&self, step: usize, input: &str) -> Option<usize> {
        let (_, wanted) = self.described(step).taken().find(|(name, _)| *name == input)?;
        if self.pipeline.is_data(wanted) { None } else { self.number(&wanted.step) }
    }

    /// The artifacts that a step takes, all of whose needs have ended well; of an item, those that all items of its step take.
    pub(super) fn inputs_of(&self, step: usize) -> BTreeMap<String, ArtifactRef> {
        self.artifacts(self.described(step).inputs.iter())
    }

    /// The artifacts that the items of a step come from.
    pub(super) fn sources_of(&self, step: usize) -> BTreeMap<String, ArtifactRef> {
        let foreach = self.described(step).foreach.iter();
        self.artifacts(foreach.filter_map(|(name, items)| match items {
            Items::Output(from) => Some((name, from)),
            Items::Values(_) => None,
        }))
    }

    fn artifacts<'n>(
        &self,
        taken: impl Iterator<Item = (&'n String, &'n OutputRef)>,
    ) -> BTreeMap<String, ArtifactRef> {
        let artifact = |from: &OutputRef| match self.pipeline.is_data(from) {
            true => self.data.get(&from.output).cloned(),
            false => self.steps[self.number(&from.step)?].outputs.get(&from.output).cloned(),
        };
        taken.filter_map(|(name, from)| Some((name.clone(), artifact(from)?))).collect()
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

    /// The number that the next attempt of a step has.
    pub(super) fn next_attempt(&self, step: usize) -> u32 {
        self.steps[step].attempts + 1
    }

    /// A step is handed to the orchestrator.
    pub(super) fn start(&mut self, step: usize) {
        let state = &mut self.steps[step];
        state.status = StepStatus::Running;
        state.is_lost = false;
        state.attempts += 1;
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
        for dependent in self.dependents(step) {
            self.release(dependent, step);
        }
    }

    /// What waits for a step. For an item only its step does, which is counted otherwise.
    fn dependents(&mut self, step: usize) -> Vec<usize> {
        if self.item(step).is_some() {
            return Vec::new();
        }
        let mut dependents = self.graph.dependents(step).to_vec();
        dependents.extend(self.waiting_items.remove(&step).unwrap_or_default());
        dependents
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
            self.count_item(step);
        }
        self.ready.remove(&(self.rank[step], step));
    }

    /// Ends the steps that cannot run since `step` has ended otherwise than well, and returns them. What is to run all the same
    /// need not wait for it any more.
    pub(super) fn skip_downstream(&mut self, step: usize) -> Vec<usize> {
        let mut skipped = Vec::new();
        let mut ended = vec![step];
        while let Some(step) = ended.pop() {
            for dependent in self.dependents(step) {
                if self.steps[dependent].status != StepStatus::Waiting {
                    continue;
                }
                let described = self.described(dependent);
                let name = self.described(step).name.as_str();
                let takes = described.taken().any(|(_, from)| from.step == name)
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
        for dependent in self.dependents(step) {
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
        let described = self.described(step);
        let taken = described.taken().map(|(_, from)| from.step.as_str());
        let mut producers = taken.chain(described.asked()).filter_map(|name| self.number(name));
        producers.find(|producer| self.steps[*producer].status == StepStatus::Skipped)
    }

    /// Whether something failed that a step waited for, or that those needed.
    pub(super) fn is_behind_failure(&self, step: usize) -> bool {
        self.graph.is_behind(step, |needed| self.steps[needed].status == StepStatus::Failed)
    }

    /// The steps that have not begun, and the items that have not.
    pub(super) fn waiting(&self) -> Vec<usize> {
        let order = self.graph.order().iter().copied();
        let items = self.numbers().skip(self.graph.len());
        order.chain(items).filter(|step| self.steps[*step].status == StepStatus::Waiting).collect()
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
        if self.item(step).is_some() {
            self.waiting_items.entry(producer).or_default().push(step);
        }
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
