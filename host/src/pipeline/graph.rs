//! Who waits for whom: the order of the steps, and the circles that make an order impossible. All of it in linear time.

use std::collections::HashMap;
use std::fmt;

use super::policy::Trigger;
use super::step::Step;

/// The steps of a pipeline by their place in its list, with who waits for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    needs: Vec<Vec<usize>>,
    dependents: Vec<Vec<usize>>,
    order: Vec<usize>,
}

impl Graph {
    /// The graph of these steps. A need that names none of them is passed over.
    ///
    /// A step that has another trigger than success, and names nothing that it waits for, waits for all ordinary steps.
    pub fn new(steps: &[Step]) -> Result<Self, Cycle> {
        let names = steps.iter().enumerate().map(|(index, step)| (step.name.as_str(), index));
        let places: HashMap<&str, usize> = names.collect();
        let needs_of =
            |step: &Step| step.needs().filter_map(|name| places.get(name).copied()).collect();
        let needs: Vec<Vec<usize>> = steps.iter().map(needs_of).collect();
        let named = |cycles: Vec<Vec<usize>>| Cycle::named(&cycles[0], steps);
        let graph = Self::of(needs.clone()).map_err(named)?;
        let closing = |step: &usize| {
            steps[*step].trigger != Trigger::OnSuccess && graph.needs(*step).is_empty()
        };
        let closing: Vec<usize> = (0..steps.len()).filter(closing).collect();
        if closing.is_empty() {
            return Ok(graph);
        }
        let before = graph.ordinary_before(steps, &closing);
        let mut needs = needs;
        for step in closing {
            needs[step].clone_from(&before);
        }
        Self::of(needs).map_err(named)
    }

    /// The ordinary steps that wait for none of the `closing` ones.
    fn ordinary_before(&self, steps: &[Step], closing: &[usize]) -> Vec<usize> {
        let mut is_behind = vec![false; steps.len()];
        for step in closing.iter().flat_map(|step| self.downstream(*step)) {
            is_behind[step] = true;
        }
        let is_ordinary =
            |step: &usize| steps[*step].trigger == Trigger::OnSuccess && !is_behind[*step];
        (0..steps.len()).filter(is_ordinary).collect()
    }

    /// The graph in which the step at each place needs those listed there; or its circles, at least one.
    pub(super) fn of(mut needs: Vec<Vec<usize>>) -> Result<Self, Vec<Vec<usize>>> {
        for needed in &mut needs {
            needed.sort_unstable();
            needed.dedup();
        }
        let order = order(&needs)?;
        let mut dependents = vec![Vec::new(); needs.len()];
        for (step, needed) in needs.iter().enumerate() {
            for &producer in needed {
                dependents[producer].push(step);
            }
        }
        Ok(Self { needs, dependents, order })
    }

    /// All steps, each behind those that it needs, and otherwise in the order of the file.
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// The steps that this one waits for, each once, in the order of the file.
    pub fn needs(&self, step: usize) -> &[usize] {
        &self.needs[step]
    }

    /// The steps that wait for this one, each once, in the order of the file.
    pub fn dependents(&self, step: usize) -> &[usize] {
        &self.dependents[step]
    }

    /// All that cannot run without this step, in the order of [`Graph::order`]: what to skip when it fails.
    pub fn downstream(&self, step: usize) -> Vec<usize> {
        let mut is_downstream = vec![false; self.needs.len()];
        let mut waiting = vec![step];
        while let Some(step) = waiting.pop() {
            for &dependent in &self.dependents[step] {
                if !std::mem::replace(&mut is_downstream[dependent], true) {
                    waiting.push(dependent);
                }
            }
        }
        self.order.iter().copied().filter(|&step| is_downstream[step]).collect()
    }

