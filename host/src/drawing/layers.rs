//! Where boxes stand on paper: in layers, so that every arrow leads down, with few crossings and short ways.
//!
//! The method is Sugiyama's: layers by the longest way, places for long arrows in the layers that they pass, an order
//! within layers by what lies above and below, then positions. Everything is near linear time, and the same each time.

use super::order::{depth_first, reversed};

/// How often layers are put in order by those above and below; more changes little.
const SWEEPS: usize = 12;

/// Long arrows are led around boxes as long as all together pass so many layers; beyond that they go straight.
const MOST_BENDS: usize = 20_000;

/// What is to be laid out.
pub(super) struct Sizes {
    /// How wide each box is.
    pub(super) widths: Vec<f64>,
    /// How much room is between two boxes of a layer.
    pub(super) gap: f64,
}

/// Where everything is.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The middle of each box, and the layer that it is in.
    pub(super) boxes: Vec<(f64, usize)>,
    /// For each arrow that was asked for, in its order: the middles of the places that it passes, layer by layer, ends included.
    pub(super) ways: Vec<Vec<(f64, usize)>>,
    /// How wide all is.
    pub(super) width: f64,
    /// How many layers there are.
    pub(super) layers: usize,
}

/// Lays out boxes, with arrows from one to another that never lead in a circle.
pub(super) fn layout(next: &[Vec<usize>], sizes: &Sizes) -> Layout {
    let mut net = Net::new(next, sizes);
    net.put_in_order();
    net.put_in_place(sizes.gap);
    net.into_layout(next)
}

/// Boxes, and the places of long arrows in the layers between.
struct Net {
    layer: Vec<usize>,
    width: Vec<f64>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
    /// What is in each layer, from left to right.
    layers: Vec<Vec<usize>>,
    x: Vec<f64>,
    /// The places that each arrow passes between its ends, in the order of the boxes and their lists.
    bends: Vec<Vec<usize>>,
    boxes: usize,
}

impl Net {
    fn new(next: &[Vec<usize>], sizes: &Sizes) -> Self {
        let layer = layers_of(next);
        let boxes = next.len();
        let mut net = Self {
            layers: vec![Vec::new(); layer.iter().max().map_or(0, |last| last + 1)],
            layer,
            width: sizes.widths.clone(),
            above: vec![Vec::new(); boxes],
            below: vec![Vec::new(); boxes],
            x: Vec::new(),
            bends: Vec::new(),
            boxes,
        };
        let order = depth_first(next);
        for &place in &order {
            net.layers[net.layer[place]].push(place);
        }
        let span = |from: usize, to: usize| net.layer[to] - net.layer[from] - 1;
        let all =
            next.iter().enumerate().flat_map(|(from, list)| list.iter().map(move |&to| (from, to)));
        let is_led_around = all.map(|(from, to)| span(from, to)).sum::<usize>() <= MOST_BENDS;
        for (from, list) in next.iter().enumerate() {
            for &to in list {
                net.lead(from, to, is_led_around);
            }
        }
        net.x = vec![0.0; net.layer.len()];
        net
    }

    /// Leads an arrow from box to box.
    fn lead(&mut self, from: usize, to: usize, is_led_around: bool) {
        let mut bends = Vec::new();
        let mut last = from;
        if is_led_around {
            for layer in self.layer[from] + 1..self.layer[to] {
                let bend = self.layer.len();
                self.layer.push(layer);
                self.width.push(0.0);
                self.above.push(Vec::new());
                self.below.push(Vec::new());
                self.layers[layer].push(bend);
                self.join(last, bend);
                bends.push(bend);
                last = bend;
            }
        }
        if self.layer[last] + 1 == self.layer[to] {
            self.join(last, to);
        }
        self.bends.push(bends);
    }

    fn join(&mut self, upper: usize, lower: usize) {
        self.below[upper].push(lower);
        self.above[lower].push(upper);
    }

