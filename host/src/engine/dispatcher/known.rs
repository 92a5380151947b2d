//! A run that goes on: what was done before is taken as done, and what still runs elsewhere is taken up again.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::{Change, Handle, JobState};
use sundae_plugin_api::{ArtifactStore, ErrorKind};

use super::look_up::at_once;
use super::submit::running;
use super::{Dispatcher, Running};
use crate::artifact::{ArtifactRef, is_present};
use crate::engine::event::{Event, StepStatus};
use crate::engine::fan_out::step_of_item;
use crate::engine::known::KnownEnd;
use crate::engine::resources::needs;
use crate::engine::state::Made;
use crate::pipeline::Trigger;
use crate::worker::portable;

impl<'a> Dispatcher<'a> {
    /// The first event: which steps there are, and which of them were done before.
    pub(super) fn begin(&mut self) {
        let order = self.state.order().to_vec();
        let steps = order.iter().map(|step| super::planned(self.described(*step))).collect();
        let known = self.engine.known;
        if known.is_nothing() {
            self.untold.push(Event::RunStarted { steps });
            self.tell_of_data();
            return;
        }
        let mut done = known.done();
        for step in &order {
            self.state.tried_before(*step, known.attempts(&self.name(*step)));
            if self.done_before(*step).is_none() {
                done.remove(&*self.name(*step));
            }
        }
        self.untold.push(Event::RunResumed { steps, done });
        self.tell_of_data();
        self.hold_what_is_known();
        self.unverified = order.into();
        self.take_up_jobs();
    }

    fn tell_of_data(&mut self) {
        let data = self.engine.data;
        if !data.is_empty() {
            self.untold.push(Event::DataTaken { data: data.clone() });
        }
    }

    /// Takes steps as done that were, for so long at most. Returns whether there are none left to look at.
    ///
    /// All of them before anything else starts: a step that was done stays done, whatever becomes of those before it.
    pub(super) fn take_what_is_done(&mut self, patience: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < patience && !self.unverified.is_empty() {
            let steps = self.asked_at_once.min(self.unverified.len());
            let mut steps: Vec<_> = self.unverified.drain(..steps).collect();
            steps.retain(|step| self.state.step(*step).status == StepStatus::Waiting);
            self.take_those_done(&steps);
        }
        self.unverified.is_empty()
    }

    /// As [`Self::take_if_done`], of several steps.
    fn take_those_done(&mut self, steps: &[usize]) {
        let outputs = steps.iter().filter_map(|step| {
            let (_, made) = self.done_before(*step)?;
            Some((*step, &self.described(*step).outputs, made.outputs))
        });
        let outputs: Vec<_> = outputs.collect();
        let store = &*self.engine.store;
        let gone = at_once(&outputs, |(_, names, outputs)| first_gone(store, names, outputs));
        for ((step, ..), gone) in outputs.into_iter().zip(gone) {
            // What it was done for may have been found lost just now.
            if let Some((status, made)) = self.done_before(step) {
                self.take(step, status, made, gone);
            }
        }
    }

    /// The run is stopped before all was looked at: what was done stays so.
    pub(super) fn take_what_is_done_unseen(&mut self) {
        for step in std::mem::take(&mut self.unverified) {
            if let Some((status, made)) = self.done_before(step)
                && self.state.step(step).status == StepStatus::Waiting
            {
                self.state.complete(step, status, made);
            }
        }
    }

    /// Whether a step was done before and its outputs are there; it is completed then.
    pub(super) fn take_if_done(&mut self, step: usize) -> bool {
        let Some((status, made)) = self.done_before(step) else { return false };
        let gone = first_gone(&*self.engine.store, &self.described(step).outputs, made.outputs);
        self.take(step, status, made, gone)
    }

    /// A step was done before, and this output of it is not there any more. Returns whether it is done.
    fn take(
        &mut self,
        step: usize,
        status: StepStatus,
        made: Made<'_>,
        gone: Option<&str>,
    ) -> bool {
        let Some(gone) = gone else {
            self.state.complete(step, status, made);
            return true;
        };
        let name = self.name(step);
        self.warn(format!(
            "step `{name}` was done, but its output `{gone}` has gone from the artifact store; it runs again"
        ));
        self.state.lose(step);
        false
    }

    /// As [`Self::take_if_done`], of an item with this key: what stood at its place before may have been another one.
    pub(super) fn take_item_if_done(&mut self, item: usize, key: &str) -> bool {
        let name = self.name(item);
        let Some(known) = self.engine.known.steps.get(&*name) else { return false };
        let is_same = known.key.as_deref() == Some(key);
        if let KnownEnd::UnderWay { handle, job } = &known.end
            && self.state.step(item).attempts == known.attempts
        {
            if is_same && self.capabilities.remote {
                return self.take_up(running(
                    item,
                    job.clone(),
                    known.attempts,
                    Handle(handle.clone()),
                ));
            }
            self.give_up_job(handle, job);
        }
        if !is_same || !self.take_if_done(item) {
            return false;
        }
        let (step, status) = (name.into_owned(), self.state.step(item).status);
        self.untold.push(Event::StepEnded { step, status, reason: None });
        true
    }