    /// Whether one of the steps that this one waits for, or that those wait for, is such a one.
    pub fn is_behind(&self, step: usize, is_such: impl Fn(usize) -> bool) -> bool {
        let mut is_seen = vec![false; self.needs.len()];
        let mut waiting = vec![step];
        while let Some(step) = waiting.pop() {
            for &needed in &self.needs[step] {
                if is_such(needed) {
                    return true;
                }
                if !std::mem::replace(&mut is_seen[needed], true) {
                    waiting.push(needed);
                }
            }
        }
        false
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.needs.len()
    }

    pub fn is_empty(&self) -> bool {
        self.needs.is_empty()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Not,
    Underway,
    Done,
}

/// Visits what each step needs before the step, depth first and without recursion; meeting a step that is still
/// underway closes a circle. Of circles that touch, the first is reported: with it gone the others may be gone too.
fn order(needs: &[Vec<usize>]) -> Result<Vec<usize>, Vec<Vec<usize>>> {
    const REPORTED: usize = 10;
    let mut visits = vec![Visit::Not; needs.len()];
    let mut order = Vec::with_capacity(needs.len());
    let mut cycles: Vec<Vec<usize>> = Vec::new();
    let mut is_reported = vec![false; needs.len()];
    // The way from the first step of this visit to the current one, with how many needs of each are dealt with.
    let mut way: Vec<(usize, usize)> = Vec::new();
    for first in 0..needs.len() {
        if visits[first] == Visit::Not {
            visits[first] = Visit::Underway;
            way.push((first, 0));
        }
        while let Some((step, dealt_with)) = way.last_mut() {
            let step = *step;
            let Some(&needed) = needs[step].get(*dealt_with) else {
                visits[step] = Visit::Done;
                order.push(step);
                way.pop();
                continue;
            };
            *dealt_with += 1;
            match visits[needed] {
                Visit::Done => {}
                Visit::Not => {
                    visits[needed] = Visit::Underway;
                    way.push((needed, 0));
                }
                Visit::Underway => {
                    let is_new = !is_reported[step] && !is_reported[needed];
                    if is_new && cycles.len() < REPORTED {
                        let cycle = circle(&way, needed);
                        for &step in &cycle {
                            is_reported[step] = true;
                        }
                        cycles.push(cycle);
                    }
                }
            }
        }
    }
    if cycles.is_empty() { Ok(order) } else { Err(cycles) }
}

/// The circle that the last step of the way closes by needing `needed`: each step is needed by the next one,
/// and the last by the first, which is the one that comes first in the file.
fn circle(way: &[(usize, usize)], needed: usize) -> Vec<usize> {
    let start = way.iter().rposition(|&(step, _)| step == needed).unwrap_or_default();
    let mut cycle: Vec<usize> = way[start..].iter().rev().map(|&(step, _)| step).collect();
    let earliest = (0..cycle.len()).min_by_key(|&place| cycle[place]).unwrap_or_default();
    cycle.rotate_left(earliest);
    cycle
}

/// Steps that wait for each other in a circle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the steps wait for each other in a circle: {}", Circle(steps))]
pub struct Cycle {
    /// Each is needed by the next, and the last by the first.
    pub steps: Vec<String>,
}

impl Cycle {
    fn named(cycle: &[usize], steps: &[Step]) -> Self {
        Self { steps: cycle.iter().map(|&step| steps[step].name.clone()).collect() }
    }
}

/// Writes `a -> b -> a`; of a long circle only the ends.
pub(super) struct Circle<'s, S>(pub &'s [S]);

impl<S: AsRef<str>> fmt::Display for Circle<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        let steps = self.0;
        let is_long = steps.len() > SHOWN;
        for (place, step) in steps.iter().enumerate() {
            if !is_long || place < SHOWN / 2 || place >= steps.len() - SHOWN / 2 {
                write!(f, "{} -> ", step.as_ref())?;
            } else if place == SHOWN / 2 {
                write!(f, "({} more) -> ", steps.len() - SHOWN)?;
            }
        }
        f.write_str(steps.first().map_or("", AsRef::as_ref))
    }
}
