//! A run of another process, followed in the records: what has changed since the last look, as the events that tell of it.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::run::KeptPlan;
use crate::engine::cache_key::CacheKey;
use crate::engine::event::{
    AttemptReport, Event, Failure as AttemptFailure, Outcome, PlannedStep, RunStatus, StepStatus,
};
use crate::engine::fan_out::step_of_item;
use crate::metadata::{Database, RunRecord, StepMark, StepRecord};
use crate::worker::{Progress, messages_beside};

/// Follows a run.
pub(super) struct Follower<'a> {
    context: &'a Context,
    run: &'a str,
    /// The database as it was when it was looked at last.
    version: Option<i64>,
    /// What is known of each step.
    seen: HashMap<String, (StepStatus, u32)>,
    /// The number of the last warning that was told.
    warned: i64,
    progress: HashMap<String, Progress>,
    /// The steps that have secrets; `None` if that is not known.
    discreet: Option<BTreeSet<String>>,
}

/// An event, and when it happened.
#[derive(Debug)]
pub(super) struct News {
    pub(super) event: Event,
    pub(super) happened: Timestamp,
}

impl<'a> Follower<'a> {
    /// # Errors
    /// The database cannot be read.
    pub(super) fn new(context: &'a Context, run: &'a RunRecord) -> Result<Self, Failure> {
        let (seen, progress) = (HashMap::new(), HashMap::new());
        let discreet = discreet(context, run)?;
        Ok(Self { context, run: &run.id, version: None, seen, warned: 0, progress, discreet })
    }

    /// What is new, in the order in which it happened; and how the run stands.
    ///
    /// # Errors
    /// The database cannot be read, or the run was deleted.
    pub(super) fn news(&mut self) -> Result<(Vec<News>, RunStatus), Failure> {
        let database = self.context.database()?;
        let version = database.version()?;
        // Before the steps: all that a run leaves is recorded when its end is.
        let Some((status, _)) = database.standing(self.run)? else {
            return Err(Failure::new("the run was deleted"));
        };
        let mut news = Vec::new();
        if self.version != Some(version) {
            self.version = Some(version);
            self.changes(database, &mut news)?;
        }
        for (step, progress) in &mut self.progress {
            if let Some((fraction, mut label)) = progress.news() {
                // Read from what the step itself writes, before its secrets are hidden; and here nobody knows them.
                if self.discreet.as_ref().is_none_or(|steps| steps.contains(declared(step))) {
                    label.clear();
                }
                let event = Event::StepProgress { step: step.clone(), fraction, label };
                news.push(News { event, happened: Timestamp::now() });
            }
        }
        Ok((news, status))
    }

    fn changes(&mut self, database: &Database, news: &mut Vec<News>) -> Result<(), Failure> {
        let marks = database.step_marks(self.run)?;
        if self.seen.is_empty() && !marks.is_empty() {
            let of_plan = marks.iter().filter(|mark| step_of_item(&mark.name).is_none());
            let steps = of_plan.map(planned).collect();
            let happened = Timestamp::UNIX_EPOCH;
            news.push(News { event: Event::RunStarted { steps }, happened });
        }
        let is_new = |mark: &&StepMark| {
            self.seen.get(&mark.name) != Some(&(mark.status, mark.attempt))
                && !(mark.status == StepStatus::Waiting && mark.attempt == 0)
        };
        let changed: Vec<_> = marks.iter().filter(is_new).map(|mark| mark.name.as_str()).collect();
        for step in database.some_steps(self.run, &changed)? {
            self.tell_of(database, &step, news)?;
        }
        for mark in marks {
            self.seen.insert(mark.name, (mark.status, mark.attempt));
        }
        for warning in database.warnings(self.run, self.warned)? {
            self.warned = warning.number;
            let event = Event::Warning { message: warning.message };
            news.push(News { event, happened: warning.told });
        }
        news.sort_by_key(|news| news.happened);
        Ok(())
    }

    /// Tells what has become of a step since it was seen last.
    fn tell_of(
        &mut self,
        database: &Database,
        step: &StepRecord,
        news: &mut Vec<News>,
    ) -> Result<(), Failure> {
        let before = self.seen.get(&step.name).copied();
        let (was, tried) = before.unwrap_or((StepStatus::Waiting, 0));
        if step.attempt > 1 && step.attempt > tried {
            self.tell_of_attempts(database, step, tried, news)?;
        }
        let is_told = was == StepStatus::Running && tried == step.attempt;
        let started = step.started.unwrap_or(Timestamp::UNIX_EPOCH);
        let ended = step.ended.unwrap_or(started);
        if step.attempt > 0 && has_begun(step.status) && !is_told {
            tell_of_begin(step, started, news);
        }
        if let Some(items) = step.items
            && was != StepStatus::Running
        {
            let event = Event::FanOutExpanded { step: step.name.clone(), items: items as usize };
            news.push(News { event, happened: started });
        }
        let mut tell = |event| news.push(News { event, happened: ended });
        let name = step.name.clone();
        self.progress.remove(&name);
        match step.status {
            StepStatus::Completed | StepStatus::Cached if step.items.is_some() => {
                let (status, outputs) = (step.status, step.outputs.clone());
                tell(Event::FanOutJoined { step: name, status, outputs });
            }
            StepStatus::Running => {
                if let Some(log) = &step.log_file {
                    self.progress.insert(name, Progress::new(messages_beside(log)));
                }
            }
            StepStatus::Waiting if is_told => tell(attempt_ended(step)),
            StepStatus::Waiting => {}
            StepStatus::Cached => {
                let outcome = Box::new(outcome(step));
                let key = key(step);
                tell(Event::StepCached { step: name, key, outcome });
            }
            StepStatus::Skipped => {
                let reason = step.reason.clone().unwrap_or_default();
                tell(Event::StepSkipped { step: name, reason });
            }
            StepStatus::Completed | StepStatus::Failed | StepStatus::Cancelled => {
                if step.attempt > 0 {
                    tell(attempt_ended(step));
                }
                let (status, reason) = (step.status, step.reason.clone());
                tell(Event::StepEnded { step: name, status, reason });
            }
        }
        Ok(())
    }

