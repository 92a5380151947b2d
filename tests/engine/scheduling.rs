//! The scheduler against random graphs whose steps do random things.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use sundae::engine::Stop;
use sundae::engine::event::{Event, RunStatus, StepStatus};

use super::meddled::Meddled;
use super::support::{Bed, Told};

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Does {
    Works,
    Fails,
    /// Leaves out its output.
    Forgets,
    /// Names code that is not there, so that it cannot even be tried.
    Cannot,
}

#[derive(Debug, Clone)]
struct Planned {
    does: Does,
    /// Steps before this one, and whether something is taken from them.
    needs: Vec<(usize, bool)>,
}

/// Steps that need some of those before them.
fn plan() -> impl Strategy<Value = Vec<Planned>> {
    let does = prop_oneof![
        12 => Just(Does::Works),
        1 => Just(Does::Fails),
        1 => Just(Does::Forgets),
        1 => Just(Does::Cannot),
    ];
    let step = (does, prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4));
    prop::collection::vec(step, 1..14).prop_map(|steps| {
        let planned =
            |(place, (does, needs)): (usize, (Does, Vec<(prop::sample::Index, bool)>))| {
                let needs = needs.into_iter().filter(|_| place > 0);
                let needs: BTreeMap<_, _> =
                    needs.map(|(need, takes)| (need.index(place.max(1)), takes)).collect();
                Planned { does, needs: needs.into_iter().collect() }
            };
        steps.into_iter().enumerate().map(planned).collect()
    })
}

/// As a pipeline file, in an order that tells nothing.
fn file(plan: &[Planned]) -> String {
    let step = |(place, step): (usize, &Planned)| {
        let taken = step.needs.iter().filter(|(_, takes)| *takes);
        let inputs: Vec<_> =
            taken.clone().map(|(need, _)| format!("i{need} = 's{need}.x'")).collect();
        let read: Vec<_> = taken.map(|(need, _)| format!("{{in.i{need}}}")).collect();
        let after = step.needs.iter().filter(|(_, takes)| !takes);
        let after: Vec<_> = after.map(|(need, _)| format!("'s{need}'")).collect();
        let run = match step.does {
            Does::Works | Does::Cannot => {
                format!("cat {} /dev/null > {{out.x}}; echo {place} >> {{out.x}}", read.join(" "))
            }
            Does::Fails => format!("echo {place} > {{out.x}}; exit 1"),
            Does::Forgets => format!(": {place}"),
        };
        let code = if step.does == Does::Cannot { "code = ['nowhere']" } else { "" };
        format!(
            "[[steps]]\nname = 's{place}'\nrun = '{run}'\noutputs = ['x']\ninputs = {{ {} }}\nafter = [{}]\n{code}\n",
            inputs.join(", "),
            after.join(", "),
        )
    };
    let steps: Vec<_> = plan.iter().enumerate().map(step).collect();
    steps.into_iter().rev().collect()
}

/// How every step must end.
fn expected(plan: &[Planned]) -> BTreeMap<String, StepStatus> {
    let mut ends: Vec<StepStatus> = Vec::new();
    for step in plan {
        let all_well = step.needs.iter().all(|(need, _)| ends[*need] == StepStatus::Completed);
        ends.push(match step.does {
            _ if !all_well => StepStatus::Skipped,
            Does::Works => StepStatus::Completed,
            _ => StepStatus::Failed,
        });
    }
    ends.into_iter().enumerate().map(|(place, end)| (format!("s{place}"), end)).collect()
}

fn place(step: &str) -> usize {
    step[1..].parse().unwrap()
}

/// What holds for every run, however it ends.
fn check(plan: &[Planned], told: &Told) -> Result<(), TestCaseError> {
    let mut ends: HashMap<usize, StepStatus> = HashMap::new();
    for (at, event) in told.events.iter().enumerate() {
        let (step, end) = match event {
            Event::RunStarted { steps } => {
                prop_assert_eq!((at, steps.len()), (0, plan.len()));
                continue;
            }
            Event::AttemptSubmitted { step, .. } => {
                prop_assert!(!ends.contains_key(&place(step)), "{} begins after its end", step);
                (step, None)
            }
            Event::StepCached { step, .. } => (step, Some(StepStatus::Cached)),
            Event::StepSkipped { step, .. } => (step, Some(StepStatus::Skipped)),
            Event::StepEnded { step, status, .. } => (step, Some(*status)),
            Event::RunEnded { .. } => {
                prop_assert_eq!(at + 1, told.events.len(), "something is told after the end");
                continue;
            }
            _ => continue,
        };
        let is_well = |need: &usize| {
            matches!(ends.get(need), Some(StepStatus::Completed | StepStatus::Cached))
        };
        let mut needs = plan[place(step)].needs.iter().map(|(need, _)| need);
        if matches!(end, None | Some(StepStatus::Cached | StepStatus::Completed)) {
            prop_assert!(needs.all(is_well), "{} begins before what it needs", step);
        }
        if let Some(end) = end {
            prop_assert_eq!(ends.insert(place(step), end), None, "{} ends twice", step);
        }
    }
    prop_assert_eq!(ends.len(), plan.len(), "a step has no end");
    Ok(())
}

