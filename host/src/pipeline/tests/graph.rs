//! Orders and circles of random graphs.

use proptest::prelude::*;

use super::super::graph::{Circle, Graph};

/// For each step, some of the steps before it.
fn acyclic() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (1usize..40)
        .prop_flat_map(|steps| {
            let needs = |step: usize| prop::collection::vec(0..step.max(1), 0..step.min(4) + 1);
            (0..steps).map(needs).collect::<Vec<_>>()
        })
        .prop_map(|needs| {
            needs
                .into_iter()
                .enumerate()
                .map(|(step, needs)| needs.into_iter().filter(|need| *need < step).collect())
                .collect()
        })
}

/// The same graph with its steps in another order.
fn shuffled() -> impl Strategy<Value = Vec<Vec<usize>>> {
    acyclic()
        .prop_flat_map(|needs| {
            let places: Vec<usize> = (0..needs.len()).collect();
            (Just(needs), Just(places).prop_shuffle())
        })
        .prop_map(|(needs, places)| {
            let mut moved = vec![Vec::new(); needs.len()];
            for (step, needs) in needs.into_iter().enumerate() {
                moved[places[step]] = needs.into_iter().map(|need| places[need]).collect();
            }
            moved
        })
}

/// Whether `to` can be reached from `from` by going from each step to what it needs.
fn leads_to(needs: &[Vec<usize>], from: usize, to: usize) -> bool {
    let mut seen = vec![false; needs.len()];
    let mut waiting = vec![from];
    while let Some(step) = waiting.pop() {
        for &need in &needs[step] {
            if need == to {
                return true;
            }
            if !std::mem::replace(&mut seen[need], true) {
                waiting.push(need);
            }
        }
    }
    false
}

proptest! {
    #[test]
    fn every_step_comes_behind_what_it_needs(needs in shuffled()) {
        let graph = Graph::of(needs.clone()).unwrap();
        let mut place = vec![None; needs.len()];
        for (at, &step) in graph.order().iter().enumerate() {
            prop_assert_eq!(place[step].replace(at), None, "step {} comes twice", step);
        }
        for (step, needs) in needs.iter().enumerate() {
            prop_assert!(place[step].is_some());
            for &need in needs {
                prop_assert!(place[need] < place[step]);
                prop_assert!(graph.dependents(need).contains(&step));
                prop_assert!(graph.needs(step).contains(&need));
            }
        }
    }

    #[test]
    fn downstream_is_what_cannot_run_without_the_step(needs in shuffled(), step: prop::sample::Index) {
        let graph = Graph::of(needs.clone()).unwrap();
        let step = step.index(needs.len());
        let expected: Vec<usize> =
            graph.order().iter().copied().filter(|&other| leads_to(&needs, other, step)).collect();
        prop_assert_eq!(graph.downstream(step), expected);
    }

    #[test]
    fn a_graph_with_a_circle_is_refused_with_one_that_is_there(
        needs in shuffled(),
        from: prop::sample::Index,
        to: prop::sample::Index,
    ) {
        let mut needs = needs;
        let (from, to) = (from.index(needs.len()), to.index(needs.len()));
        needs[from].push(to);
        let is_circular = from == to || leads_to(&needs, to, from);
        match Graph::of(needs.clone()) {
            Ok(_) => prop_assert!(!is_circular, "the circle was not noticed"),
            Err(cycles) => {
                prop_assert!(is_circular, "there is no circle");
                for cycle in cycles {
                    prop_assert!(!cycle.is_empty());
                    prop_assert_eq!(cycle.iter().min(), cycle.first());
                    for (place, step) in cycle.iter().enumerate() {
                        let next = cycle[(place + 1) % cycle.len()];
                        prop_assert!(needs[next].contains(step), "{} does not need {}", next, step);
                    }
                }
            }
        }
    }
}

#[test]
fn a_long_chain_costs_no_stack() {
    let needs = (0..200_000usize).map(|step| step.checked_sub(1).into_iter().collect()).collect();
    let graph = Graph::of(needs).unwrap();
    assert_eq!(graph.downstream(0).len(), 199_999);
}

#[test]
fn of_a_long_circle_the_ends_are_shown() {
    let names: Vec<String> = (0..20).map(|step| format!("s{step}")).collect();
    assert_eq!(
        Circle(&names).to_string(),
        "s0 -> s1 -> s2 -> s3 -> s4 -> s5 -> (8 more) -> s14 -> s15 -> s16 -> s17 -> s18 -> s19 -> s0"
    );
}
