//! The one thread that owns a run: it decides what starts, hears what ends, and tells.

mod end;
mod fan_out;
mod known;
mod late;
mod look_up;
mod outage;
mod progress;
mod renewal;
mod retry;
mod start;
mod stop;
mod submit;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sundae_plugin_api::Ledger;
use sundae_plugin_api::orchestrator::{Capabilities, Handle, Usage};

use super::code::CodeDigests;
use super::event::{Event, PlannedStep, RunStatus, StepStatus};
use super::fan_out::{FanOut, item_name};
use super::job::Reports;
use super::state::State;
use super::{Engine, EngineError, Listener};
use crate::artifact::requests_at_once;
use crate::pipeline::{Step, spoken};
use crate::worker::Folders;
use known::Unverified;
use late::{Fetched, Late};
use outage::Outage;
use progress::ProgressWatch;
use retry::Delayed;
use stop::{Ending, Stopping};
use submit::Prepared;

/// How long to wait for the orchestrator before looking for a request to stop. Nothing else depends on it.
const TICK: Duration = Duration::from_millis(100);

/// What happens in quick succession is told at once: recording it is a good part of what a trivial step costs. Nobody sees the
/// difference; and if this process is killed meanwhile, what has ended is found in the artifact store.
const BETWEEN_TELLING: Duration = Duration::from_millis(5);

pub(super) struct Dispatcher<'a> {
    engine: &'a Engine<'a>,
    listener: &'a mut dyn Listener,
    capabilities: Capabilities,
    state: State<'a>,
    code: CodeDigests<'a>,
    unverified: Unverified,
    /// Ready to be submitted, for want of a place.
    queue: VecDeque<Prepared<'a>>,
    /// The fan-outs whose items are under way.
    fan_outs: HashMap<usize, FanOut>,
    running: HashMap<Handle, Running>,
    /// What is left of the resources of the orchestrator, where they are known.
    ledger: Ledger,
    /// About how many steps the store is told or asked at once: several, where what takes long is the way there.
    asked_at_once: usize,
    /// Wait to be tried again.
    delayed: Delayed,
    reports: Reports,
    folders: Arc<Folders>,
    /// Ended, with a report that has yet to appear.
    late: Vec<Late>,
    /// Read already, and not yet asked for.
    fetched: Fetched,
    progress: ProgressWatch,
    /// When others were last told what this run relies on.
    renewed: Instant,
    /// Told when there is nothing else to do, so that many events are recorded at once.
    untold: Vec<Event>,
    /// When something was told last, if anything was.
    told: Option<Instant>,
    /// Something has ended that is not in the artifact store: it would be done again if it were not recorded.
    is_urgent: bool,
    began: Instant,
    /// Jobs of which everything was heard: what workers were told is removed when that is recorded.
    heard: Vec<String>,
    stopping: Stopping,
    looked_at_times: Instant,
    /// The run is stopped because it takes too long.
    has_timed_out: bool,
    is_failing_fast: bool,
    /// Whether the orchestrator could not be asked when it was asked last.
    is_unreachable: bool,
    /// The artifact store could not be asked when it was asked last.
    outage: Option<Outage>,
    has_failed: bool,
}

/// An attempt that the orchestrator has.
struct Running {
    step: usize,
    /// The id of the job and of its attempt.
    job: String,
    attempt: u32,
    /// When it must have ended; from when it is known to have started.
    deadline: Option<Instant>,
    ending: Option<Ending>,
    /// What is known of it at its end.
    usage: Usage,
    /// What the orchestrator calls it.
    handle: Handle,
}

impl<'a> Dispatcher<'a> {
    pub(super) fn new(engine: &'a Engine<'a>, listener: &'a mut dyn Listener) -> Self {
        let Ok(graph) = engine.pipeline.graph() else {
            unreachable!("a pipeline that was read has no cycle")
        };
        let capabilities = engine.orchestrator.capabilities();
        let now = Instant::now();
        Self {
            engine,
            listener,
            ledger: Ledger::new(capabilities.capacity.clone()),
            capabilities,
            state: State::new(engine.pipeline, engine.data, graph),
            code: CodeDigests::new(engine.digests),
            unverified: Unverified::new(),
            queue: VecDeque::new(),
            fan_outs: HashMap::new(),
            running: HashMap::new(),
            asked_at_once: requests_at_once(&*engine.store),
            delayed: Delayed::default(),
            reports: Reports::default(),
            folders: Arc::new(Folders::below(engine.staging)),
            late: Vec::new(),
            fetched: Fetched::new(),
            progress: ProgressWatch::default(),
            renewed: Instant::now(),
            untold: Vec::new(),
            told: None,
            is_urgent: false,
            began: now,
            heard: Vec::new(),
            stopping: Stopping::No,
            looked_at_times: now,
            has_timed_out: false,
            is_failing_fast: false,
            is_unreachable: false,
            outage: None,
            has_failed: false,
        }
    }