/// A bed whose orchestrator watches that no more jobs are handed to it than it wants.
fn bed(parallelism: u32) -> Bed {
    let mut bed = Bed::new();
    let mut orchestrator = Meddled::new(parallelism);
    let at_once = Arc::new(AtomicUsize::new(0));
    let ended = Arc::clone(&at_once);
    orchestrator.on_submit = Box::new(move |_| {
        assert!(at_once.fetch_add(1, Ordering::SeqCst) < parallelism as usize, "too many at once");
        Ok(())
    });
    orchestrator.on_wait = Box::new(move |changes| {
        let ends = changes.iter().filter(|change| change.state.is_final()).count();
        ended.fetch_sub(ends, Ordering::SeqCst);
        Ok(changes)
    });
    bed.orchestrator = Box::new(orchestrator);
    bed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_step_ends_as_the_graph_demands(plan in plan(), parallelism in 1u32..5) {
        let mut bed = bed(parallelism);
        let file = file(&plan);
        let told = bed.run(&file);
        check(&plan, &told)?;
        let expected = expected(&plan);
        let statuses = told.statuses().into_iter().map(|(step, status)| (step.to_owned(), status));
        prop_assert_eq!(statuses.collect::<BTreeMap<_, _>>(), expected.clone());
        let has_failed = expected.values().any(|end| *end == StepStatus::Failed);
        prop_assert_eq!(told.status(), if has_failed { RunStatus::Failed } else { RunStatus::Completed });

        // Once more: what completed is known, and nothing else has changed.
        let told = bed.run(&file);
        check(&plan, &told)?;
        for (step, end) in told.statuses() {
            let before = expected[step];
            let expected = if before == StepStatus::Completed { StepStatus::Cached } else { before };
            prop_assert_eq!(end, expected, "{}", step);
        }
    }

    #[test]
    fn a_run_that_is_stopped_anywhere_ends_in_order(plan in plan(), after in 0usize..20) {
        let mut bed = bed(2);
        struct Stops<'a>(Told, &'a Stop, usize);
        impl sundae::engine::Listener for Stops<'_> {
            fn hear(&mut self, events: &[Event]) -> Result<(), String> {
                self.0.hear(events)?;
                if self.0.events.len() >= self.2 && self.1.requests() == 0 {
                    self.1.request();
                }
                Ok(())
            }
        }
        let pipeline = bed.pipeline(&file(&plan));
        let stop = Stop::default();
        let mut listener = Stops(Told::default(), &stop, after);
        let ended = bed.run_pipeline_until(&pipeline, &mut listener, &stop);
        bed.check_nothing_left();
        let mut told = listener.0;
        told.ended = Some(ended.map_err(|error| error.to_string()));
        check(&plan, &told)?;
        let expected = expected(&plan);
        let has_cancelled = told.statuses().values().any(|end| *end == StepStatus::Cancelled);
        for (step, end) in told.statuses() {
            prop_assert!(end == StepStatus::Cancelled || end == expected[step], "{} {:?}", step, end);
        }
        let is_cancelled = told.status() == RunStatus::Cancelled;
        prop_assert_eq!(is_cancelled, has_cancelled);
    }

    /// Whatever is taken out of the store or damaged in it between two runs: the second has the same results.
    #[test]
    fn lost_data_is_made_again(
        plan in plan(),
        losses in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..6),
        touched: prop::sample::Index,
    ) {
        let mut plan = plan;
        plan.iter_mut().for_each(|step| step.does = Does::Works);
        let mut bed = bed(3);
        let first = bed.run(&file(&plan));
        let objects = bed.store.list("", None, 999).unwrap();
        for (at, is_damaged) in losses {
            let path = bed.folder.path().join("store").join(&objects[at.index(objects.len())].key);
            if is_damaged && path.exists() {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
                std::fs::set_permissions(&path, mode).unwrap();
                std::fs::write(path, "damaged").unwrap();
            } else {
                drop(std::fs::remove_file(path));
            }
        }
        // Another command in one step, so that some of the data is needed.
        let touched = touched.index(plan.len());
        let changed = file(&plan).replace(&format!("echo {touched} >>"), &format!("echo  {touched} >>"));
        // What is damaged and not needed stays so.
        let second = bed.run_carelessly(&changed);
        prop_assert_eq!(second.status(), RunStatus::Completed, "{:#?}", second.events);
        for step in 0..plan.len() {
            let name = format!("s{step}");
            prop_assert_eq!(second.output(&name, "x"), first.output(&name, "x"));
        }
        prop_assert_eq!(bed.run_carelessly(&changed).status(), RunStatus::Completed);
    }
}
