//! Random graphs whose steps have triggers, retries and needs: each ends as a simple model says, and no resource is exceeded.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use sundae::engine::event::{Event, RunStatus, StepStatus};
use sundae_plugin_api::Resources;
use sundae_plugin_api::orchestrator::Capabilities;

use super::meddled::Meddled;
use super::support::Bed;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Trigger {
    OnSuccess,
    OnFailure,
    Always,
}

#[derive(Debug, Clone)]
struct Planned {
    trigger: Trigger,
    /// Earlier steps, and whether something is taken from them.
    needs: Vec<(usize, bool)>,
    /// How many attempts fail before one succeeds, and how many there are.
    failures: u32,
    attempts: u32,
    /// Units of `a` and of `b`.
    uses: (u32, u32),
    /// How many items it has, if it has items: each is tried and fails as the step would be.
    items: Option<u32>,
}

impl Planned {
    fn works(&self) -> bool {
        self.failures < self.attempts || self.items == Some(0)
    }
}

const HAS: (u32, u32) = (3, 2);

fn plan() -> impl Strategy<Value = Vec<Planned>> {
    let trigger = prop_oneof![
        6 => Just(Trigger::OnSuccess),
        2 => Just(Trigger::OnFailure),
        2 => Just(Trigger::Always),
    ];
    let needs = prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..3);
    let tries = (prop_oneof![5 => Just(0u32), 3 => 1u32..4], 1u32..4);
    let step =
        (trigger, needs, tries, (0..=HAS.0, 0..=HAS.1), prop::option::weighted(0.3, 0u32..4));
    prop::collection::vec(step, 1..12).prop_map(|steps| {
        let planned = |(place, (trigger, needs, (failures, attempts), uses, items)): (usize, _)| {
            let needs: Vec<(prop::sample::Index, bool)> = needs;
            let needs = needs.into_iter().filter(|_| place > 0);
            let needs: BTreeMap<usize, bool> =
                needs.map(|(need, takes)| (need.index(place.max(1)), takes)).collect();
            Planned { trigger, needs: needs.into_iter().collect(), failures, attempts, uses, items }
        };
        steps.into_iter().enumerate().map(planned).collect()
    })
}

fn file(plan: &[Planned]) -> String {
    let step = |(place, step): (usize, &Planned)| {
        let (taken, after): (Vec<_>, Vec<_>) = step.needs.iter().partition(|(_, takes)| *takes);
        let inputs: Vec<_> =
            taken.iter().map(|(need, _)| format!("i{need} = 's{need}.x'")).collect();
        let after: Vec<_> = after.iter().map(|(need, _)| format!("'s{need}'")).collect();
        let trigger = match step.trigger {
            Trigger::OnSuccess => "on-success",
            Trigger::OnFailure => "on-failure",
            Trigger::Always => "always",
        };
        let Planned { failures, attempts, uses: (a, b), .. } = step;
        let items: Vec<_> = (0..step.items.unwrap_or(0)).map(|item| item.to_string()).collect();
        let foreach = match step.items {
            Some(_) => format!("foreach = {{ item = [{}] }}\n", items.join(", ")),
            None => String::new(),
        };
        format!(
            "[[steps]]\nname = 's{place}'\noutputs = ['x']\ntrigger = '{trigger}'\ncache = false\n\
             run = 'test $SUNDAE_ATTEMPT -gt {failures} && echo {place} > {{out.x}}'\n\
             inputs = {{ {} }}\nafter = [{}]\nresources = {{ a = {a}, b = {b} }}\n\
             retry = {{ attempts = {attempts}, delay = 0 }}\n{foreach}",
            inputs.join(", "),
            after.join(", "),
        )
    };
    plan.iter().enumerate().map(step).collect()
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Completed,
    Failed,
    /// Because something that it needs failed.
    Skipped,
    /// On purpose.
    Omitted,
}

/// The model: how every step must end.
fn expected(plan: &[Planned]) -> Vec<End> {
    let needs = effective_needs(plan);
    let mut ends: HashMap<usize, End> = HashMap::new();
    while ends.len() < plan.len() {
        for (place, step) in plan.iter().enumerate() {
            let all_ended = needs[place].iter().all(|(need, _)| ends.contains_key(need));
            if all_ended && !ends.contains_key(&place) {
                let end = end(step, place, &needs, &ends);
                ends.insert(place, end);
            }
        }
    }
    (0..plan.len()).map(|place| ends[&place]).collect()
}

