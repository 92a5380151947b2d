//! A part of a pipeline: which steps are to run, and of which the outcome must be known.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Pipeline, Step, Trigger};
use crate::nearest::suggestion;

/// What a run does with a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs it, unless its outcome is known.
    #[default]
    Run,
    /// Runs it, also if its outcome is known.
    Rerun,
    /// Takes its outcome, which must be known: it is not selected, and something that is selected needs it.
    Recall,
}

/// Which steps are to run; all of them if nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// These and no others. The name of a step that is a pipeline means all of its steps, here and below.
    pub only: Vec<String>,
    /// These and what needs them.
    pub from: Vec<String>,
    /// These and what they need.
    pub until: Vec<String>,
    /// These even if their outcomes are known.
    pub rerun: Vec<String>,
}

/// Why a part cannot be selected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// There is no such step.
    #[error("the pipeline has no step `{name}`")]
    NoSuchStep {
        /// As it was asked for.
        name: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// It was asked to be run again, and is not selected.
    #[error("step `{name}` is to be run again, and is not among those that are to run")]
    NotSelected {
        /// Its name.
        name: String,
    },
    /// No step is in all that was asked for.
    #[error("no step is selected: none of what follows from `{from}` leads to `{until}`")]
    Nothing {
        /// From where.
        from: String,
        /// Until where.
        until: String,
    },
}

impl Selection {
    /// Whether the whole pipeline is meant.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.only.is_empty() && self.from.is_empty() && self.until.is_empty()
    }

    /// The pipeline with only the steps that are selected, and those whose outcome they take something from, directly or not.
    ///
    /// # Errors
    /// [`SelectionError`]
    pub fn apply(&self, mut pipeline: Pipeline) -> Result<Pipeline, SelectionError> {
        if self.is_everything() && self.rerun.is_empty() {
            return Ok(pipeline);
        }
        let selected = self.selected(&pipeline)?;
        let recalled = recalled(&pipeline, &selected);
        for name in &self.rerun {
            for place in places(&pipeline, name)? {
                if !selected.contains(&place) {
                    return Err(SelectionError::NotSelected { name: name.clone() });
                }
                pipeline.steps[place].role = Role::Rerun;
            }
        }
        for place in &recalled {
            let step = &mut pipeline.steps[*place];
            step.role = Role::Recall;
            // It does not run: so there is nothing that it would wait for, and no end that would make it run.
            step.after.clear();
            step.trigger = Trigger::OnSuccess;
        }
        let steps = std::mem::take(&mut pipeline.steps).into_iter().enumerate();
        let is_meant =
            |(place, _): &(usize, Step)| selected.contains(place) || recalled.contains(place);
        pipeline.steps = steps.filter(is_meant).map(|(_, step)| step).collect();
        let names: HashSet<String> = pipeline.steps.iter().map(|step| step.name.clone()).collect();
        for step in &mut pipeline.steps {
            // What is only waited for, and not to run, is not there.
            step.after.retain(|name| names.contains(name));
        }
        Ok(pipeline)
    }

    fn selected(&self, pipeline: &Pipeline) -> Result<HashSet<usize>, SelectionError> {
        let all: HashSet<usize> = (0..pipeline.steps.len()).collect();
        if !self.only.is_empty() {
            return all_places(pipeline, &self.only).map(|places| places.into_iter().collect());
        }
        let Ok(graph) = pipeline.graph() else { return Ok(all) };
        let closure = |names: &[String], next: &dyn Fn(usize) -> Vec<usize>| {
            if names.is_empty() {
                return Ok(all.clone());
            }
            let mut found = HashSet::new();
            let mut waiting = all_places(pipeline, names)?;
            while let Some(step) = waiting.pop() {
                if found.insert(step) {
                    waiting.extend(next(step));
                }
            }
            Ok(found)
        };
        let behind = closure(&self.from, &|step| graph.dependents(step).to_vec())?;
        let before = closure(&self.until, &|step| graph.needs(step).to_vec())?;
        let selected: HashSet<usize> = behind.intersection(&before).copied().collect();
        if selected.is_empty() {
            let (from, until) = (self.from.join("`, `"), self.until.join("`, `"));
            return Err(SelectionError::Nothing { from, until });
        }
        Ok(selected)
    }
}

