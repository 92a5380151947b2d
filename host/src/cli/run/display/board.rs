//! Where the steps of a run stand, as far as it is shown. Pure: no clock, no terminal.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::engine::event::{AttemptReport, Event, Outcome, PlannedStep, StepStatus};
use crate::engine::explain::{NOT_BEFORE, in_short};
use crate::engine::fan_out::step_of_item;

/// Of a fan-out with more items than this, only those are told of one by one that something is wrong with.
const MOST_ITEMS: usize = 20;

/// So many failed items of a fan-out are told of with their logs.
const MOST_FAILED_ITEMS: usize = 5;

/// What is known of a run.
#[derive(Debug, Default)]
pub(in crate::cli) struct Board {
    steps: HashMap<String, StepStatus>,
    /// Handed to the orchestrator, in the order in which they were.
    pub(super) under_way: Vec<UnderWay>,
    /// The last attempt of steps that have not ended for good.
    attempts: HashMap<String, Attempt>,
    /// Why steps run.
    reasons: HashMap<String, Vec<String>>,
    /// The last value of each metric, as `step.metric`.
    pub(super) metrics: BTreeMap<String, f64>,
    /// Whether every reason is told.
    explain: bool,
    /// The steps that failed, in the order in which they did.
    pub(super) failed: Vec<String>,
    fan_outs: HashMap<String, FanOut>,
}

/// How far the items of a step have come.
#[derive(Debug)]
struct FanOut {
    items: usize,
    ended: usize,
    cached: usize,
    failed: usize,
    begun: Instant,
}

/// A step that was handed to the orchestrator.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) step: String,
    /// When it was started; `None` while it waits for a place.
    pub(super) since: Option<Instant>,
    /// From 0 to 1, and what it is doing.
    pub(super) progress: Option<(f64, String)>,
}

#[derive(Debug)]
struct Attempt {
    took: Duration,
    log_tail: String,
}

/// Something that people want to know.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    Started { step: String, why: Vec<String> },
    Completed { step: String, took: Option<Duration>, why: Vec<String> },
    Cached { step: String, from: String, made: Option<Timestamp> },
    Expanded { step: String, items: usize },
    Joined { step: String, took: Option<Duration>, items: usize, cached: usize },
    Failed { step: String, took: Option<Duration>, reason: String, log_tail: String },
    Retried { step: String, attempt: u32, attempts: u32, reason: String, wait: Duration },
    Skipped { step: String, reason: String },
    Cancelled { step: String, took: Option<Duration> },
    Warning { message: String },
}

impl Board {
    /// Nothing is known yet; `explain`: every reason why a step runs is told, and not only the first.
    pub(super) fn new(explain: bool) -> Self {
        Self { explain, ..Self::default() }
    }

    /// Takes an event that came now, and returns what to say of it.
    pub(super) fn hear(&mut self, event: &Event, now: Instant) -> Option<Told> {
        let told = self.take(event, now);
        self.count_item(event);
        told.filter(|told| self.is_worth_telling(told))
    }

