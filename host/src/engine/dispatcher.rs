//! The one thread that owns a run: it decides what starts, hears what ends, and tells.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sundae_plugin_api::orchestrator::{
    Capabilities, Change, Handle, Job, JobDescription, JobState,
};

use super::cache::{self, Lookup};
use super::cache_key::cache_key;
use super::code::CodeDigests;
use super::event::{AttemptReport, Event, Failure, Outcome, PlannedStep, RunStatus, StepStatus};
use super::job::{AttemptWork, Reports};
use super::state::State;
use super::{Engine, EngineError, Listener};
use crate::pipeline::Step;
use crate::worker::{AttemptSpec, Cancel, latest_progress};

/// How long to wait for the orchestrator before looking for a request to stop. Nothing else depends on it.
const TICK: Duration = Duration::from_millis(100);

/// How long a step that was asked to stop may take before it is stopped.
const GRACE: Duration = Duration::from_secs(10);

/// How often lost data is made again before a run gives up: a store that loses everything would keep it busy for ever.
const MOST_REMAKES: u32 = 3;

pub(super) struct Dispatcher<'a> {
    engine: &'a Engine<'a>,
    listener: &'a mut dyn Listener,
    capabilities: Capabilities,
    state: State<'a>,
    code: CodeDigests,
    /// Ready to be submitted, for want of a place.
    queue: VecDeque<Prepared>,
    running: HashMap<Handle, Running>,
    reports: Reports,
    /// Told when there is nothing else to do, so that many events are recorded at once.
    untold: Vec<Event>,
    stopping: Stopping,
    has_failed: bool,
}

/// A step that must run, and what was found out about it.
struct Prepared {
    step: usize,
    key: String,
    inputs: std::collections::BTreeMap<String, crate::artifact::ArtifactRef>,
    reason: String,
}

struct Running {
    step: usize,
    job: String,
    attempt: u32,
    folder: PathBuf,
    progress: Option<(f64, String)>,
}

/// How far stopping has come.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stopping {
    No,
    Asked { since: Instant },
    Forced,
}

impl<'a> Dispatcher<'a> {
    pub(super) fn new(engine: &'a Engine<'a>, listener: &'a mut dyn Listener) -> Self {
        let Ok(graph) = engine.pipeline.graph() else {
            unreachable!("a pipeline that was read has no cycle")
        };
        Self {
            engine,
            listener,
            capabilities: engine.orchestrator.capabilities(),
            state: State::new(engine.pipeline, graph),
            code: CodeDigests::default(),
            queue: VecDeque::new(),
            running: HashMap::new(),
            reports: Reports::default(),
            untold: Vec::new(),
            stopping: Stopping::No,
            has_failed: false,
        }
    }

    pub(super) fn run(mut self) -> Result<RunStatus, EngineError> {
        let steps = self.state.order().iter().map(|step| planned(self.described(*step))).collect();
        self.untold.push(Event::RunStarted { steps });
        let result = self.turn_until_finished();
        if result.is_err() {
            self.stop_everything();
        }
        result
    }

    fn turn_until_finished(&mut self) -> Result<RunStatus, EngineError> {
        loop {
            self.hear_stop();
            self.prepare_ready();
            self.submit_queued();
            if self.running.is_empty() && self.state.is_finished() {
                return self.finish();
            }
            self.tell()?;
            // Nothing runs if all that was to be submitted was refused; what follows from that is decided in the next turn.
            if !self.running.is_empty() {
                self.hear_orchestrator();
                self.hear_progress();
            }
        }
    }

    fn finish(&mut self) -> Result<RunStatus, EngineError> {
        let (status, reason) = match (self.stopping, self.has_failed) {
            (Stopping::No, false) => (RunStatus::Completed, None),
            (Stopping::No, true) => (RunStatus::Failed, Some(self.failed_steps())),
            _ => (RunStatus::Cancelled, Some("it was stopped".to_owned())),
        };
        self.untold.push(Event::RunEnded { status, reason });
        self.tell()?;
        Ok(status)
    }

    fn failed_steps(&self) -> String {
        let order = self.state.order().iter();
        let failed = order.filter(|step| self.state.step(**step).status == StepStatus::Failed);
        let names: Vec<_> = failed.map(|step| format!("`{}`", self.name(*step))).collect();
        format!("{} failed", names.join(", "))
    }

