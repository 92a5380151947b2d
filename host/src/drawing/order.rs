//! Orders of boxes in which no arrow leads back.

/// Each box behind all those from which arrows lead to it, and as soon behind the last of them as can be: so few arrows are
/// open at any place.
pub(super) fn depth_first(next: &[Vec<usize>]) -> Vec<usize> {
    let mut missing = vec![0_usize; next.len()];
    for &to in next.iter().flatten() {
        missing[to] += 1;
    }
    let mut ready: Vec<usize> = (0..next.len()).filter(|&place| missing[place] == 0).collect();
    ready.reverse();
    let mut order = Vec::with_capacity(next.len());
    while let Some(place) = ready.pop() {
        order.push(place);
        for &to in next[place].iter().rev() {
            missing[to] -= 1;
            if missing[to] == 0 {
                ready.push(to);
            }
        }
    }
    order
}

/// The same arrows the other way round.
pub(super) fn reversed(next: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut before = vec![Vec::new(); next.len()];
    for (from, list) in next.iter().enumerate() {
        for &to in list {
            before[to].push(from);
        }
    }
    before
}