/// The steps that the selected ones take something from, and those that these do, as far as they are not selected.
fn recalled(pipeline: &Pipeline, selected: &HashSet<usize>) -> HashSet<usize> {
    let numbers = pipeline.steps.iter().enumerate();
    let numbers: HashMap<&str, usize> =
        numbers.map(|(place, step)| (step.name.as_str(), place)).collect();
    let producers = |step: usize| {
        let step = &pipeline.steps[step];
        let taken = step.taken().map(|(_, from)| from.step.as_str()).chain(step.asked());
        taken.filter_map(|name| numbers.get(name).copied()).collect::<Vec<_>>()
    };
    let mut recalled = HashSet::new();
    let mut waiting: Vec<usize> = selected.iter().copied().collect();
    while let Some(step) = waiting.pop() {
        for producer in producers(step) {
            if !selected.contains(&producer) && recalled.insert(producer) {
                waiting.push(producer);
            }
        }
    }
    recalled
}

fn all_places(pipeline: &Pipeline, names: &[String]) -> Result<Vec<usize>, SelectionError> {
    let places = names.iter().map(|name| places(pipeline, name));
    Ok(places.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The step of that name, or the steps of the inner pipeline of that name.
fn places(pipeline: &Pipeline, name: &str) -> Result<Vec<usize>, SelectionError> {
    let is_meant = |step: &Step| match step.name.strip_prefix(name) {
        Some(rest) => rest.is_empty() || rest.starts_with('/'),
        None => false,
    };
    let steps = pipeline.steps.iter().enumerate();
    let places: Vec<_> = steps.filter(|(_, step)| is_meant(step)).map(|(place, _)| place).collect();
    if !places.is_empty() {
        return Ok(places);
    }
    let names = || pipeline.steps.iter().map(|step| step.name.as_str());
    let hint = match name.split_once(':') {
        Some((of, _)) if names().any(|step| step == of) => {
            Some(format!("`{name}` is an item of `{of}`, which can only be selected as a whole"))
        }
        _ => suggestion(name, "steps", names()),
    };
    Err(SelectionError::NoSuchStep { name: name.to_owned(), hint })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::pipeline::Format;

    /// load → clean → train → report, and load → other; report also comes after other.
    const FILE: &str = "name = 'p'\n\
        [[steps]]\nname = 'load'\nrun = 'x'\noutputs = ['d']\n\
        [[steps]]\nname = 'clean'\nrun = 'x'\ninputs = { d = 'load.d' }\noutputs = ['d']\n\
        [[steps]]\nname = 'other'\nrun = 'x'\ninputs = { d = 'load.d' }\noutputs = ['d']\n\
        [[steps]]\nname = 'train'\nrun = 'x'\ninputs = { d = 'clean.d' }\noutputs = ['m']\n\
        [[steps]]\nname = 'report'\nrun = 'x'\ninputs = { m = 'train.m' }\nafter = ['other']\n";

    fn pipeline(file: &str) -> Pipeline {
        Pipeline::parse(file, Format::Toml, "p.toml", Path::new("/a"), &[]).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn roles(selection: &Selection) -> String {
        let part = selection.apply(pipeline(FILE)).unwrap();
        let roles = part.steps.iter().map(|step| match step.role {
            Role::Run => step.name.clone(),
            Role::Rerun => format!("{}!", step.name),
            Role::Recall => format!("({})", step.name),
        });
        roles.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_not_selected_is_recalled_or_not_there() {
        let none = Selection::default();
        assert_eq!(roles(&none), "load clean other train report");
        assert_eq!(
            roles(&Selection { only: names(&["train"]), ..none.clone() }),
            "(load) (clean) train"
        );
        assert_eq!(
            roles(&Selection { from: names(&["clean"]), ..none.clone() }),
            "(load) clean train report"
        );
        assert_eq!(roles(&Selection { until: names(&["clean"]), ..none.clone() }), "load clean");
        let between =
            Selection { from: names(&["clean"]), until: names(&["train"]), ..none.clone() };
        assert_eq!(roles(&between), "(load) clean train");
        let again = Selection { rerun: names(&["clean"]), ..none };
        assert_eq!(roles(&again), "load clean! other train report");
    }

    #[test]
    fn what_a_condition_asks_for_is_recalled() {
        let file = FILE.replace("after = ['other']", "when = 'metric.other.m > 1'");
        let only = Selection { only: names(&["report"]), ..Selection::default() };
        let part = only.apply(pipeline(&file)).unwrap();
        let roles: Vec<_> = part.steps.iter().map(|step| (step.name.as_str(), step.role)).collect();
        assert!(roles.contains(&("other", Role::Recall)), "{roles:?}");
    }

    #[test]
    fn the_name_of_an_inner_pipeline_means_its_steps() {
        let inner =
            "name = 'i'\n[[steps]]\nname = 'a'\nrun = 'x'\n[[steps]]\nname = 'b'\nrun = 'x'\n";
        let outer = "name = 'o'\n[[steps]]\nname = 'one'\npipeline = 'i.toml'\n\
             [[steps]]\nname = 'one-more'\nrun = 'x'\n";
        let load = |_: &Path| Ok(inner.to_owned());
        let path = Path::new("/a/o.toml");
        let whole = Pipeline::parse_with(outer, Format::Toml, "o.toml", path, &[], &load).unwrap();
        let selected = |name: &str| {
            let only = Selection { only: names(&[name]), ..Selection::default() };
            let part = only.apply(whole.clone()).unwrap();
            part.steps.into_iter().map(|step| step.name).collect::<Vec<_>>()
        };
        assert_eq!(selected("one"), ["one/a", "one/b"]);
        assert_eq!(selected("one/b"), ["one/b"]);
        assert_eq!(selected("one-more"), ["one-more"]);
    }

    #[test]
    fn what_is_recalled_waits_for_nothing_that_only_runs() {
        let file = FILE.replace(
            "name = 'train'\nrun = 'x'",
            "name = 'train'\nrun = 'x'\nafter = ['other']\ntrigger = 'always'",
        );
        let only = Selection { only: names(&["report", "other"]), ..Selection::default() };
        let part = only.apply(pipeline(&file)).unwrap();
        let train = part.step("train").unwrap();
        assert_eq!(train.role, Role::Recall);
        assert_eq!((train.trigger, train.after.as_slice()), (Trigger::OnSuccess, [].as_slice()));
        assert_eq!(part.step("report").unwrap().after, ["other"], "it runs, and so does `other`");
    }

    #[test]
    fn what_cannot_be_selected_is_said() {
        let error = |selection: Selection| selection.apply(pipeline(FILE)).unwrap_err();
        let none = Selection::default();
        let wrong = error(Selection { only: names(&["trian"]), ..none.clone() });
        let SelectionError::NoSuchStep { name, hint } = wrong else { panic!("{wrong}") };
        assert_eq!(name, "trian");
        assert!(hint.unwrap().starts_with("did you mean `train`?"));
        let nothing =
            Selection { from: names(&["other"]), until: names(&["clean"]), ..none.clone() };
        assert_eq!(
            error(nothing).to_string(),
            "no step is selected: none of what follows from `other` leads to `clean`"
        );
        let apart = Selection { only: names(&["train"]), rerun: names(&["load"]), ..none };
        assert_eq!(
            error(apart).to_string(),
            "step `load` is to be run again, and is not among those that are to run"
        );
    }

    proptest! {
        /// Whatever is selected of whatever graph: all that a step takes something from is there, and is a valid pipeline.
        #[test]
        fn a_part_lacks_nothing(
            needs in prop::collection::vec(prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..3), 1..12),
            chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..3),
            how in 0..3,
        ) {
            let step = |(place, needs): (usize, &Vec<(prop::sample::Index, bool)>)| {
                let needs: BTreeMap<usize, bool> = needs
                    .iter()
                    .filter(|_| place > 0)
                    .map(|(need, takes)| (need.index(place.max(1)), *takes))
                    .collect();
                let inputs: Vec<_> = needs.iter().filter(|(_, takes)| **takes)
                    .map(|(need, _)| format!("i{need} = 's{need}.x'")).collect();
                let after: Vec<_> = needs.iter().filter(|(_, takes)| !**takes)
                    .map(|(need, _)| format!("'s{need}'")).collect();
                format!(
                    "[[steps]]\nname = 's{place}'\nrun = 'x'\noutputs = ['x']\ninputs = {{ {} }}\nafter = [{}]\n",
                    inputs.join(", "), after.join(", ")
                )
            };
            let file = "name = 'p'\n".to_owned()
                + &needs.iter().enumerate().map(step).collect::<String>();
            let whole = pipeline(&file);
            let chosen: Vec<_> =
                chosen.iter().map(|index| format!("s{}", index.index(needs.len()))).collect();
            let mut selection = Selection::default();
            match how {
                0 => selection.only.clone_from(&chosen),
                1 => selection.from.clone_from(&chosen),
                _ => selection.until.clone_from(&chosen),
            }
            let part = selection.apply(whole.clone()).unwrap();
            let there: HashSet<_> = part.steps.iter().map(|step| step.name.clone()).collect();
            for name in &chosen {
                let step = part.step(name);
                prop_assert!(step.is_some_and(|step| step.role == Role::Run));
            }
            for step in &part.steps {
                prop_assert!(step.needs().all(|need| there.contains(need)), "{} lacks something", step.name);
                prop_assert_eq!(&step.inputs, &whole.step(&step.name).unwrap().inputs);
            }
            prop_assert!(part.graph().is_ok());
        }
    }
}