    /// Puts each layer in the order of the middle of what is beside it, again and again; the best of all is kept.
    fn put_in_order(&mut self) {
        let mut best = (self.crossings(), self.layers.clone());
        let mut place = vec![0.0; self.layer.len()];
        (0..self.layers.len()).for_each(|layer| self.note_places(layer, &mut place));
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            let count = self.layers.len();
            for step in 1..count {
                let (layer, beside) = match sweep.is_multiple_of(2) {
                    true => (step, &self.above),
                    false => (count - 1 - step, &self.below),
                };
                let middle = |member: usize| {
                    mean(beside[member].iter().map(|&other| place[other])).unwrap_or(place[member])
                };
                let mut members: Vec<(f64, usize)> =
                    self.layers[layer].iter().map(|&member| (middle(member), member)).collect();
                members.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.layers[layer] = members.into_iter().map(|(_, member)| member).collect();
                self.note_places(layer, &mut place);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    fn note_places(&self, layer: usize, place: &mut [f64]) {
        for (at, &member) in self.layers[layer].iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "there are far fewer")]
            let at = at as f64;
            place[member] = at;
        }
    }

    /// How many arrows cross each other.
    fn crossings(&self) -> usize {
        let mut place = vec![0; self.layer.len()];
        for members in &self.layers {
            for (at, &member) in members.iter().enumerate() {
                place[member] = at;
            }
        }
        let count = |upper: &Vec<usize>| {
            let ends = upper.iter().flat_map(|&member| {
                let mut ends: Vec<usize> =
                    self.below[member].iter().map(|&lower| place[lower]).collect();
                ends.sort_unstable();
                ends
            });
            inversions(ends.collect())
        };
        self.layers.iter().map(count).sum()
    }

    /// Moves everything towards the middle of what is beside it, as far as its neighbours let it.
    fn put_in_place(&mut self, gap: f64) {
        for members in &self.layers {
            let mut left = 0.0;
            for &member in members {
                self.x[member] = left + self.width[member] / 2.0;
                left += self.width[member] + gap;
            }
        }
        for sweep in 0..2 * SWEEPS {
            let count = self.layers.len();
            for step in 0..count {
                let layer = if sweep.is_multiple_of(2) { step } else { count - 1 - step };
                let wanted: Vec<f64> =
                    self.layers[layer].iter().map(|&member| self.wanted(member, sweep)).collect();
                self.place(layer, &wanted, gap);
            }
        }
        let left = (0..self.x.len()).map(|member| self.x[member] - self.width[member] / 2.0);
        let left = left.fold(f64::INFINITY, f64::min);
        self.x.iter_mut().for_each(|x| *x -= left);
    }

    /// Where something would like to stand: in the middle of what is above it, of what is below, or of both at the end.
    fn wanted(&self, member: usize, sweep: usize) -> f64 {
        let (above, below) = (&self.above[member], &self.below[member]);
        let middle = |list: &[usize]| mean(list.iter().map(|&other| self.x[other]));
        let found = match sweep {
            _ if sweep >= SWEEPS => mean(middle(above).into_iter().chain(middle(below))),
            _ if sweep.is_multiple_of(2) => middle(above).or_else(|| middle(below)),
            _ => middle(below).or_else(|| middle(above)),
        };
        found.unwrap_or(self.x[member])
    }

    /// Places the members of a layer as near to where they would like to stand as can be, in their order and with a gap between.
    ///
    /// Without the room that each needs, the places must only not decrease: the nearest such ones are means of neighbours that
    /// would like to stand the other way round.
    fn place(&mut self, layer: usize, wanted: &[f64], gap: f64) {
        let members = &self.layers[layer];
        let mut offset = 0.0;
        let mut offsets = Vec::with_capacity(members.len());
        let mut runs: Vec<(f64, f64)> = Vec::new();
        for (at, &member) in members.iter().enumerate() {
            if at > 0 {
                offset += (self.width[members[at - 1]] + self.width[member]) / 2.0 + gap;
            }
            offsets.push(offset);
            let mut run = (wanted[at] - offset, 1.0);
            while let Some(&(value, weight)) = runs.last().filter(|(value, _)| *value > run.0) {
                run = ((value * weight + run.0 * run.1) / (weight + run.1), weight + run.1);
                runs.pop();
            }
            runs.push(run);
        }
        let mut at = 0;
        for (value, weight) in runs {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it counts"
            )]
            for _ in 0..weight as usize {
                self.x[self.layers[layer][at]] = value + offsets[at];
                at += 1;
            }
        }
    }

    fn into_layout(self, next: &[Vec<usize>]) -> Layout {
        let at = |member: usize| (self.x[member], self.layer[member]);
        let arrows =
            next.iter().enumerate().flat_map(|(from, list)| list.iter().map(move |&to| (from, to)));
        let ways = arrows.zip(&self.bends).map(|((from, to), bends)| {
            std::iter::once(from).chain(bends.iter().copied()).chain([to]).map(at).collect()
        });
        let right = (0..self.x.len()).map(|member| self.x[member] + self.width[member] / 2.0);
        Layout {
            ways: ways.collect(),
            boxes: (0..self.boxes).map(at).collect(),
            width: right.fold(0.0, f64::max),
            layers: self.layers.len(),
        }
    }
}

/// The layer of each box: behind all that lead to it, and of those that nothing leads to, just before the first that they
/// lead to.
fn layers_of(next: &[Vec<usize>]) -> Vec<usize> {
    let mut layer = vec![0; next.len()];
    let order = depth_first(next);
    for &from in &order {
        for &to in &next[from] {
            layer[to] = layer[to].max(layer[from] + 1);
        }
    }
    let before = reversed(next);
    for place in 0..next.len() {
        if before[place].is_empty() {
            let first = next[place].iter().map(|&to| layer[to]).min();
            layer[place] = first.map_or(0, |first| first - 1);
        }
    }
    layer
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// How many pairs stand the wrong way round, by merging.
fn inversions(mut list: Vec<usize>) -> usize {
    let mut count = 0;
    let mut length = 1;
    while length < list.len() {
        let mut merged = Vec::with_capacity(list.len());
        for pair in list.chunks(2 * length) {
            let (mut left, mut right) = pair.split_at(length.min(pair.len()));
            while let (Some(a), Some(b)) = (left.first(), right.first()) {
                if a <= b {
                    merged.push(*a);
                    left = &left[1..];
                } else {
                    count += left.len();
                    merged.push(*b);
                    right = &right[1..];
                }
            }
            merged.extend(left);
            merged.extend(right);
        }
        list = merged;
        length *= 2;
    }
    count
}
