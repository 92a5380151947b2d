//! Fan-outs: a step that has items becomes as many steps, and one again when they have ended.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sundae_plugin_api::Error;
use sundae_plugin_api::orchestrator::Handle;

use super::outage::Trouble;
use super::stop::Cause;
use super::{Dispatcher, Stopping};
use crate::artifact::{ArtifactRef, FetchError, Manifests};
use crate::engine::event::{Event, StepStatus};
use crate::engine::fan_out::{Broken, FanOut, item_name};
use crate::engine::known::KnownEnd;
use crate::engine::state::Made;
use crate::pipeline::Step;

/// So many items that failed are told by name.
const NAMED: usize = 5;

impl<'a> Dispatcher<'a> {
    /// Finds out which items a step has. They may start then.
    pub(super) fn expand(&mut self, step: usize) {
        if self.take_if_done(step) {
            return;
        }
        let described = self.described(step);
        let sources = self.state.sources_of(step);
        let is_asked = !sources.is_empty();
        match FanOut::open(described, sources, &*self.engine.store, Manifests::Put) {
            Ok(fan_out) => {
                if is_asked {
                    self.store_answers();
                }
                self.begin_items(step, fan_out);
            }
            Err(Broken::Away(error)) => self.meet(step, Trouble::Away(error)),
            Err(Broken::Lost { input, message }) => self.make_again(step, &input, &message),
            Err(Broken::Unfit(message)) => self.fail(step, message),
        }
    }

    fn begin_items(&mut self, step: usize, fan_out: FanOut) {
        let items = fan_out.len();
        self.state.expand(step, items);
        self.fan_outs.insert(step, fan_out);
        let name = &self.described(step).name;
        for index in 0..items {
            let attempts = self.engine.known.attempts(&item_name(name, index));
            if let Some(number) = self.state.number_of(step, index) {
                self.state.tried_before(number, attempts);
            }
        }
        self.give_up_items_from(step, items);
        self.untold.push(Event::FanOutExpanded { step: name.clone(), items });
    }

    /// The items that a step had more of before the run went on are nobody's any more.
    fn give_up_items_from(&mut self, step: usize, first: usize) {
        let name = &self.described(step).name;
        for index in first.. {
            let Some(known) = self.engine.known.steps.get(&item_name(name, index)) else { return };
            if let KnownEnd::UnderWay { handle, job } = &known.end {
                self.give_up_job(handle, job);
            }
        }
    }

    /// A job of before is to end, and what it leaves is not asked for.
    pub(super) fn give_up_job(&mut self, handle: &str, job: &str) {
        if self.capabilities.remote {
            // It may be gone, or go on for nothing.
            drop(self.engine.orchestrator.cancel(&Handle(handle.to_owned())));
            self.forget(job);
        }
    }

    /// A step as it is run, with what it takes.
    pub(super) fn as_run(
        &self,
        step: usize,
    ) -> Result<(Cow<'a, Step>, BTreeMap<String, ArtifactRef>), String> {
        let described = self.described(step);
        let shared = self.state.inputs_of(step);
        let Some((of, index)) = self.state.item(step) else {
            return Ok((Cow::Borrowed(described), shared));
        };
        let fan_out = self.fan_outs.get(&of).filter(|fan_out| index < fan_out.len());
        let fan_out = fan_out.filter(|fan_out| fan_out.is_of(&self.state.sources_of(of)));
        let Some(fan_out) = fan_out else {
            return Err("what its items come from was lost and made again with other content; \
                 `sundae runs resume` begins with the new items"
                .to_owned());
        };
        Ok((Cow::Owned(fan_out.step(described, index)), fan_out.inputs(index, shared)))
    }

    /// Ends the steps all of whose items have ended.
    pub(super) fn join_items(&mut self) {
        if self.store_is_away() {
            return;
        }
        for step in self.state.take_complete() {
            self.join(step);
        }
    }

    fn join(&mut self, step: usize) {
        let items = |status| self.state.items_that(step, status);
        let failed = items(StepStatus::Failed);
        if !failed.is_empty() {
            return self.fail(step, self.told_of_items(step, &failed));
        }
        if !items(StepStatus::Cancelled).is_empty() {
            let cause = match (self.stopping, self.is_failing_fast) {
                (Stopping::No, false) => None,
                (Stopping::No, true) => Some(Cause::FailFast),
                _ => Some(Cause::Stopped),
            };
            return self.cancel_step(step, cause);
        }
        if !items(StepStatus::Skipped).is_empty() {
            self.state.end(step, StepStatus::Skipped);
            let (step_name, reason) = (self.name(step).into_owned(), "items of it were skipped");
            self.untold.push(Event::StepSkipped { step: step_name, reason: reason.to_owned() });
            return self.skip_downstream(step, "was skipped");
        }
        self.join_outputs(step);
    }

    fn join_outputs(&mut self, step: usize) {
        let Some(fan_out) = self.fan_outs.remove(&step) else { return };
        let described = self.described(step);
        let made = |index| self.state.made_by_item(step, index);
        let outputs = match fan_out.joined(described, made, &*self.engine.store, Manifests::Put) {
            Ok(outputs) => outputs,
            Err(FetchError::Store(error)) if error.is_retryable() => {
                return self.join_later(step, fan_out, &error);
            }
            Err(error) => {
                let message = format!("what its items made cannot be put together: {error}");
                return self.fail(step, message);
            }
        };
        self.store_answers();
        let is_cached = fan_out.len() > 0
            && self.state.items_that(step, StepStatus::Cached).len() == fan_out.len();
        let status = if is_cached { StepStatus::Cached } else { StepStatus::Completed };
        let metrics = BTreeMap::new();
        self.state.complete(step, status, Made { outputs: &outputs, metrics: &metrics });
        self.state.forget_items(step);
        self.untold.push(Event::FanOutJoined { step: described.name.clone(), status, outputs });
    }

    /// The items' work is not lost because the store is away when the last of them has ended.
    fn join_later(&mut self, step: usize, fan_out: FanOut, error: &Error) {
        self.fan_outs.insert(step, fan_out);
        if self.stopping != Stopping::No {
            return self.cancel_step(step, Some(Cause::Stopped));
        }
        match self.wait_for_store(error) {
            Ok(()) => self.state.take_later(step),
            Err(message) => self.fail(step, message),
        }
    }

    /// `2 of 20 items failed: …`
    fn told_of_items(&self, step: usize, failed: &[usize]) -> String {
        let all = self.fan_outs.get(&step).map_or(0, FanOut::len);
        let names = failed.iter().take(NAMED).map(|item| format!("`{}`", self.name(*item)));
        let names = names.collect::<Vec<_>>().join(", ");
        let more = match failed.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{} of {all} items failed: {names}{more}", failed.len())
    }
}
