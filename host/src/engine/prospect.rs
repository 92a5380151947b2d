//! What a run would do, without doing it: nothing is run, and nothing is written.

use std::collections::{HashMap, HashSet};

use sundae_plugin_api::ArtifactStore;

use super::cache::{self, Lookup};
use super::cache_key::cache_key;
use super::code::CodeDigests;
use super::condition::unfulfilled;
use super::explain::{History, reasons};
use super::state::Made;
use crate::artifact::KnownDigests;
use crate::pipeline::{Pipeline, Role, Step, Trigger};
use crate::worker::Outcome;

/// What would become of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Prospect {
    /// Its outcome is known.
    Cached {
        /// The run that made it.
        from: String,
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

/// What would become of each step, in the order of the plan. `use_cache`: whether known outcomes count.
///
/// # Errors
/// The artifact store could not be asked, in words.
pub fn prospects<'a>(
    pipeline: &'a Pipeline,
    store: &dyn ArtifactStore,
    use_cache: bool,
    history: &dyn History,
    digests: &dyn KnownDigests,
) -> Result<Vec<(&'a Step, Prospect)>, String> {
    let Ok(graph) = pipeline.graph() else { return Ok(Vec::new()) };
    let mut known = Known::default();
    let mut code = CodeDigests::new(digests);
    let mut prospects = Vec::with_capacity(graph.len());
    for step in graph.order().iter().map(|step| &pipeline.steps[*step]) {
        let look = Look { store, use_cache, history };
        let prospect = look.at(step, &mut known, &mut code)?;
        if matches!(prospect, Prospect::Skipped { .. }) {
            known.skipped.insert(&step.name);
        }
        prospects.push((step, prospect));
    }
    Ok(prospects)
}

/// What is known of steps that need not run.
#[derive(Default)]
struct Known<'s> {
    outcomes: HashMap<&'s str, Box<Outcome>>,
    skipped: HashSet<&'s str>,
}

impl Known<'_> {
    /// Those of these steps that would run, each once.
    fn lacks<'n>(&self, steps: impl Iterator<Item = &'n str>) -> Option<Prospect> {
        let mut on: Vec<_> =
            steps.filter(|step| !self.outcomes.contains_key(step)).map(str::to_owned).collect();
        on.sort_unstable();
        on.dedup();
        (!on.is_empty()).then_some(Prospect::Depends { on })
    }

    /// Whether the condition of a step is so, as far as that is known; if it is, there is nothing to say.
    fn condition(&self, step: &Step) -> Option<Prospect> {
        let left = |name: &str| Some(Made::from(&**self.outcomes.get(name)?));
        match unfulfilled(step, &left) {
            Ok(None) => None,
            Ok(Some(reason)) => Some(Prospect::Skipped { reason }),
            Err(reason) => {
                Some(self.lacks(step.asked()).unwrap_or(Prospect::Impossible { reason }))
            }
        }
    }
}

struct Look<'a> {
    store: &'a dyn ArtifactStore,
    use_cache: bool,
    history: &'a dyn History,
}

impl Look<'_> {
    fn at<'s>(
        &self,
        step: &'s Step,
        known: &mut Known<'s>,
        code: &mut CodeDigests<'_>,
    ) -> Result<Prospect, String> {
        match step.trigger {
            Trigger::OnSuccess => {}
            Trigger::OnFailure => return Ok(Prospect::AfterFailure),
            Trigger::Always => return Ok(Prospect::Always),
        }
        let taken = || step.inputs.values().map(|input| input.step.as_str());
        if let Some(skipped) = taken().chain(step.asked()).find(|step| known.skipped.contains(step))
        {
            return Ok(Prospect::Skipped { reason: format!("`{skipped}` would be skipped") });
        }
        if let Some(prospect) = known.condition(step).or_else(|| known.lacks(taken())) {
            return Ok(prospect);
        }
        let inputs = step.inputs.iter().filter_map(|(name, from)| {
            Some((
                name.clone(),
                known.outcomes.get(from.step.as_str())?.outputs.get(&from.output)?.clone(),
            ))
        });
        let code = match code.of(step, &step.root) {
            Ok(code) => code,
            Err(error) => return Ok(Prospect::Impossible { reason: error.to_string() }),
        };
        let key = cache_key(step, &code.digests, &inputs.collect());
        let miss = match refusal(step, self.use_cache) {
            Some(reason) => vec![reason],
            None => match cache::look_up(self.store, &key.key, &step.outputs)
                .map_err(|error| format!("the artifact store could not be asked: {error}"))?
            {
                Lookup::Hit(outcome) => {
                    let from = outcome.run.clone();
                    known.outcomes.insert(&step.name, outcome);
                    return Ok(Prospect::Cached { from });
                }
                Lookup::Gone(reason) => vec![reason],
                Lookup::Unknown => reasons(self.history.last(&step.name).as_ref(), &key.parts),
            },
        };
        Ok(match step.role {
            Role::Recall => Prospect::Missing { reasons: miss },
            _ => Prospect::Run { reasons: miss },
        })
    }
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
