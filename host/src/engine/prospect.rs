//! What a run would do, without doing it: nothing is run, and nothing is written.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use sundae_plugin_api::ArtifactStore;

use super::cache::{self, Lookup};
use super::cache_key::cache_key;
use super::code::CodeDigests;
use super::condition::unfulfilled;
use super::explain::{History, in_short, reasons, reasons_of_item};
use super::fan_out::{Broken, FanOut};
use super::state::Made;
use crate::artifact::{ArtifactRef, KnownDigests, Manifests};
use crate::pipeline::{Items, OutputRef, Pipeline, Role, Step, Trigger};
use crate::worker::Outcome;

/// What would become of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Prospect {
    /// Its outcome is known.
    Cached {
        /// The run that made it.
        from: String,
        /// When it was made.
        made: Timestamp,
    },
    /// It would run.
    Run {
        /// Why, each in words.
        reasons: Vec<String>,
    },
    /// It depends on what these steps make, which would run: what it takes from them may be as before.
    Depends {
        /// Their names.
        on: Vec<String>,
    },
    /// It takes something from these steps, which will not make it: they cannot run, or are not to run.
    Lacks {
        /// Their names.
        what: Vec<String>,
    },
    /// It is not to run, and its outcome is not known: so the run cannot begin.
    Missing {
        /// Why, each in words.
        reasons: Vec<String>,
    },
    /// It cannot run.
    Impossible {
        /// Why, in words.
        reason: String,
    },
    /// It is skipped.
    Skipped {
        /// Why, in words.
        reason: String,
    },
    /// It runs if something fails.
    AfterFailure,
    /// It runs whatever happens.
    Always,
}

/// What would become of each step, in the order of the plan. `data` is what comes from outside, by name; `use_cache`: whether known
/// outcomes count.
///
/// # Errors
/// The artifact store could not be asked, in words.
pub fn prospects<'a>(
    pipeline: &'a Pipeline,
    data: &BTreeMap<String, ArtifactRef>,
    store: &dyn ArtifactStore,
    use_cache: bool,
    history: &dyn History,
    digests: &dyn KnownDigests,
) -> Result<Vec<(&'a Step, Prospect)>, String> {
    let Ok(graph) = pipeline.graph() else { return Ok(Vec::new()) };
    let mut look = Look {
        pipeline,
        data,
        store,
        use_cache,
        history,
        code: CodeDigests::new(digests),
        known: HashMap::new(),
        barren: HashSet::new(),
        skipped: HashSet::new(),
    };
    let mut prospects = Vec::with_capacity(graph.len());
    for step in graph.order().iter().map(|step| &pipeline.steps[*step]) {
        let prospect = look.at(step)?;
        if matches!(
            prospect,
            Prospect::Lacks { .. } | Prospect::Missing { .. } | Prospect::Impossible { .. }
        ) {
            look.barren.insert(&step.name);
        }
        if matches!(prospect, Prospect::Skipped { .. }) {
            look.skipped.insert(&step.name);
        }
        prospects.push((step, prospect));
    }
    Ok(prospects)
}

struct Look<'a, 'b> {
    pipeline: &'a Pipeline,
    data: &'b BTreeMap<String, ArtifactRef>,
    store: &'b dyn ArtifactStore,
    use_cache: bool,
    history: &'b dyn History,
    code: CodeDigests<'b>,
    /// The outcomes that are known.
    known: HashMap<&'a str, Box<Outcome>>,
    /// Steps that will make nothing.
    barren: HashSet<&'a str>,
    /// Steps that will be skipped on purpose.
    skipped: HashSet<&'a str>,
}

