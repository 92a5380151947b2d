//! What starts: steps that wait for nothing are looked up, and handed to the orchestrator if they must run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sundae_plugin_api::Resources;
use sundae_plugin_api::orchestrator::{Job, JobDescription, Usage};

use super::outage::Trouble;
use super::{Dispatcher, Running, Stopping};
use crate::artifact::ArtifactRef;
use crate::engine::cache_key::CacheKey;
use crate::engine::condition::unfulfilled;
use crate::engine::event::{Event, StepStatus};
use crate::engine::explain::{reasons, reasons_of_item};
use crate::engine::job::AttemptWork;
use crate::engine::resources::needs;
use crate::pipeline::{Step, Trigger, file_name};
use crate::shipping::Sent;
use crate::worker::{self, AttemptSpec, Cancel, CodeFile, portable};

/// How long steps are looked up before the orchestrator is heard again.
const LOOK_UPS: Duration = Duration::from_millis(10);

/// So many steps are kept ready at most for when there is a place: each costs memory.
const MOST_QUEUED: usize = 1000;

/// A step that must run, and what was found out about it.
pub(super) struct Prepared<'a> {
    pub(super) step: usize,
    /// As it is run.
    pub(super) described: Cow<'a, Step>,
    pub(super) key: CacheKey,
    pub(super) code: Vec<CodeFile>,
    pub(super) inputs: BTreeMap<String, ArtifactRef>,
    pub(super) needs: Resources,
    /// Why it must run.
    pub(super) reasons: Vec<String>,
}

impl<'a> Dispatcher<'a> {
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

    /// Hands steps to the orchestrator, as many as it wants.
    fn submit_queued(&mut self) {
        let limit = self.capabilities.parallelism.map_or(usize::MAX, |limit| limit.max(1) as usize);
        // For jobs that run elsewhere something is laid in the store.
        while self.running.len() < limit && !(self.capabilities.remote && self.store_is_away()) {
            let needed = self.queue.iter().map(|prepared| &prepared.needs);
            let Some(place) = self.ledger.first_that_fits(needed) else { return };
            let Some(prepared) = self.queue.remove(place) else { return };
            // It may have been skipped meanwhile: what it needs was to be made again, and that failed.
            if self.state.step(prepared.step).status == StepStatus::Waiting {
                self.submit(prepared);
            }
        }
    }

    fn submit(&mut self, prepared: Prepared<'_>) {
        let Prepared { step, described, key, code, inputs, needs, reasons } = prepared;
        let (step_name, is_kept) = (described.name.clone(), described.cache);
        let attempt = self.state.next_attempt(step);
        let id = self.job_id(step, attempt);
        let spec = AttemptSpec {
            id: id.clone(),
            run_id: self.engine.run_id.to_owned(),
            run_name: self.engine.run_name.to_owned(),
            pipeline: self.engine.pipeline.name.clone(),
            attempt,
            step: described.into_owned(),
            inputs,
            cache_key: is_kept.then(|| key.key.clone()),
            code,
            patience: self.engine.patience,
            project: self.engine.project.map(|sent| sent.copy.clone()),
        };
        let description = match self.describe(&spec) {
            Ok(description) => description,
            Err(trouble) => return self.meet(step, trouble),
        };
        self.state.start(step);
        let folder = self.folders.path(&file_name(&step_name), attempt);
        let log = (!self.capabilities.remote).then(|| worker::log_in(&folder));
        if log.is_some() {
            self.progress.watch(&id, step, worker::messages_in(&folder));
        }
        let work = AttemptWork {
            spec,
            store: Arc::clone(&self.engine.store),
            folders: Arc::clone(&self.folders),
            folder,
            cancel: Cancel::default(),
            secrets: Arc::clone(&self.engine.secrets),
            reports: self.reports.clone(),
        };
        match self.engine.orchestrator.submit(Job { description, work: Box::new(work) }) {
            Err(error) => {
                self.forget(&id);
                self.fail(step, format!("the orchestrator refused it: {error}"));
            }
            Ok(handle) => {
                self.untold.push(Event::AttemptSubmitted {
                    step: step_name,
                    attempt,
                    key,
                    reasons,
                    handle: handle.0.clone(),
                    job: id.clone(),
                    log,
                });
                self.ledger.take(&needs);
                let (deadline, ending, usage) = (None, None, Usage::default());
                let called = handle.clone();
                let running =
                    Running { step, job: id, attempt, deadline, ending, usage, handle: called };
                self.running.insert(handle, running);
            }
        }
    }

    /// Unique for ever, also where a job was handed over of which a killed host could tell nobody.
    fn job_id(&self, step: usize, attempt: u32) -> String {
        let run = self.engine.run_id;
        match self.engine.known.resumed {
            0 => format!("{run}-{step}-{attempt}"),
            resumed => format!("{run}-r{resumed}-{step}-{attempt}"),
        }
    }

    /// What the orchestrator is told. For one whose jobs run elsewhere, the work is laid where a worker finds it.
    fn describe(&self, spec: &AttemptSpec) -> Result<JobDescription, Trouble> {
        let name = format!("{}/{}", spec.run_name, spec.step.name);
        let mut description = JobDescription::new(&spec.id, name);
        description.resources = needs(&spec.step);
        if self.capabilities.remote {
            if let Some(sent) = self.engine.project {
                check_that_all_is_sent(spec, sent)?;
            }
            (self.engine.worker)(spec, &mut description)?;
            portable::write_spec(&*self.engine.store, spec).map_err(|error| {
                Trouble::of_store("the artifact store did not take its job", error)
            })?;
        }
        Ok(description)
    }

    /// Nothing is to be known of a job any more.
    pub(super) fn forget(&mut self, job: &str) {
        self.progress.forget(job);
        if self.capabilities.remote {
            self.heard.push(job.to_owned());
        }
    }

    /// Removes what workers were told and have answered, once it is recorded: until then it is the only record.
    pub(super) fn remove_what_was_heard(&mut self) {
        for job in std::mem::take(&mut self.heard) {
            if let Err(error) = portable::forget(&*self.engine.store, &job) {
                self.warn(format!("`attempts/{job}` may remain in the artifact store: {error}"));
            }
        }
    }
}

/// A step whose files are not where it runs would fail there with less clear words, or run with less than it should.
fn check_that_all_is_sent(spec: &AttemptSpec, sent: &Sent) -> Result<(), String> {
    let root = &sent.copy.root;
    if !spec.step.workdir.starts_with(root) {
        return Err(format!(
            "it works in {}, which is not in the project's folder {}, and only that is sent to where it runs",
            spec.step.workdir.display(),
            root.display()
        ));
    }
    for file in &spec.code {
        let below = file.path.strip_prefix(root).unwrap_or(&file.path).display();
        match sent.digest_of(&file.path) {
            Some(digest) if digest == file.digest => {}
            Some(_) => {
                return Err(format!(
                    "its code `{below}` was changed after the project's files were sent to where it runs; resuming the run \
                     sends them anew"
                ));
            }
            None => {
                return Err(format!(
                    "its code `{below}` is not sent to where it runs, since version control or `.sundaeignore` ignores it; a \
                     line `!{below}` in `.sundaeignore` sends it"
                ));
            }
        }
    }
    Ok(())
}
