//! What is foretold of a run is what happens in it, and foretelling changes nothing; parts of pipelines.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use proptest::prelude::*;
use sundae::artifact::NothingKnown;
use sundae::engine::event::{RunStatus, StepStatus};
use sundae::engine::prospect::{Prospect, prospects};
use sundae::pipeline::{Pipeline, Role, Selection};

use super::support::{Bed, Told};

const CHAIN: &str = "
    [[steps]]
    name = 'load'
    run = 'cat source > {out.x}'
    outputs = ['x']
    [[steps]]
    name = 'clean'
    run = 'cat {in.i} > {out.x}'
    inputs = { i = 'load.x' }
    outputs = ['x']
    [[steps]]
    name = 'train'
    run = 'cat {in.i} > {out.x}'
    inputs = { i = 'clean.x' }
    outputs = ['x']
";

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn run(bed: &mut Bed, pipeline: &Pipeline) -> Told {
    let mut told = Told::default();
    let ended = bed.run_pipeline(pipeline, &mut told);
    told.ended = Some(ended.map_err(|error| error.to_string()));
    bed.check_nothing_left();
    told
}

fn foretell(bed: &Bed, pipeline: &Pipeline) -> BTreeMap<String, Prospect> {
    let foretold =
        prospects(pipeline, &bed.data, &*bed.store, bed.use_cache, &bed.history, &NothingKnown)
            .unwrap();
    foretold.into_iter().map(|(step, prospect)| (step.name.clone(), prospect)).collect()
}