    fn described(&self, step: usize) -> &'a Step {
        &self.engine.pipeline.steps[step]
    }

    fn name(&self, step: usize) -> &'a str {
        &self.described(step).name
    }

    fn tell(&mut self) -> Result<(), EngineError> {
        if self.untold.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut self.untold);
        self.listener.hear(&events).map_err(EngineError::NotRecorded)
    }

    // What starts.

    /// Finds out for every step that waits for nothing whether it must run.
    fn prepare_ready(&mut self) {
        if self.stopping != Stopping::No {
            return;
        }
        while let Some(step) = self.state.next_ready() {
            match self.prepare(step) {
                Ok(Some(prepared)) => self.queue.push_back(prepared),
                Ok(None) => {}
                Err(message) => self.fail(step, message),
            }
        }
    }

    /// What it takes to run a step; `None` if its outcome is known, and the step so completed.
    fn prepare(&mut self, step: usize) -> Result<Option<Prepared>, String> {
        let described = self.described(step);
        let inputs = self.state.inputs_of(step);
        let root = &self.engine.pipeline.root;
        let code = self.code.of(described, root).map_err(|error| error.to_string())?;
        let key = cache_key(described, &code, &inputs);
        let reason = match self.look_up(described, &key)? {
            Lookup::Miss(reason) => reason,
            Lookup::Hit(outcome) => {
                let outputs = outcome.outputs.clone();
                let step_name = described.name.clone();
                self.untold.push(Event::StepCached { step: step_name, key, outcome });
                self.state.complete(step, StepStatus::Cached, outputs);
                return Ok(None);
            }
        };
        Ok(Some(Prepared { step, key, inputs, reason }))
    }

    fn look_up(&self, step: &Step, key: &str) -> Result<Lookup, String> {
        if !self.engine.use_cache {
            return Ok(Lookup::Miss("the run does not use the cache".to_owned()));
        }
        if !step.cache {
            return Ok(Lookup::Miss("it has `cache = false`".to_owned()));
        }
        cache::look_up(&*self.engine.store, key)
            .map_err(|error| format!("the artifact store could not be asked: {error}"))
    }

    /// Hands steps to the orchestrator, as many as it wants.
    fn submit_queued(&mut self) {
        let limit = self.capabilities.parallelism.map_or(usize::MAX, |limit| limit as usize);
        while self.running.len() < limit {
            let Some(prepared) = self.queue.pop_front() else { return };
            self.submit(prepared);
        }
    }

    fn submit(&mut self, prepared: Prepared) {
        let Prepared { step, key, inputs, reason } = prepared;
        let described = self.described(step);
        let attempt = self.state.start(step);
        let id = format!("{}-{step}-{attempt}", self.engine.run_id);
        let spec = AttemptSpec {
            id: id.clone(),
            run_id: self.engine.run_id.to_owned(),
            run_name: self.engine.run_name.to_owned(),
            pipeline: self.engine.pipeline.name.clone(),
            attempt,
            step: described.clone(),
            inputs,
        };
        let mut description =
            JobDescription::new(&id, format!("{}/{}", self.engine.run_name, described.name));
        match (self.engine.worker)(&spec) {
            Ok(command) => description.worker = command,
            Err(message) => return self.fail(step, message),
        }
        let folder = self.engine.staging.join(format!("{}-{attempt}", described.name));
        let work = AttemptWork {
            spec,
            store: Arc::clone(&self.engine.store),
            folder: folder.clone(),
            cache_key: described.cache.then(|| key.clone()),
            cancel: Arc::new(Cancel::default()),
            reports: self.reports.clone(),
        };
        match self.engine.orchestrator.submit(Job { description, work: Box::new(work) }) {
            Err(error) => self.fail(step, format!("the orchestrator refused it: {error}")),
            Ok(handle) => {
                let submitted = Event::AttemptSubmitted {
                    step: described.name.clone(),
                    attempt,
                    key,
                    reason,
                    handle: handle.0.clone(),
                };
                self.untold.push(submitted);
                let progress = None;
                self.running.insert(handle, Running { step, job: id, attempt, folder, progress });
            }
        }
    }

    // What ends.

    fn hear_orchestrator(&mut self) {
        match self.engine.orchestrator.wait(TICK) {
            Ok(changes) => changes.into_iter().for_each(|change| self.apply(change)),
            Err(error) if error.is_retryable() => std::thread::sleep(TICK),
            Err(error) => {
                let lost: Vec<_> = self.running.keys().cloned().collect();
                for handle in lost {
                    let reason = format!("the orchestrator cannot be asked: {error}");
                    self.apply(Change { handle, state: JobState::lost(reason) });
                }
            }
        }
    }

    fn apply(&mut self, change: Change) {
        let Change { handle, state } = change;
        if state == JobState::Running
            && let Some(running) = self.running.get(&handle)
        {
            let step = self.name(running.step).to_owned();
            self.untold.push(Event::AttemptStarted { step, attempt: running.attempt });
        }
        if !state.is_final() {
            return;
        }
        // A change of a job that is not ours, or that was reported twice, means nothing.
        let Some(running) = self.running.remove(&handle) else { return };
        let report = self.reports.take(&running.job).unwrap_or_else(|| self.report_without(state));
        self.end_attempt(&running, report);
    }

    /// The report of an attempt that has left none.
    fn report_without(&self, state: JobState) -> AttemptReport {
        let failure = match state {
            JobState::Cancelled => Failure::Cancelled,
            JobState::Lost { reason, .. } => {
                Failure::Host { message: format!("the orchestrator lost it: {reason}") }
            }
            _ => Failure::Host { message: "it ended without leaving its outcome".to_owned() },
        };
        let now = Timestamp::now();
        let outcome = Outcome {
            run: self.engine.run_name.to_owned(),
            outputs: Default::default(),
            log: None,
            metrics: Default::default(),
            notes: Vec::new(),
            started: now,
            ended: now,
        };
        AttemptReport { outcome, exit_code: None, failure: Some(failure), log_tail: String::new() }
    }

    fn end_attempt(&mut self, running: &Running, report: AttemptReport) {
        let step = running.step;
        let name = self.name(step).to_owned();
        let outputs = report.outcome.outputs.clone();
        let failure = report.failure.clone();
        let report = Box::new(report);
        self.untold.push(Event::AttemptEnded {
            step: name.clone(),
            attempt: running.attempt,
            report,
        });
        match failure {
            None => {
                self.state.complete(step, StepStatus::Completed, outputs);
                let status = StepStatus::Completed;
                self.untold.push(Event::StepEnded { step: name, status, reason: None });
            }
            Some(Failure::Cancelled) => self.cancel_step(step),
            Some(Failure::DamagedInput { input, message, .. }) => {
                self.make_again(step, &input, &message);
            }
            Some(Failure::Command { message } | Failure::Host { message }) => {
                self.fail(step, message);
            }
            Some(Failure::MissingOutput { output }) => {
                self.fail(step, format!("it ended well, but did not write its output `{output}`"));
            }
        }
    }

    /// A step has failed for good: what needs it is skipped, and everything else goes on.
    fn fail(&mut self, step: usize, reason: String) {
        self.has_failed = true;
        self.state.end(step, StepStatus::Failed);
        let name = self.name(step).to_owned();
        let why = format!("`{name}` failed");
        let status = StepStatus::Failed;
        self.untold.push(Event::StepEnded { step: name, status, reason: Some(reason) });
        for skipped in self.state.skip_downstream(step) {
            let step = self.name(skipped).to_owned();
            self.untold.push(Event::StepSkipped { step, reason: why.clone() });
        }
    }

    /// Data that a step needs is damaged or gone: the step that made it makes it again.
    fn make_again(&mut self, step: usize, input: &str, message: &str) {
        let Some(producer) = self.state.producer(step, input) else {
            return self.fail(step, message.to_owned());
        };
        if self.state.step(producer).remade >= MOST_REMAKES {
            return self
                .fail(step, format!("its input `{input}` is lost again and again: {message}"));
        }
        if self.state.remake(producer, step) {
            let made_again = self.name(producer);
            let message = format!("{message}; `{made_again}`, which made it, runs again");
            self.untold.push(Event::Warning { message });
        }
    }

    // Stopping.

    fn hear_stop(&mut self) {
        let requests = self.engine.stop.requests();
        self.stopping = match self.stopping {
            Stopping::No if requests > 0 => {
                self.cancel_running();
                self.cancel_waiting();
                Stopping::Asked { since: Instant::now() }
            }
            Stopping::Asked { since } if requests > 1 || since.elapsed() >= GRACE => {
                self.cancel_running();
                Stopping::Forced
            }
            same => same,
        };
    }

    fn cancel_running(&mut self) {
        for handle in self.running.keys() {
            if let Err(error) = self.engine.orchestrator.cancel(handle) {
                let message = format!("a step may go on: {error}");
                self.untold.push(Event::Warning { message });
            }
        }
    }

    fn cancel_waiting(&mut self) {
        self.queue.clear();
        for step in self.state.waiting() {
            self.cancel_step(step);
        }
    }

    fn cancel_step(&mut self, step: usize) {
        self.state.end(step, StepStatus::Cancelled);
        let status = StepStatus::Cancelled;
        let reason = Some("the run was stopped".to_owned());
        self.untold.push(Event::StepEnded { step: self.name(step).to_owned(), status, reason });
        // Cancelled by the orchestrator and not by us: what needs it cannot run.
        if self.stopping == Stopping::No {
            self.has_failed = true;
            for skipped in self.state.skip_downstream(step) {
                let reason = format!("`{}` was cancelled", self.name(step));
                let step = self.name(skipped).to_owned();
                self.untold.push(Event::StepSkipped { step, reason });
            }
        }
    }

    /// Nobody listens any more: ends what runs, and waits for it, so that nothing is left behind.
    fn stop_everything(&mut self) {
        self.cancel_running();
        let deadline = Instant::now() + GRACE;
        while !self.running.is_empty() && Instant::now() < deadline {
            self.hear_orchestrator();
        }
        self.cancel_running();
    }

    // Progress.

    /// Looks what the steps that run in this process have said of their progress.
    fn hear_progress(&mut self) {
        for running in self.running.values_mut() {
            let progress = latest_progress(&running.folder.join("messages.jsonl"));
            if progress.is_some() && progress != running.progress {
                running.progress.clone_from(&progress);
                if let Some((fraction, label)) = progress {
                    let step = self.engine.pipeline.steps[running.step].name.clone();
                    self.untold.push(Event::StepProgress { step, fraction, label });
                }
            }
        }
    }
}

fn planned(step: &Step) -> PlannedStep {
    let inputs = step.inputs.iter();
    PlannedStep {
        name: step.name.clone(),
        inputs: inputs
            .map(|(name, from)| (name.clone(), (from.step.clone(), from.output.clone())))
            .collect(),
        outputs: step.outputs.clone(),
        after: step.after.clone(),
    }
}