    /// How a step had ended, unless that is of no use any more.
    fn done_before(&self, step: usize) -> Option<(StepStatus, Made<'a>)> {
        let of_step = self.engine.known.steps.get(&*self.name(step))?;
        let KnownEnd::Done { status, outputs, metrics } = &of_step.end else { return None };
        let made = Made { outputs, metrics };
        (!self.state.step(step).is_lost && self.still_holds(step)).then_some((*status, made))
    }

    /// What ran because of how others ended runs again if one of them does: what it was to clean up or to tell is another thing then.
    fn still_holds(&self, step: usize) -> bool {
        let described = self.described(step);
        (described.trigger == Trigger::OnSuccess && described.when.is_empty())
            || self
                .state
                .needs(self.state.planned(step))
                .iter()
                .all(|needed| self.done_before(*needed).is_some())
    }

    /// Jobs that outlive their host: those that still run are heard again, and the reports of those that have ended are taken.
    fn take_up_jobs(&mut self) {
        if !self.capabilities.remote {
            return;
        }
        let known = self.engine.known;
        let mut taken_up = Vec::new();
        for step in self.state.order().to_vec() {
            let Some(of_step) = known.steps.get(&*self.name(step)) else { continue };
            let KnownEnd::UnderWay { handle, job } = &of_step.end else { continue };
            if self.take_up(running(step, job.clone(), of_step.attempts, Handle(handle.clone()))) {
                taken_up.push(job.as_str());
            }
        }
        taken_up.extend(self.jobs_of_items());
        self.forget_others(&taken_up);
    }

    /// The jobs of items, which are taken up when it is known again which items there are.
    fn jobs_of_items(&self) -> impl Iterator<Item = &'a str> {
        let steps = self.engine.known.steps.iter();
        steps.filter_map(|(name, step)| match &step.end {
            KnownEnd::UnderWay { job, .. } if step_of_item(name).is_some() => Some(job.as_str()),
            _ => None,
        })
    }

    /// Takes up one job, or its report. Where there is neither, the step runs anew.
    fn take_up(&mut self, running: Running) -> bool {
        let (step, handle) = (running.step, running.handle.clone());
        let state = self.reattach(step, &handle);
        let is_over = matches!(state, JobState::Cancelled | JobState::Lost { .. });
        let has_report = match portable::read_report(&*self.engine.store, &running.job) {
            Ok(report) => report.is_some(),
            // It may have: that is asked again.
            Err(error) => error.is_retryable(),
        };
        if is_over && !has_report {
            return false;
        }
        self.state.take_up(step);
        self.ledger.take(&needs(self.described(step)));
        let (step, attempt) = (self.name(step).into_owned(), running.attempt);
        self.untold.push(Event::AttemptTakenUp { step, attempt });
        self.running.insert(handle.clone(), running);
        self.apply(Change::new(handle, state));
        true
    }

    fn reattach(&mut self, step: usize, handle: &Handle) -> JobState {
        // What nobody knows any more may have left its report.
        let unknown = || JobState::lost("nobody knows what became of it");
        if !self.capabilities.reattach {
            return unknown();
        }
        match self.engine.orchestrator.reattach(handle) {
            Ok(state) => state,
            Err(error) if error.kind() == ErrorKind::NotFound => unknown(),
            Err(error) => {
                let step = self.name(step);
                self.warn(format!("what became of step `{step}` cannot be asked: {error}"));
                unknown()
            }
        }
    }

    /// What this run has left for workers that nobody hears of any more: one that has not begun then does nothing.
    fn forget_others(&mut self, taken_up: &[&str]) {
        match portable::left_by(&*self.engine.store, self.engine.run_id) {
            Ok(jobs) => {
                let others = jobs.into_iter().filter(|job| !taken_up.contains(&job.as_str()));
                others.for_each(|job| self.forget(&job));
            }
            Err(error) => self.warn(format!(
                "what this run has left for workers may remain in the artifact store: {error}"
            )),
        }
    }
}

/// The first output that is not there. Where the store cannot be asked, whoever needs an output will tell.
fn first_gone<'n>(
    store: &dyn ArtifactStore,
    names: &'n [String],
    outputs: &BTreeMap<String, ArtifactRef>,
) -> Option<&'n str> {
    let is_gone = |output: &&String| match outputs.get(*output) {
        Some(artifact) => matches!(is_present(store, artifact), Ok(false)),
        None => true,
    };
    names.iter().find(is_gone).map(String::as_str)
}

/// Steps that may have been done before, in the order of the plan.
pub(super) type Unverified = VecDeque<usize>;