    fn take(&mut self, event: &Event, now: Instant) -> Option<Told> {
        match event {
            Event::RunStarted { steps } => {
                let waiting = |name: &String| (name.clone(), StepStatus::Waiting);
                self.steps = steps.iter().map(|step| waiting(&step.name)).collect();
                None
            }
            Event::RunResumed { steps, done } => {
                let stands = |name: &String| done.get(name).copied().unwrap_or(StepStatus::Waiting);
                let stand = |step: &PlannedStep| (step.name.clone(), stands(&step.name));
                self.steps = steps.iter().map(stand).collect();
                None
            }
            Event::StepCached { step, outcome, .. } => {
                self.set(step, StepStatus::Cached);
                self.keep_metrics(step, outcome);
                let made = self.explain.then_some(outcome.ended);
                Some(Told::Cached { step: step.clone(), from: outcome.run.clone(), made })
            }
            Event::FanOutExpanded { step, items } => {
                self.set(step, StepStatus::Running);
                let fan_out = FanOut { items: *items, ended: 0, cached: 0, failed: 0, begun: now };
                self.fan_outs.insert(step.clone(), fan_out);
                let progress = Some((0.0, told_of_items(0, *items)));
                self.under_way.push(UnderWay { step: step.clone(), since: Some(now), progress });
                Some(Told::Expanded { step: step.clone(), items: *items })
            }
            Event::FanOutJoined { step, status, .. } => {
                self.set(step, *status);
                self.under_way.retain(|one| one.step != *step);
                let fan_out = self.fan_outs.remove(step)?;
                let took = (*status == StepStatus::Completed)
                    .then(|| now.saturating_duration_since(fan_out.begun));
                let FanOut { items, cached, .. } = fan_out;
                Some(Told::Joined { step: step.clone(), took, items, cached })
            }
            Event::StepSkipped { step, reason } => {
                self.set(step, StepStatus::Skipped);
                self.under_way.retain(|one| one.step != *step);
                Some(Told::Skipped { step: step.clone(), reason: reason.clone() })
            }
            Event::AttemptSubmitted { step, attempt, reasons, .. } => {
                self.set(step, StepStatus::Running);
                if *attempt == 1 {
                    self.keep_reasons(step, reasons);
                }
                let step = step.clone();
                self.under_way.push(UnderWay { step, since: None, progress: None });
                None
            }
            Event::AttemptTakenUp { step, .. } => {
                self.set(step, StepStatus::Running);
                let step = step.clone();
                self.under_way.push(UnderWay { step, since: None, progress: None });
                None
            }
            Event::AttemptStarted { step, .. } => {
                let begun = self.under_way.iter_mut().find(|one| one.step == *step)?;
                begun.since = Some(now);
                let why = self.reasons.get(step).cloned().unwrap_or_default();
                Some(Told::Started { step: step.clone(), why })
            }
            Event::StepProgress { step, fraction, label } => {
                let running = self.under_way.iter_mut().find(|one| one.step == *step)?;
                running.progress = Some((*fraction, label.clone()));
                None
            }
            Event::AttemptEnded { step, report, .. } => {
                self.attempt_ended(step, report);
                None
            }
            Event::StepRetried { step, attempt, attempts, reason, wait } => Some(Told::Retried {
                step: step.clone(),
                attempt: *attempt,
                attempts: *attempts,
                reason: reason.clone(),
                wait: *wait,
            }),
            Event::StepEnded { step, status, reason } => {
                self.set(step, *status);
                self.under_way.retain(|one| one.step != *step);
                self.ended(step, *status, reason.as_deref())
            }
            Event::Warning { message } => Some(Told::Warning { message: message.clone() }),
            Event::RunEnded { .. } | Event::DataTaken { .. } => None,
        }
    }

    /// Items count for their step.
    fn set(&mut self, step: &str, status: StepStatus) {
        if step_of_item(step).is_none() {
            self.steps.insert(step.to_owned(), status);
        }
    }

    /// Counts an item that has ended.
    fn count_item(&mut self, event: &Event) {
        let (name, status) = match event {
            Event::StepCached { step, .. } => (step, StepStatus::Cached),
            Event::StepSkipped { step, .. } => (step, StepStatus::Skipped),
            Event::StepEnded { step, status, .. } => (step, *status),
            _ => return,
        };
        let Some(step) = step_of_item(name) else { return };
        let Some(fan_out) = self.fan_outs.get_mut(step) else { return };
        fan_out.ended += 1;
        fan_out.cached += usize::from(status == StepStatus::Cached);
        fan_out.failed += usize::from(status == StepStatus::Failed);
        let (ended, items) = (fan_out.ended, fan_out.items);
        if let Some(line) = self.under_way.iter_mut().find(|one| one.step == step) {
            #[expect(clippy::cast_precision_loss, reason = "it is a bar on a terminal")]
            let fraction = ended as f64 / items.max(1) as f64;
            line.progress = Some((fraction, told_of_items(ended, items)));
        }
    }

