//! Whether steps must run: those that wait for nothing any more are looked up, several at once where the store is a service.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;

use sundae_plugin_api::Error;

use super::Dispatcher;
use super::outage::Trouble;
use super::submit::Prepared;
use crate::artifact::{ArtifactRef, on_threads};
use crate::engine::cache::{self, Lookup};
use crate::engine::cache_key::{CacheKey, cache_key};
use crate::engine::event::{Event, StepStatus};
use crate::engine::explain::in_short;
use crate::engine::prospect::refusal;
use crate::engine::resources::needs;
use crate::engine::state::Made;
use crate::pipeline::{Role, Step};
use crate::worker::CodeFile;

/// A step, and all that an answer depends on.
pub(super) struct Question<'a> {
    pub(super) step: usize,
    /// As it is run.
    described: Cow<'a, Step>,
    key: CacheKey,
    code: Vec<CodeFile>,
    inputs: BTreeMap<String, ArtifactRef>,
    /// It runs whatever is known, and why.
    must_run: Option<String>,
}

/// What the store says; `None` if it was not asked.
type Answer = Option<Result<Lookup, Error>>;

impl<'a> Dispatcher<'a> {
    /// Takes steps that may start, and finds out what is to be looked up of them. Those that need no looking up are dealt with.
    pub(super) fn next_questions(&mut self) -> Vec<Question<'a>> {
        let mut questions = Vec::new();
        for _ in 0..self.asked_at_once {
            let Some(step) = self.state.next_ready() else { break };
            match self.question(step) {
                Ok(question) => questions.extend(question),
                Err(trouble) => self.meet(step, trouble),
            }
        }
        questions
    }

    /// `None` if there is nothing to look up: the step is not to run, has items, or was done before.
    fn question(&mut self, step: usize) -> Result<Option<Question<'a>>, Trouble> {
        if let Some(reason) = self.reason_to_omit(step)? {
            self.omit(step, reason);
            return Ok(None);
        }
        if self.is_to_expand(step) {
            self.expand(step);
            return Ok(None);
        }
        let is_item = self.state.item(step).is_some();
        if !is_item && self.take_if_done(step) {
            return Ok(None);
        }
        let (described, inputs) = self.as_run(step)?;
        let code = self.code.of(&described, &described.root).map_err(|error| error.to_string())?;
        let key = cache_key(&described, &code.digests, &inputs);
        if is_item && self.take_item_if_done(step, &key.key) {
            return Ok(None);
        }
        let must_run = match self.state.step(step).is_lost {
            true => Some("what it made was lost".to_owned()),
            false => refusal(&described, self.engine.use_cache),
        };
        Ok(Some(Question { step, described, key, code: code.files, inputs, must_run }))
    }

    /// Asks the store, by a thread for each if there are several.
    pub(super) fn look_up(&self, questions: &[Question<'_>]) -> Vec<Answer> {
        let store = &*self.engine.store;
        let answer = |question: &Question<'_>| match &question.must_run {
            Some(_) => None,
            None => Some(cache::look_up(store, &question.key.key, &question.described.outputs)),
        };
        at_once(questions, answer)
    }

    /// A step whose outcome is known is completed; another one is ready to be submitted.
    pub(super) fn settle(&mut self, question: Question<'a>, answer: Answer) -> Result<(), Trouble> {
        // One that was looked up with it may have failed, and the pipeline with that.
        if self.state.step(question.step).status != StepStatus::Waiting {
            return Ok(());
        }
        let reasons = match answer {
            None => question.must_run.iter().cloned().collect(),
            Some(found) => {
                let found = found.map_err(|error| {
                    Trouble::of_store("the artifact store could not be asked", error)
                })?;
                self.store_answers();
                match found {
                    Lookup::Hit(outcome) => {
                        let Question { step, described, key, .. } = question;
                        self.state.complete(step, StepStatus::Cached, Made::from(&*outcome));
                        let step = described.name.clone();
                        self.untold.push(Event::StepCached { step, key, outcome });
                        return Ok(());
                    }
                    Lookup::Gone(reason) => vec![reason],
                    Lookup::Unknown => {
                        self.reasons(question.step, &question.described, &question.key)
                    }
                }
            }
        };
        let Question { step, described, key, code, inputs, .. } = question;
        if described.role == Role::Recall {
            let (reasons, name) = (in_short(&reasons), &self.described(step).name);
            return Err(Trouble::Final(format!(
                "it is not among the steps that are to run, and its outcome is not known: {reasons}; `--until {name}` runs it"
            )));
        }
        let needs = needs(&described);
        self.queue.push_back(Prepared { step, described, key, code, inputs, needs, reasons });
        Ok(())
    }
}

/// Does the same to each, by a thread for each if there are several.
pub(super) fn at_once<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let Ok(results) =
        on_threads(items.len(), || true, items, |item| Ok::<_, Infallible>(act(item)));
    results
}