fn end(
    step: &Planned,
    place: usize,
    needs: &[Vec<(usize, bool)>],
    ends: &HashMap<usize, End>,
) -> End {
    let bad = |end: End| matches!(end, End::Failed | End::Skipped);
    let own = needs[place].iter().map(|(need, takes)| (ends[need], *takes));
    let matters = |takes: bool| takes || step.trigger == Trigger::OnSuccess;
    if own.clone().any(|(end, takes)| bad(end) && matters(takes)) {
        return End::Skipped;
    }
    let lacks = own.clone().any(|(end, takes)| end == End::Omitted && takes);
    if lacks || (step.trigger == Trigger::OnFailure && !is_behind_failure(place, needs, ends)) {
        return End::Omitted;
    }
    if step.works() { End::Completed } else { End::Failed }
}

fn is_behind_failure(
    place: usize,
    needs: &[Vec<(usize, bool)>],
    ends: &HashMap<usize, End>,
) -> bool {
    needs[place]
        .iter()
        .any(|(need, _)| ends[need] == End::Failed || is_behind_failure(*need, needs, ends))
}

/// With what a closing step waits for that names nothing.
fn effective_needs(plan: &[Planned]) -> Vec<Vec<(usize, bool)>> {
    let is_closing = |step: &Planned| step.trigger != Trigger::OnSuccess && step.needs.is_empty();
    let mut is_behind = vec![false; plan.len()];
    for (place, step) in plan.iter().enumerate() {
        is_behind[place] =
            step.needs.iter().any(|(need, _)| is_behind[*need] || is_closing(&plan[*need]));
    }
    let ordinary: Vec<_> = (0..plan.len())
        .filter(|place| plan[*place].trigger == Trigger::OnSuccess && !is_behind[*place])
        .map(|place| (place, false))
        .collect();
    let needs = plan.iter();
    needs.map(|step| if is_closing(step) { ordinary.clone() } else { step.needs.clone() }).collect()
}

/// A bed whose orchestrator fails the test when jobs together need more than there is.
fn bed() -> Bed {
    let mut bed = Bed::new();
    let mut orchestrator = Meddled::new(4);
    let has = [("a", HAS.0), ("b", HAS.1), ("cpus", 4)];
    let has: Resources =
        has.iter().map(|(name, amount)| ((*name).to_owned(), f64::from(*amount))).collect();
    orchestrator.capabilities = Capabilities::new().parallelism(4).capacity(has.clone());
    let running: Arc<Mutex<HashMap<String, Resources>>> = Arc::default();
    let ended = Arc::clone(&running);
    orchestrator.on_submit = Box::new(move |job| {
        let mut running = running.lock().unwrap();
        running.insert(job.description.id.clone(), job.description.resources.clone());
        for (name, there_is) in &has {
            let used: f64 = running.values().filter_map(|needs| needs.get(name)).sum();
            assert!(used <= *there_is, "{used} of {name} at once, and there is {there_is}");
        }
        Ok(())
    });
    orchestrator.on_wait = Box::new(move |changes| {
        let ends = changes.iter().filter(|change| change.state.is_final());
        ends.for_each(|change| drop(ended.lock().unwrap().remove(&change.handle.0)));
        Ok(changes)
    });
    bed.orchestrator = Box::new(orchestrator);
    bed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_step_ends_as_the_model_says(plan in plan()) {
        let told = bed().run(&file(&plan));
        let expected = expected(&plan);
        for (place, end) in expected.iter().enumerate() {
            let status = match end {
                End::Completed => StepStatus::Completed,
                End::Failed => StepStatus::Failed,
                End::Skipped | End::Omitted => StepStatus::Skipped,
            };
            let name = format!("s{place}");
            prop_assert_eq!(told.statuses()[name.as_str()], status, "{}", name);
            let is_item = |step: &str| step.strip_prefix(&name).is_some_and(|rest| rest.starts_with(':'));
            let attempts = told.events.iter().filter(
                |event| matches!(event, Event::AttemptSubmitted { step, .. } if *step == name || is_item(step)),
            );
            let step = &plan[place];
            let tried = match status {
                StepStatus::Skipped => 0,
                _ => (step.attempts.min(step.failures + 1) * step.items.unwrap_or(1)) as usize,
            };
            prop_assert_eq!(attempts.count(), tried, "attempts of {}", name);
        }
        let has_failed = expected.contains(&End::Failed);
        prop_assert_eq!(told.status(), if has_failed { RunStatus::Failed } else { RunStatus::Completed });
    }
}