/// All files of the store, with what is in them.
fn files(bed: &Bed) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = walkdir::WalkDir::new(bed.folder.path());
    let files = folder.into_iter().map(Result::unwrap).filter(|entry| entry.path().is_file());
    files.map(|entry| (entry.path().to_owned(), std::fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn what_is_between_selected_steps_and_not_known_fails_when_its_input_is() {
    let mut bed = Bed::new();
    bed.write("source", "1");
    assert_eq!(bed.run(CHAIN).status(), RunStatus::Completed);
    bed.write("source", "2");
    let ends = Selection { only: names(&["load", "train"]), ..Selection::default() };
    let part = ends.apply(bed.pipeline(CHAIN)).unwrap();
    let foretold = foretell(&bed, &part);
    assert!(matches!(foretold["load"], Prospect::Run { .. }));
    assert_eq!(foretold["clean"], Prospect::Depends { on: names(&["load"]) });

    let told = run(&mut bed, &part);
    assert_eq!(told.summary(), "clean failed, load completed, train skipped");
    let reason = told.reason("clean");
    assert!(
        reason.starts_with("it is not among the steps that are to run, and its outcome is not known: input `i` has other content: "),
        "{reason}"
    );
    assert!(reason.ends_with("; `--until clean` runs it"), "{reason}");

    // With the old bytes all is known.
    bed.write("source", "1");
    assert_eq!(run(&mut bed, &part).summary(), "clean cached, load cached, train cached");
}

#[test]
fn what_is_never_kept_cannot_be_taken_from_before() {
    let mut bed = Bed::new();
    bed.write("source", "1");
    let steps = CHAIN.replace("name = 'clean'", "name = 'clean'\ncache = false");
    assert_eq!(bed.run(&steps).status(), RunStatus::Completed);
    // Whether `load` would run does not matter.
    for source in ["1", "2"] {
        bed.write("source", source);
        let ends = Selection { only: names(&["load", "train"]), ..Selection::default() };
        let foretold = foretell(&bed, &ends.apply(bed.pipeline(&steps)).unwrap());
        let reasons = vec!["it has `cache = false`".to_owned()];
        assert_eq!(foretold["clean"], Prospect::Missing { reasons });
        assert_eq!(foretold["train"], Prospect::Lacks { what: names(&["clean"]) });
    }
}

#[test]
fn what_cannot_run_leaves_others_without_inputs() {
    let bed = Bed::new();
    let steps = CHAIN.replace("name = 'load'", "name = 'load'\ncode = ['lost.py']");
    let foretold = foretell(&bed, &bed.pipeline(&steps));
    assert!(
        matches!(&foretold["load"], Prospect::Impossible { reason } if reason.contains("lost.py"))
    );
    assert_eq!(foretold["clean"], Prospect::Lacks { what: names(&["load"]) });
    assert_eq!(foretold["train"], Prospect::Lacks { what: names(&["clean"]) });
}

#[derive(Debug, Clone)]
struct Planned {
    /// The earlier steps of which it takes something.
    takes: Vec<usize>,
    /// Whether it writes the same whatever it reads.
    is_constant: bool,
    is_kept: bool,
    /// Whether its source is changed between the first run and the second.
    is_changed: bool,
    /// Whether it has items, and how many are new in the second run.
    items: Option<usize>,
}

fn plan() -> impl Strategy<Value = Vec<Planned>> {
    let takes = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    let step = (
        takes,
        any::<bool>(),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.3),
        prop::option::weighted(0.3, 0usize..3),
    );
    prop::collection::vec(step, 1..8).prop_map(|steps| {
        let planned = |(place, (takes, is_constant, is_kept, is_changed, items)): (usize, _)| {
            let takes: Vec<prop::sample::Index> = takes;
            let takes = takes.iter().filter(|_| place > 0);
            let mut takes: Vec<_> = takes.map(|index| index.index(place.max(1))).collect();
            takes.sort_unstable();
            takes.dedup();
            Planned { takes, is_constant, is_kept, is_changed, items }
        };
        steps.into_iter().enumerate().map(planned).collect()
    })
}

/// `is_second`: as it is in the second run.
fn file(plan: &[Planned], is_second: bool) -> String {
    let step = |(place, step): (usize, &Planned)| {
        let inputs: Vec<_> =
            step.takes.iter().map(|taken| format!("i{taken} = 's{taken}.x'")).collect();
        let read: Vec<_> = step.takes.iter().map(|taken| format!("{{in.i{taken}}}")).collect();
        let command = match step.is_constant {
            true => format!("cat source{place} > /dev/null; echo {place} > {{out.x}}"),
            false => format!(
                "find source{place} {} -type f -exec cat {{{{}}}} + > {{out.x}}",
                read.join(" ")
            ),
        };
        let foreach = match step.items {
            Some(new) => format!(
                "foreach = {{ item = {:?} }}\n",
                (0..1 + if is_second { new } else { 0 }).collect::<Vec<_>>()
            ),
            None => String::new(),
        };
        format!(
            "[[steps]]\nname = 's{place}'\n{foreach}outputs = ['x']\ncache = {}\nrun = '{command}'\ninputs = {{ {} }}\n",
            step.is_kept,
            inputs.join(", ")
        )
    };
    plan.iter().enumerate().map(step).collect()
}

proptest! {
    // Each case runs some dozen processes.
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Of whatever part of whatever graph, after whatever has changed: each step ends as it was foretold, and nothing was written to foretell it.
    #[test]
    fn what_is_foretold_happens(
        plan in plan(),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 1..3),
        rerun in any::<prop::sample::Index>(),
        how in 0..5,
    ) {
        let mut bed = Bed::new();
        for place in 0..plan.len() {
            bed.write(&format!("source{place}"), "before\n");
        }
        prop_assert_eq!(bed.run(&file(&plan, false)).status(), RunStatus::Completed);
        for place in (0..plan.len()).filter(|place| plan[*place].is_changed) {
            bed.write(&format!("source{place}"), "after\n");
        }
        let name = |index: &prop::sample::Index| format!("s{}", index.index(plan.len()));
        let mut selection = Selection::default();
        let chosen: Vec<_> = chosen.iter().map(name).collect();
        match how {
            0 => selection.only = chosen,
            1 => selection.from = chosen,
            2 => selection.until = chosen,
            3 => selection.rerun = vec![name(&rerun)],
            _ => {}
        }
        let part = selection.apply(bed.pipeline(&file(&plan, true))).unwrap();

        let before = files(&bed);
        let foretold = foretell(&bed, &part);
        prop_assert_eq!(before, files(&bed), "something was written");

        let told = run(&mut bed, &part);
        let statuses = told.statuses().into_iter();
        let ends: HashMap<_, _> = statuses.filter(|(step, _)| !step.contains(':')).collect();
        prop_assert_eq!(ends.len(), part.steps.len());
        for step in &part.steps {
            let end = ends[step.name.as_str()];
            let is_as_foretold = match &foretold[&step.name] {
                Prospect::Cached { .. } => end == StepStatus::Cached,
                Prospect::Run { .. } => end == StepStatus::Completed,
                Prospect::Missing { .. } => end != StepStatus::Completed && end != StepStatus::Cached,
                Prospect::Lacks { .. } => end == StepStatus::Skipped,
                // A step in between may not be known, and then what needs it is skipped.
                Prospect::Depends { .. } if step.role == Role::Recall => end != StepStatus::Completed,
                Prospect::Depends { .. } => end != StepStatus::Failed,
                other => panic!("nothing here is {other:?}"),
            };
            prop_assert!(is_as_foretold, "{}: {:?}, and ended as {end:?}", step.name, foretold[&step.name]);
        }
    }
}