    /// Tells of attempts that others have followed.
    fn tell_of_attempts(
        &self,
        database: &Database,
        step: &StepRecord,
        tried: u32,
        news: &mut Vec<News>,
    ) -> Result<(), Failure> {
        for attempt in database.attempts(self.run, &step.name)? {
            if attempt.attempt < tried {
                continue;
            }
            let reason = attempt.reason.as_deref().unwrap_or("it is not known why");
            let (name, number) = (&step.name, attempt.attempt);
            let message = format!(
                "step `{name}`: attempt {number} did not do it: {reason}; it is tried again"
            );
            let happened = attempt.ended.or(attempt.started).unwrap_or(Timestamp::UNIX_EPOCH);
            news.push(News { event: Event::Warning { message }, happened });
        }
        Ok(())
    }
}

/// The steps of a run that have secrets; `None` if its plan is not there, or was written by another version.
fn discreet(context: &Context, run: &RunRecord) -> Result<Option<BTreeSet<String>>, Failure> {
    let plan = context.database()?.plan(&run.id)?;
    let plan = plan.and_then(|plan| KeptPlan::read(&plan, &run.name).ok());
    Ok(plan.map(|plan| {
        let steps = plan.pipeline.steps.into_iter();
        steps.filter(|step| step.secrets().next().is_some()).map(|step| step.name).collect()
    }))
}

/// The name of a step in the plan: its own, or that of the step that it is an item of.
fn declared(step: &str) -> &str {
    step_of_item(step).unwrap_or(step)
}

fn has_begun(status: StepStatus) -> bool {
    use StepStatus::{Cancelled, Completed, Failed, Running};
    matches!(status, Running | Completed | Failed | Cancelled)
}

fn planned(mark: &StepMark) -> PlannedStep {
    let name = mark.name.clone();
    PlannedStep { name, inputs: Default::default(), outputs: Vec::new(), after: Vec::new() }
}

fn tell_of_begin(step: &StepRecord, happened: Timestamp, news: &mut Vec<News>) {
    let (name, attempt) = (step.name.clone(), step.attempt);
    let submitted = Event::AttemptSubmitted {
        step: name.clone(),
        attempt,
        key: key(step),
        reasons: reasons(step),
        handle: String::new(),
        job: String::new(),
        log: step.log_file.clone(),
    };
    let started = Event::AttemptStarted { step: name, attempt };
    news.extend([submitted, started].map(|event| News { event, happened }));
}

/// The parts of the key are not told: nobody shows them.
fn key(step: &StepRecord) -> CacheKey {
    CacheKey { key: step.cache_key.clone().unwrap_or_default(), parts: String::new() }
}

/// Why a step runs; of one that has ended badly, the record has why it did instead.
fn reasons(step: &StepRecord) -> Vec<String> {
    let is_known = matches!(step.status, StepStatus::Running | StepStatus::Completed);
    step.reason.iter().filter(|_| is_known).cloned().collect()
}

fn attempt_ended(step: &StepRecord) -> Event {
    let failure = (step.status != StepStatus::Completed)
        .then(|| AttemptFailure::Host { message: step.reason.clone().unwrap_or_default() });
    let report = AttemptReport {
        outcome: outcome(step),
        exit_code: step.exit_code,
        failure,
        log_tail: step.log_tail.clone().unwrap_or_default(),
        warnings: Vec::new(),
        usage: step.usage.clone(),
    };
    Event::AttemptEnded { step: step.name.clone(), attempt: step.attempt, report: Box::new(report) }
}

fn outcome(step: &StepRecord) -> Outcome {
    let started = step.started.unwrap_or(Timestamp::UNIX_EPOCH);
    Outcome {
        run: step.cached_from.clone().unwrap_or_default(),
        outputs: step.outputs.clone(),
        log: step.log.clone(),
        metrics: step.metrics.clone(),
        notes: step.notes.clone(),
        started,
        ended: step.ended.unwrap_or(started),
    }
}