impl<'a> Look<'a, '_> {
    fn at(&mut self, step: &'a Step) -> Result<Prospect, String> {
        match step.trigger {
            Trigger::OnSuccess => {}
            Trigger::OnFailure => return Ok(Prospect::AfterFailure),
            Trigger::Always => return Ok(Prospect::Always),
        }
        // Its outcomes are never looked for: whatever its inputs are.
        if let (Role::Recall, Some(reason)) = (step.role, refusal(step, self.use_cache)) {
            return Ok(Prospect::Missing { reasons: vec![reason] });
        }
        let what = named(step, |producer| self.barren.contains(producer));
        if !what.is_empty() {
            return Ok(Prospect::Lacks { what });
        }
        if let Some(skipped) = named(step, |producer| self.skipped.contains(producer)).first() {
            return Ok(Prospect::Skipped { reason: format!("`{skipped}` would be skipped") });
        }
        if let Some(prospect) = self.condition(step) {
            return Ok(prospect);
        }
        let made = step.taken().filter(|(_, from)| !self.pipeline.is_data(from));
        let made = made.map(|(_, from)| from.step.as_str());
        let on = such(made, |producer| !self.known.contains_key(producer));
        if !on.is_empty() {
            return Ok(Prospect::Depends { on });
        }
        let code = match self.code.of(step, &step.root) {
            Ok(code) => code.digests,
            Err(error) => return Ok(Prospect::Impossible { reason: error.to_string() }),
        };
        let inputs = self.artifacts(step.inputs.iter());
        if step.is_fan_out() {
            return self.fan_out(step, &code, &inputs);
        }
        Ok(match self.outcome(step, &code, &inputs, None)? {
            Ok(outcome) => self.cached(step, outcome),
            Err(reasons) => uncached(step, reasons),
        })
    }

    fn cached(&mut self, step: &'a Step, outcome: Box<Outcome>) -> Prospect {
        let (from, made) = (outcome.run.clone(), outcome.ended);
        self.known.insert(&step.name, outcome);
        Prospect::Cached { from, made }
    }

    /// The artifacts that are taken from steps whose outcomes are known.
    fn artifacts<'n>(
        &self,
        taken: impl Iterator<Item = (&'n String, &'n OutputRef)>,
    ) -> BTreeMap<String, ArtifactRef> {
        let artifact = |from: &OutputRef| match self.pipeline.is_data(from) {
            true => self.data.get(&from.output).cloned(),
            false => self.known.get(from.step.as_str())?.outputs.get(&from.output).cloned(),
        };
        taken.filter_map(|(name, from)| Some((name.clone(), artifact(from)?))).collect()
    }

    /// The outcome that is known, or why the step must run; `own`: what an item has of its own.
    fn outcome(
        &self,
        step: &Step,
        code: &BTreeMap<String, String>,
        inputs: &BTreeMap<String, ArtifactRef>,
        own: Option<&BTreeMap<&str, String>>,
    ) -> Result<Result<Box<Outcome>, Vec<String>>, String> {
        let key = cache_key(step, code, inputs);
        if let Some(reason) = refusal(step, self.use_cache) {
            return Ok(Err(vec![reason]));
        }
        let found = cache::look_at(self.store, &key.key, &step.outputs)
            .map_err(|error| format!("the artifact store could not be asked: {error}"))?;
        Ok(match found {
            Lookup::Hit(outcome) => Ok(outcome),
            Lookup::Gone(reason) => Err(vec![reason]),
            Lookup::Unknown => {
                let last = self.history.last(&step.name);
                Err(match own {
                    Some(own) => reasons_of_item(last.as_ref(), &key.parts, own),
                    None => reasons(last.as_ref(), &key.parts),
                })
            }
        })
    }

    /// What would become of a step that has items: they are looked at one by one.
    fn fan_out(
        &mut self,
        step: &'a Step,
        code: &BTreeMap<String, String>,
        shared: &BTreeMap<String, ArtifactRef>,
    ) -> Result<Prospect, String> {
        let sources = self.artifacts(step.foreach.iter().filter_map(|(name, items)| match items {
            Items::Output(from) => Some((name, from)),
            Items::Values(_) => None,
        }));
        let fan_out = match FanOut::open(step, sources, self.store, Manifests::Foretold) {
            Ok(fan_out) => fan_out,
            Err(Broken::Unfit(reason)) => return Ok(Prospect::Impossible { reason }),
            Err(Broken::Away(error)) => return Err(error.to_string()),
            // Whoever made it makes it again.
            Err(Broken::Lost { input, .. }) => {
                let source = step.taken().find(|(name, _)| *name == input);
                let on = source.map(|(_, from)| from.step.clone()).into_iter().collect();
                return Ok(Prospect::Depends { on });
            }
        };
        let mut outcomes = Vec::with_capacity(fan_out.len());
        let mut misses = Vec::new();
        for index in 0..fan_out.len() {
            let item = fan_out.step(step, index);
            let inputs = fan_out.inputs(index, shared.clone());
            match self.outcome(&item, code, &inputs, Some(&fan_out.own(index)))? {
                Ok(outcome) => outcomes.push(outcome),
                Err(reasons) => misses.push((item.name, in_short(&reasons))),
            }
        }
        if let Some((item, reason)) = misses.first() {
            let (run, all) = (misses.len(), fan_out.len());
            let reason = format!("{run} of {all} items; `{item}`: {reason}");
            return Ok(uncached(step, vec![reason]));
        }
        let made = |index: usize| &outcomes[index].outputs;
        let outputs = fan_out
            .joined(step, made, self.store, Manifests::Foretold)
            .map_err(|error| error.to_string())?;
        match outcomes.into_iter().max_by_key(|outcome| outcome.ended) {
            Some(newest) => {
                let metrics = BTreeMap::new();
                Ok(self.cached(step, Box::new(Outcome { outputs, metrics, ..*newest })))
            }
            None => {
                let outcome = Outcome { outputs, ..Outcome::empty("") };
                self.known.insert(&step.name, Box::new(outcome));
                Ok(Prospect::Run { reasons: vec!["it has no items".to_owned()] })
            }
        }
    }

    /// Whether the condition of a step is so, as far as that is known; if it is, there is nothing to say.
    fn condition(&self, step: &Step) -> Option<Prospect> {
        let left = |name: &str| Some(Made::from(&**self.known.get(name)?));
        match unfulfilled(step, &left) {
            Ok(None) => None,
            Ok(Some(reason)) => Some(Prospect::Skipped { reason }),
            Err(reason) => {
                let on = such(step.asked(), |asked| !self.known.contains_key(asked));
                Some(match on.is_empty() {
                    true => Prospect::Impossible { reason },
                    false => Prospect::Depends { on },
                })
            }
        }
    }
}

fn uncached(step: &Step, reasons: Vec<String>) -> Prospect {
    match step.role {
        Role::Recall => Prospect::Missing { reasons },
        _ => Prospect::Run { reasons },
    }
}

/// The steps that a step takes something from, or asks about, as far as they are such, by name.
fn named(step: &Step, is_such: impl Fn(&str) -> bool) -> Vec<String> {
    let taken = step.taken().map(|(_, from)| from.step.as_str());
    such(taken.chain(step.asked()), is_such)
}

fn such<'n>(names: impl Iterator<Item = &'n str>, is_such: impl Fn(&str) -> bool) -> Vec<String> {
    let such: BTreeSet<_> = names.filter(|name| is_such(name)).collect();
    such.into_iter().map(str::to_owned).collect()
}

/// Why an outcome of a step is not even looked for.
pub(super) fn refusal(step: &Step, use_cache: bool) -> Option<String> {
    match step.role {
        Role::Rerun => Some("it is to run again".to_owned()),
        _ if !step.cache => Some("it has `cache = false`".to_owned()),
        Role::Run if !use_cache => Some("the run does not use the cache".to_owned()),
        _ => None,
    }
}
