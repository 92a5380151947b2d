//! What a run would do, without doing it: nothing is run, and nothing is written.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
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
    let mut look = Look {
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
        let taken = step.inputs.values().map(|input| input.step.as_str());
        let on = such(taken, |producer| !self.known.contains_key(producer));
        if !on.is_empty() {
            return Ok(Prospect::Depends { on });
        }
        let inputs = step.inputs.iter().filter_map(|(name, from)| {
            let outputs = &self.known.get(from.step.as_str())?.outputs;
            Some((name.clone(), outputs.get(&from.output)?.clone()))
        });
        let code = match self.code.of(step, &step.root) {
            Ok(code) => code,
            Err(error) => return Ok(Prospect::Impossible { reason: error.to_string() }),
        };
        let key = cache_key(step, &code.digests, &inputs.collect());
        let miss = match refusal(step, self.use_cache) {
            Some(reason) => vec![reason],
            None => match cache::look_at(self.store, &key.key, &step.outputs)
                .map_err(|error| format!("the artifact store could not be asked: {error}"))?
            {
                Lookup::Hit(outcome) => {
                    let (from, made) = (outcome.run.clone(), outcome.ended);
                    self.known.insert(&step.name, outcome);
                    return Ok(Prospect::Cached { from, made });
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

/// The steps that a step takes something from, or asks about, as far as they are such, by name.
fn named(step: &Step, is_such: impl Fn(&str) -> bool) -> Vec<String> {
    let taken = step.inputs.values().map(|input| input.step.as_str());
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
