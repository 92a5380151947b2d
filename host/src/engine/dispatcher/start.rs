//! What may start: steps that wait for nothing are looked up, and submitted if they must run.

use std::time::{Duration, Instant};

use super::{Dispatcher, Stopping};
use crate::engine::cache_key::CacheKey;
use crate::engine::condition::unfulfilled;
use crate::engine::event::Event;
use crate::engine::explain::{reasons, reasons_of_item};
use crate::pipeline::{Step, Trigger};

/// How long steps are looked up before the orchestrator is heard again.
const LOOK_UPS: Duration = Duration::from_millis(10);

/// So many steps are kept ready at most for when there is a place: each costs memory.
const MOST_QUEUED: usize = 1000;

impl Dispatcher<'_> {
    /// Finds out for steps that wait for nothing whether they must run, and starts as many as there are places.
    ///
    /// Where looking up takes long, some are left for the next turn: what ends meanwhile, and whoever stops the run, shall not
    /// wait for that.
    pub(super) fn start_ready(&mut self) {
        if self.stopping == Stopping::Forced {
            return;
        }
        self.submit_queued();
        let began = Instant::now();
        if !self.take_what_is_done(LOOK_UPS) {
            return;
        }
        while began.elapsed() < LOOK_UPS && self.can_look_up() {
            let asked = self.next_questions();
            let answers = self.look_up(&asked);
            for (question, answer) in asked.into_iter().zip(answers) {
                let step = question.step;
                if let Err(trouble) = self.settle(question, answer) {
                    self.meet(step, trouble);
                }
            }
            // At once: a step need not wait until all others have been looked up.
            self.submit_queued();
        }
    }

    /// Whether there is a step to be looked up, and room to remember what is found.
    pub(super) fn can_look_up(&self) -> bool {
        self.state.has_ready() && self.queue.len() < MOST_QUEUED && !self.store_is_away()
    }

    pub(super) fn is_to_expand(&self, step: usize) -> bool {
        self.state.item(step).is_none() && self.described(step).is_fan_out()
    }

    /// Why a step that waits for nothing any more is not meant to run. That was asked of an item's step, before it had items.
    pub(super) fn reason_to_omit(&self, step: usize) -> Result<Option<String>, String> {
        if self.state.item(step).is_some() {
            return Ok(None);
        }
        if let Some(producer) = self.state.omitted_producer(step) {
            return Ok(Some(format!("`{}` was skipped", self.name(producer))));
        }
        let is_for_failure = self.described(step).trigger == Trigger::OnFailure;
        if is_for_failure && !self.state.is_behind_failure(step) {
            return Ok(Some("nothing that it waits for has failed".to_owned()));
        }
        unfulfilled(self.described(step), &|name| self.state.made_by(name))
    }

    /// Leaves out a step that is not meant to run now.
    pub(super) fn omit(&mut self, step: usize, reason: String) {
        self.state.omit(step);
        let name = self.name(step).into_owned();
        self.untold.push(Event::StepSkipped { step: name, reason });
    }

    /// Why nothing is known of a key.
    pub(super) fn reasons(&self, step: usize, described: &Step, key: &CacheKey) -> Vec<String> {
        let last = self.engine.history.last(&described.name);
        let item = self.state.item(step);
        match item.and_then(|(of, index)| Some(self.fan_outs.get(&of)?.own(index))) {
            Some(own) => reasons_of_item(last.as_ref(), &key.parts, &own),
            None => reasons(last.as_ref(), &key.parts),
        }
    }
}
