//! The items of fan-outs: they stand behind the steps of the plan, and each counts for the step that it is an item of.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::{State, StepState};
use crate::artifact::ArtifactRef;
use crate::engine::event::StepStatus;

/// The items of all fan-outs of a run.
#[derive(Default)]
pub(super) struct AllItems {
    /// By the number of the item, less the number of steps in the plan: the step, and which of its items it is.
    all: Vec<(usize, usize)>,
    /// By step.
    of: HashMap<usize, Group>,
    /// Steps all of whose items have ended.
    complete: Vec<usize>,
}

/// The items of one step.
struct Group {
    /// The numbers of the items. Those of a second time may stand behind others.
    numbers: Vec<usize>,
    unfinished: usize,
}

impl State<'_> {
    /// The step of the plan, and which of its items it is, if it is one.
    pub(in crate::engine) fn item(&self, number: usize) -> Option<(usize, usize)> {
        let place = number.checked_sub(self.pipeline.steps.len())?;
        self.items.all.get(place).copied()
    }

    /// The step of the plan that a number stands for: itself, or the one that it is an item of.
    pub(in crate::engine) fn planned(&self, number: usize) -> usize {
        self.item(number).map_or(number, |(step, _)| step)
    }

    /// A step has so many items, which may start now. What became of those that it had before does not count any more.
    pub(in crate::engine) fn expand(&mut self, step: usize, items: usize) {
        self.steps[step].status = StepStatus::Running;
        let mut numbers = self.items.of.remove(&step).map_or_else(Vec::new, |group| group.numbers);
        for index in numbers.len()..items {
            numbers.push(self.pipeline.steps.len() + self.items.all.len());
            self.items.all.push((step, index));
            self.steps.push(StepState::default());
            self.rank.push(self.rank[step]);
        }
        numbers.truncate(items);
        let is_lost = std::mem::take(&mut self.steps[step].is_lost);
        for number in &numbers {
            let state = &mut self.steps[*number];
            state.status = StepStatus::Waiting;
            state.outputs.clear();
            state.is_lost = is_lost;
            self.ready.insert((self.rank[step], *number));
        }
        self.unfinished += items;
        if items == 0 {
            self.items.complete.push(step);
        }
        self.items.of.insert(step, Group { numbers, unfinished: items });
    }

    /// An item has ended.
    pub(super) fn count_item(&mut self, number: usize) {
        let Some((step, _)) = self.item(number) else { return };
        let Some(group) = self.items.of.get_mut(&step) else { return };
        group.unfinished -= 1;
        if group.unfinished == 0 {
            self.items.complete.push(step);
        }
    }

    /// Takes the steps all of whose items have ended.
    pub(in crate::engine) fn take_complete(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.items.complete)
    }

    /// Whether there are such steps.
    pub(in crate::engine) fn has_complete(&self) -> bool {
        !self.items.complete.is_empty()
    }

    /// A step all of whose items have ended is to be taken another time.
    pub(in crate::engine) fn take_later(&mut self, step: usize) {
        self.items.complete.push(step);
    }

    /// The number of an item.
    pub(in crate::engine) fn number_of(&self, step: usize, index: usize) -> Option<usize> {
        self.items.of.get(&step)?.numbers.get(index).copied()
    }

    /// How many items of a step stand so.
    pub(in crate::engine) fn items_that(&self, step: usize, status: StepStatus) -> Vec<usize> {
        let numbers = self.items.of.get(&step).map_or(&[][..], |group| &group.numbers);
        numbers.iter().filter(|number| self.steps[**number].status == status).copied().collect()
    }

    /// What the items of a step made is not asked for any more, one by one.
    pub(in crate::engine) fn forget_items(&mut self, step: usize) {
        let numbers = self.items.of.get(&step).map_or(&[][..], |group| &group.numbers);
        for number in numbers {
            self.steps[*number].outputs = BTreeMap::new();
        }
    }

    /// The outputs of an item.
    pub(in crate::engine) fn made_by_item(
        &self,
        step: usize,
        index: usize,
    ) -> &BTreeMap<String, ArtifactRef> {
        static NOTHING: BTreeMap<String, ArtifactRef> = BTreeMap::new();
        self.number_of(step, index).map_or(&NOTHING, |number| &self.steps[number].outputs)
    }

    /// All numbers that there are.
    pub(super) fn numbers(&self) -> Range<usize> {
        0..self.steps.len()
    }
}
