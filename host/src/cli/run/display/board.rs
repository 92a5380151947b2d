//! Where the steps of a run stand, as far as it is shown. Pure: no clock, no terminal.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::engine::event::{AttemptReport, Event, Outcome, PlannedStep, StepStatus};
use crate::engine::explain::{NOT_BEFORE, in_short};

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
            Event::StepSkipped { step, reason } => {
                self.set(step, StepStatus::Skipped);
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
                self.ended(step, *status, reason.as_deref())
            }
            Event::Warning { message } => Some(Told::Warning { message: message.clone() }),
            Event::RunEnded { .. } => None,
        }
    }

    fn set(&mut self, step: &str, status: StepStatus) {
        self.steps.insert(step.to_owned(), status);
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
        let named = outcome.metrics.iter().map(|(name, value)| (format!("{step}.{name}"), *value));
        self.metrics.extend(named);
    }

    fn ended(&mut self, step: &str, status: StepStatus, reason: Option<&str>) -> Option<Told> {
        let attempt = self.attempts.remove(step);
        let took = attempt.as_ref().map(|attempt| attempt.took);
        let step = step.to_owned();
        match status {
            StepStatus::Completed => {
                let why = self.reasons.remove(&step).unwrap_or_default();
                Some(Told::Completed { step, took, why })
            }
            StepStatus::Failed => {
                self.failed.push(step.clone());
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