    /// Whether a person wants to hear of it, though there may be thousands of such.
    fn is_worth_telling(&self, told: &Told) -> bool {
        let (step, is_failure) = match told {
            Told::Failed { step, .. } => (step, true),
            Told::Started { step, .. }
            | Told::Completed { step, .. }
            | Told::Cached { step, .. }
            | Told::Skipped { step, .. }
            | Told::Cancelled { step, .. } => (step, false),
            _ => return true,
        };
        let fan_out = step_of_item(step).and_then(|step| self.fan_outs.get(step));
        fan_out.is_none_or(|fan_out| match is_failure {
            true => fan_out.failed <= MOST_FAILED_ITEMS,
            false => fan_out.items <= MOST_ITEMS,
        })
    }

    fn attempt_ended(&mut self, step: &str, report: &AttemptReport) {
        self.under_way.retain(|one| one.step != step);
        // If nothing follows, the step waits for an input that is made again.
        self.set(step, StepStatus::Waiting);
        self.keep_metrics(step, &report.outcome);
        let Outcome { started, ended, .. } = &report.outcome;
        let took = ended.duration_since(*started).try_into().unwrap_or_default();
        let attempt = Attempt { took, log_tail: report.log_tail.clone() };
        self.attempts.insert(step.to_owned(), attempt);
    }

    /// That a step runs for the first time needs no reason.
    fn keep_reasons(&mut self, step: &str, reasons: &[String]) {
        let is_first = reasons.iter().any(|reason| reason == NOT_BEFORE);
        let kept = match self.explain {
            true => reasons.to_vec(),
            false if is_first => return,
            false => vec![in_short(reasons)],
        };
        self.reasons.insert(step.to_owned(), kept);
    }

    fn keep_metrics(&mut self, step: &str, outcome: &Outcome) {
        if step_of_item(step).is_some() {
            return;
        }
        let named = outcome.metrics.iter().map(|(name, value)| (format!("{step}.{name}"), *value));
        self.metrics.extend(named);
    }

    fn ended(&mut self, step: &str, status: StepStatus, reason: Option<&str>) -> Option<Told> {
        let attempt = self.attempts.remove(step);
        let took = attempt.as_ref().map(|attempt| attempt.took);
        let step = step.to_owned();
        match status {
            // An item that was done before the run went on.
            StepStatus::Completed if took.is_none() && step_of_item(&step).is_some() => None,
            StepStatus::Completed => {
                let why = self.reasons.remove(&step).unwrap_or_default();
                Some(Told::Completed { step, took, why })
            }
            StepStatus::Failed => {
                if step_of_item(&step).is_none() {
                    self.failed.push(step.clone());
                    self.fan_outs.remove(&step);
                }
                let reason = reason.unwrap_or("it is not known why").to_owned();
                let log_tail = attempt.map(|attempt| attempt.log_tail).unwrap_or_default();
                Some(Told::Failed { step, took, reason, log_tail })
            }
            // Those that had not begun are counted at the end; there may be many.
            StepStatus::Cancelled if took.is_some() => Some(Told::Cancelled { step, took }),
            _ => None,
        }
    }

    /// How many steps there are.
    pub(super) fn total(&self) -> usize {
        self.steps.len()
    }

    /// How many steps have this status.
    pub(super) fn count(&self, status: StepStatus) -> usize {
        self.steps.values().filter(|of| **of == status).count()
    }

    /// How many steps have ended for good.
    pub(super) fn ended_steps(&self) -> usize {
        self.total() - self.count(StepStatus::Waiting) - self.count(StepStatus::Running)
    }

    /// `5 completed, 2 cached`: how many steps ended how.
    pub(super) fn counts(&self) -> String {
        let all = [
            (StepStatus::Completed, "completed"),
            (StepStatus::Cached, "cached"),
            (StepStatus::Failed, "failed"),
            (StepStatus::Skipped, "skipped"),
            (StepStatus::Cancelled, "cancelled"),
        ];
        let counted = all.map(|(status, word)| (self.count(status), word));
        let shown = counted.iter().filter(|(number, _)| *number > 0);
        shown.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
    }
}

fn told_of_items(ended: usize, items: usize) -> String {
    format!("{ended} of {items} items")
}
