//! Many boxes that are alike are drawn as one: nobody reads a thousand of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::order::{depth_first, reversed};
use super::{Arrow, Drawing, Shape};

/// So many boxes that are alike, and are called alike, are still drawn one by one.
const MOST_CALLED_ALIKE: usize = 8;

/// So many boxes that are alike and have names of their own are still drawn one by one.
const MOST_ALIKE: usize = 40;

impl Drawing {
    /// The same, with boxes that are alike drawn as one where there are many.
    ///
    /// Alike are boxes that boxes that are alike lead to, all the way up, and that lead to boxes that are alike, all the way
    /// down. So what lies between two of them is alike, too, and no arrow of the result leads in a circle.
    #[must_use]
    pub fn folded(&self) -> Self {
        let next = self.next();
        let order = depth_first(&next);
        let above = colors(&reversed(&next), order.iter().copied());
        let below = colors(&next, order.iter().rev().copied());
        let mut alike: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        let mut called_alike: HashMap<(usize, usize, &str), Vec<usize>> = HashMap::new();
        for (place, shape) in self.boxes.iter().enumerate() {
            let look = (above[place], below[place]);
            alike.entry(look).or_default().push(place);
            called_alike.entry((look.0, look.1, stem(&shape.name))).or_default().push(place);
        }
        // Where a box is to be found in the new drawing: at the place of the first of its group.
        let mut leader: Vec<usize> = (0..self.boxes.len()).collect();
        let many = alike.values().filter(|group| group.len() > MOST_ALIKE);
        let many_called = called_alike.values().filter(|group| group.len() > MOST_CALLED_ALIKE);
        for group in many_called.chain(many) {
            for &place in group {
                leader[place] = group[0];
            }
        }
        self.led_by(&leader)
    }

    /// The boxes that have the same leader as one.
    fn led_by(&self, leader: &[usize]) -> Self {
        let mut groups: BTreeMap<usize, Vec<&Shape>> = BTreeMap::new();
        for (shape, leader) in self.boxes.iter().zip(leader) {
            groups.entry(*leader).or_default().push(shape);
        }
        let places: HashMap<usize, usize> =
            groups.keys().enumerate().map(|(place, leader)| (*leader, place)).collect();
        let boxes = groups.values().map(|group| merged(group)).collect();
        let mut arrows: Vec<Arrow> = Vec::new();
        let mut known = HashSet::new();
        for arrow in &self.arrows {
            let (from, to) = (places[&leader[arrow.from]], places[&leader[arrow.to]]);
            if known.insert((from, to, &arrow.label)) {
                arrows.push(Arrow { from, to, label: arrow.label.clone() });
            }
        }
        Self { boxes, arrows }
    }
}

/// A number for each box: the same for those that have the same set of numbers beside them.
fn colors(beside: &[Vec<usize>], order: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut colors = vec![0; beside.len()];
    let mut known: HashMap<Vec<usize>, usize> = HashMap::new();
    for place in order {
        let mut set: Vec<usize> = beside[place].iter().map(|&other| colors[other]).collect();
        set.sort_unstable();
        set.dedup();
        let number = known.len();
        colors[place] = *known.entry(set).or_insert(number);
    }
    colors
}

/// What names have in common that were counted: `train:` of `train:12`, `part_` of `part_007`.
fn stem(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((stem, _)) => stem,
        None => name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'),
    }
}

fn merged(group: &[&Shape]) -> Shape {
    let (first, last) = match group {
        [one] => return (*one).clone(),
        [first, .., last] => (first, last),
        [] => {
            return Shape {
                name: String::new(),
                state: None,
                detail: None,
                tone: super::Tone::Plain,
            };
        }
    };
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for state in group.iter().filter_map(|shape| shape.state.as_deref()) {
        *states.entry(state).or_default() += 1;
    }
    let states: Vec<_> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    Shape {
        name: format!("{} … {}", first.name, last.name),
        state: Some(match states.is_empty() {
            true => format!("{} steps", group.len()),
            false => format!("{} steps: {}", group.len(), states.join(", ")),
        }),
        detail: None,
        tone: group.iter().map(|shape| shape.tone).max().unwrap_or_default(),
    }
}
