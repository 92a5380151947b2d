//! What is submitted: steps that must run are handed to the orchestrator, as soon as there is a place for them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use sundae_plugin_api::orchestrator::{Handle, Job, JobDescription, Usage};
use sundae_plugin_api::{Error, Resources};

use super::look_up::at_once;
use super::outage::Trouble;
use super::{Dispatcher, Running};
use crate::artifact::ArtifactRef;
use crate::engine::cache_key::CacheKey;
use crate::engine::event::{Event, StepStatus};
use crate::engine::job::AttemptWork;
use crate::engine::resources::needs;
use crate::pipeline::{Step, file_name};
use crate::shipping::Sent;
use crate::worker::{self, AttemptSpec, Cancel, CodeFile, portable};

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

/// An attempt that is about to be handed over.
struct Attempt {
    step: usize,
    spec: AttemptSpec,
    key: CacheKey,
    reasons: Vec<String>,
    needs: Resources,
    description: JobDescription,
}

impl Dispatcher<'_> {
    /// Hands steps to the orchestrator, as many as it wants.
    pub(super) fn submit_queued(&mut self) {
        loop {
            let attempts = self.next_attempts();
            if attempts.is_empty() {
                return;
            }
            let laid = self.lay_specs(&attempts);
            for (attempt, laid) in attempts.into_iter().zip(laid) {
                self.hand_over(attempt, laid);
            }
        }
    }

    /// Takes from the queue what there is a place for: several attempts where something is laid in a slow store for each.
    fn next_attempts(&mut self) -> Vec<Attempt> {
        let limit = self.capabilities.parallelism.map_or(usize::MAX, |limit| limit.max(1) as usize);
        let most = if self.capabilities.remote { self.asked_at_once } else { 1 };
        let mut attempts = Vec::new();
        while attempts.len() < most
            && self.running.len() + attempts.len() < limit
            && !(self.capabilities.remote && self.store_is_away())
        {
            let needed = self.queue.iter().map(|prepared| &prepared.needs);
            let Some(place) = self.ledger.first_that_fits(needed) else { break };
            let Some(prepared) = self.queue.remove(place) else { break };
            let step = prepared.step;
            // It may have been skipped meanwhile: what it needs was to be made again, and that failed.
            if self.state.step(step).status != StepStatus::Waiting {
                continue;
            }
            match self.attempt(prepared) {
                Ok(attempt) => {
                    self.ledger.take(&attempt.needs);
                    attempts.push(attempt);
                }
                Err(message) => self.fail(step, message),
            }
        }
        attempts
    }

    fn attempt(&self, prepared: Prepared<'_>) -> Result<Attempt, String> {
        let Prepared { step, described, key, code, inputs, needs, reasons } = prepared;
        let attempt = self.state.next_attempt(step);
        let spec = AttemptSpec {
            id: self.job_id(step, attempt),
            run_id: self.engine.run_id.to_owned(),
            run_name: self.engine.run_name.to_owned(),
            pipeline: self.engine.pipeline.name.clone(),
            attempt,
            cache_key: described.cache.then(|| key.key.clone()),
            step: described.into_owned(),
            inputs,
            code,
            patience: self.engine.patience,
            project: self.engine.project.map(|sent| sent.copy.clone()),
        };
        let description = self.describe(&spec)?;
        Ok(Attempt { step, spec, key, reasons, needs, description })
    }

    /// Unique for ever, also where a job was handed over of which a killed host could tell nobody.
    fn job_id(&self, step: usize, attempt: u32) -> String {
        let run = self.engine.run_id;
        match self.engine.known.resumed {
            0 => format!("{run}-{step}-{attempt}"),
            resumed => format!("{run}-r{resumed}-{step}-{attempt}"),
        }
    }

    /// What the orchestrator is told.
    fn describe(&self, spec: &AttemptSpec) -> Result<JobDescription, String> {
        let name = format!("{}/{}", spec.run_name, spec.step.name);
        let mut description = JobDescription::new(&spec.id, name);
        description.resources = needs(&spec.step);
        if self.capabilities.remote {
            if let Some(sent) = self.engine.project {
                check_that_all_is_sent(spec, sent)?;
            }
            (self.engine.worker)(spec, &mut description)?;
        }
        Ok(description)
    }

    /// Of jobs that run elsewhere, the work is laid where a worker finds it.
    fn lay_specs(&self, attempts: &[Attempt]) -> Vec<Result<(), Error>> {
        if !self.capabilities.remote {
            return attempts.iter().map(|_| Ok(())).collect();
        }
        let store = &*self.engine.store;
        at_once(attempts, |attempt| portable::write_spec(store, &attempt.spec))
    }

    fn hand_over(&mut self, attempt: Attempt, laid: Result<(), Error>) {
        let Attempt { step, spec, key, reasons, needs, description } = attempt;
        if let Err(error) = laid {
            self.ledger.give_back(&needs);
            let what = "the artifact store did not take its job";
            return self.meet(step, Trouble::of_store(what, error));
        }
        // One that was to be handed over with it may have failed, and the pipeline with that.
        if self.state.step(step).status != StepStatus::Waiting {
            self.ledger.give_back(&needs);
            return self.forget(&spec.id);
        }
        self.state.start(step);
        let (step_name, attempt, id) = (spec.step.name.clone(), spec.attempt, spec.id.clone());
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
                self.ledger.give_back(&needs);
                self.forget(&id);
                self.fail(step, format!("the orchestrator refused it: {error}"));
            }
            Ok(handle) => {
                let handle_text = handle.0.clone();
                self.untold.push(Event::AttemptSubmitted {
                    step: step_name,
                    attempt,
                    key,
                    reasons,
                    handle: handle_text,
                    job: id.clone(),
                    log,
                });
                self.running.insert(handle.clone(), running(step, id, attempt, handle));
            }
        }
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
        let store = &*self.engine.store;
        let heard = std::mem::take(&mut self.heard);
        for jobs in heard.chunks(self.asked_at_once) {
            let removed = at_once(jobs, |job| portable::forget(store, job));
            for (job, removed) in jobs.iter().zip(removed) {
                if let Err(error) = removed {
                    self.warn(format!(
                        "`attempts/{job}` may remain in the artifact store: {error}"
                    ));
                }
            }
        }
    }
}

/// An attempt that the orchestrator has just got, or still has.
pub(super) fn running(step: usize, job: String, attempt: u32, handle: Handle) -> Running {
    let (deadline, ending, usage) = (None, None, Usage::default());
    Running { step, job, attempt, deadline, ending, usage, handle }
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
