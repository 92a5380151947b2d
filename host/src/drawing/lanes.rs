//! A drawing as lines for a terminal, as `git log --graph` draws history: one line a box, arrows as lanes to the left of it.

use super::Drawing;
use super::order::depth_first;

/// A line of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The lanes, with `●` where the box is.
    pub lanes: String,
    /// The box whose line this is, by its place in the list.
    pub shape: Option<usize>,
}

/// What stands for a box among the lanes.
const NODE: char = '●';

/// The drawing, from the boxes that nothing leads to, downwards.
#[must_use]
pub fn lines(drawing: &Drawing) -> Vec<Line> {
    let next = drawing.next();
    let order = depth_first(&next);
    let mut rank = vec![0; next.len()];
    for (place, &shape) in order.iter().enumerate() {
        rank[shape] = place;
    }
    let mut picture = Picture::default();
    for shape in order {
        let mut targets = next[shape].clone();
        targets.sort_unstable_by_key(|&target| rank[target]);
        picture.draw(shape, &targets);
    }
    picture.lines
}

/// How many arrows are open at once at the widest place of the picture, all those that lead to the same box counted as one.
#[must_use]
pub fn widest(drawing: &Drawing) -> usize {
    let next = drawing.next();
    let mut is_open = vec![false; next.len()];
    let (mut open, mut widest) = (0_usize, 0);
    for shape in depth_first(&next) {
        open -= usize::from(std::mem::take(&mut is_open[shape]));
        for &target in &next[shape] {
            open += usize::from(!std::mem::replace(&mut is_open[target], true));
        }
        widest = widest.max(open);
    }
    widest
}

/// Lanes are as many columns as arrows are open; all arrows that lead to the same box share one.
#[derive(Default)]
struct Picture {
    /// The box that each lane leads to.
    lanes: Vec<Option<usize>>,
    /// The lane in which the box of the last line stood, if nothing leads on from it.
    ended: Option<usize>,
    lines: Vec<Line>,
}

impl Picture {
    fn draw(&mut self, shape: usize, targets: &[usize]) {
        let open = self.lanes.iter().position(|lane| *lane == Some(shape));
        let column = open.unwrap_or_else(|| self.free_lane(0));
        if open.is_none() && self.ended == Some(column) {
            // Directly below the last box it would look as if an arrow led to it.
            self.push(None, |_, is_open| if is_open { '│' } else { ' ' });
        }
        self.lanes[column] = None;
        self.push(Some(shape), |lane, is_open| match lane == column {
            true => NODE,
            false if is_open => '│',
            false => ' ',
        });
        self.lead_on(column, targets);
        self.ended = targets.is_empty().then_some(column);
        while self.lanes.last() == Some(&None) && self.ended != Some(self.lanes.len() - 1) {
            self.lanes.pop();
        }
    }

    /// Opens a lane for each target that has none, the first of them below the box itself, and joins the others.
    fn lead_on(&mut self, column: usize, targets: &[usize]) {
        let before = self.lanes.clone();
        if let [target] = targets
            && let Some(lane) = self.lanes.iter().position(|lane| *lane == Some(*target))
            && lane > column
        {
            // The way further to the left is kept, so that pictures do not drift to the right.
            self.lanes[lane] = None;
            self.lanes[column] = Some(*target);
            return self.join(&before, column, &[column, lane]);
        }
        let mut joined = Vec::new();
        for &target in targets {
            let lane = match self.lanes.iter().position(|lane| *lane == Some(target)) {
                Some(lane) => lane,
                None if self.lanes[column].is_none() => column,
                None => self.free_lane(column),
            };
            self.lanes[lane] = Some(target);
            joined.push(lane);
        }
        if joined.iter().any(|&lane| lane != column) {
            self.join(&before, column, &joined);
        }
    }

    /// Draws what joins a lane to others; `before` is where lanes led above it.
    fn join(&mut self, before: &[Option<usize>], column: usize, joined: &[usize]) {
        let left = joined.iter().copied().min().unwrap_or(column).min(column);
        let right = joined.iter().copied().max().unwrap_or(column).max(column);
        let mut lanes = String::new();
        for lane in 0..self.lanes.len() {
            let sides = Sides {
                up: lane == column || before.get(lane).is_some_and(Option::is_some),
                down: self.lanes[lane].is_some(),
                left: lane > left && lane <= right,
                right: lane >= left && lane < right,
            };
            let is_met = lane == column || joined.contains(&lane);
            lanes.push(if is_met { sides.joint() } else { sides.crossing() });
            lanes.push(if sides.right { '─' } else { ' ' });
        }
        lanes.truncate(lanes.trim_end().len());
        self.lines.push(Line { lanes, shape: None });
    }

    /// A lane that leads nowhere yet, at this one or to the right of it.
    fn free_lane(&mut self, from: usize) -> usize {
        let free = (from..self.lanes.len()).find(|&lane| self.lanes[lane].is_none());
        free.unwrap_or_else(|| {
            self.lanes.push(None);
            self.lanes.len() - 1
        })
    }

    fn push(&mut self, shape: Option<usize>, sign: impl Fn(usize, bool) -> char) {
        let mut lanes = String::new();
        for (lane, target) in self.lanes.iter().enumerate() {
            lanes.push(sign(lane, target.is_some()));
            lanes.push(' ');
        }
        lanes.truncate(lanes.trim_end().len());
        self.lines.push(Line { lanes, shape });
    }
}

/// To which sides lines lead from a place.
#[derive(Clone, Copy)]
struct Sides {
    up: bool,
    down: bool,
    left: bool,
    right: bool,
}

impl Sides {
    /// The sign where lines meet.
    fn joint(self) -> char {
        match (self.up, self.down, self.left, self.right) {
            (true, true, true, true) => '┼',
            (true, true, true, false) => '┤',
            (true, true, false, true) => '├',
            (true, false, true, true) => '┴',
            (false, true, true, true) => '┬',
            (true, false, true, false) => '╯',
            (true, false, false, true) => '╰',
            (false, true, true, false) => '╮',
            (false, true, false, true) => '╭',
            _ => self.crossing(),
        }
    }

    /// The sign where lines pass each other, or there is only one.
    fn crossing(self) -> char {
        match (self.up || self.down, self.left && self.right) {
            (true, _) => '│',
            (false, true) => '─',
            (false, false) => ' ',
        }
    }
}