    pub(super) fn run(mut self) -> Result<RunStatus, EngineError> {
        self.begin();
        let result = self.turn_until_finished();
        if result.is_err() {
            self.stop_everything();
        }
        self.folders.close();
        result
    }

    fn turn_until_finished(&mut self) -> Result<RunStatus, EngineError> {
        loop {
            self.hear_stop();
            self.take_up_delayed();
            self.start_ready();
            self.join_items();
            self.forget_outage();
            let is_idle = self.running.is_empty()
                && self.late.is_empty()
                && self.delayed.is_empty()
                && !self.store_is_away();
            if is_idle && self.state.is_finished() {
                return self.finish();
            }
            if self.time_to_tell().is_zero() {
                self.tell()?;
            }
            if is_idle {
                // What was to be submitted was refused; what follows from that is decided in the next turn.
                assert!(self.can_go_on(), "steps wait for what nobody does");
                continue;
            }
            self.hear_orchestrator();
            self.hear_late_reports();
            self.hear_progress();
            self.renew_lease();
        }
    }

    /// Whether the next turn will find something to do.
    fn can_go_on(&self) -> bool {
        self.state.is_finished()
            || self.state.has_ready()
            || self.state.has_complete()
            || !self.unverified.is_empty()
            || !self.queue.is_empty()
            || self.engine.stop.requests() > 0
    }

    fn finish(&mut self) -> Result<RunStatus, EngineError> {
        if !self.heard.is_empty() {
            // Something may be said of what is removed, and nothing is said after the end.
            self.tell()?;
        }
        let cancelled = self.names_of(StepStatus::Cancelled);
        let failed = self.names_of(StepStatus::Failed);
        let (status, reason) = if self.has_timed_out && !cancelled.is_empty() {
            let timeout = spoken(self.engine.pipeline.timeout.unwrap_or_default());
            (RunStatus::Failed, Some(format!("it took longer than its timeout of {timeout}")))
        } else if self.stopping != Stopping::No && !cancelled.is_empty() {
            (RunStatus::Cancelled, Some("it was stopped".to_owned()))
        } else if self.has_failed {
            // What is cancelled though nobody stopped the run was cancelled by the orchestrator.
            let ends = [(failed, "failed"), (cancelled, "was cancelled")];
            let ends = ends.iter().filter(|(names, _)| !names.is_empty());
            let ends: Vec<_> = ends.map(|(names, how)| format!("{names} {how}")).collect();
            (RunStatus::Failed, Some(ends.join(", ")))
        } else {
            (RunStatus::Completed, None)
        };
        self.untold.push(Event::RunEnded { status, reason });
        self.tell()?;
        Ok(status)
    }

    /// The names of the steps that stand so, for people: at most a dozen.
    fn names_of(&self, status: StepStatus) -> String {
        const SHOWN: usize = 12;
        let steps = self.state.order().iter();
        let mut steps = steps.filter(|step| self.state.step(**step).status == status);
        let names = steps.by_ref().take(SHOWN).map(|step| format!("`{}`", self.name(*step)));
        let names = names.collect::<Vec<_>>().join(", ");
        match steps.count() {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }

    /// A step as the plan has it; of an item, that which it is an item of.
    fn described(&self, step: usize) -> &'a Step {
        &self.engine.pipeline.steps[self.state.planned(step)]
    }

    fn name(&self, step: usize) -> Cow<'a, str> {
        let name = &self.described(step).name;
        match self.state.item(step) {
            Some((_, index)) => Cow::Owned(item_name(name, index)),
            None => Cow::Borrowed(name),
        }
    }

    fn warn(&mut self, message: String) {
        self.untold.push(Event::Warning { message });
    }

    /// How long until something may be told again.
    fn time_to_tell(&self) -> Duration {
        match self.told {
            // What was submitted elsewhere must be known if this process is killed: it goes on there.
            Some(told) if !self.capabilities.remote && !self.is_urgent => {
                BETWEEN_TELLING.saturating_sub(told.elapsed())
            }
            _ => Duration::ZERO,
        }
    }

    fn tell(&mut self) -> Result<(), EngineError> {
        if self.untold.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(&mut self.untold);
        self.listener.hear(&events).map_err(EngineError::NotRecorded)?;
        self.told = Some(Instant::now());
        self.is_urgent = false;
        self.remove_what_was_heard();
        Ok(())
    }
}

fn planned(step: &Step) -> PlannedStep {
    let taken = step.taken();
    PlannedStep {
        name: step.name.clone(),
        inputs: taken
            .map(|(name, from)| (name.to_owned(), (from.step.clone(), from.output.clone())))
            .collect(),
        outputs: step.outputs.clone(),
        after: step.after.clone(),
    }
}
