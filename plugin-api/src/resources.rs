//! Who has what of what there is: resources are taken when a job starts, and given back when it ends.

use std::collections::{BTreeMap, BTreeSet};

/// Amounts by resource name.
pub type Resources = BTreeMap<String, f64>;

/// Sums of fractions are not exact: a third of something, three times, is all of it.
const TOLERANCE: f64 = 1e-9;

/// So many that wait are looked at for one that may overtake.
const LOOKED_AT: usize = 1000;

/// What there is of each resource, and what is taken. A resource of which nothing is said is not limited.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    capacity: Resources,
    taken: Resources,
}

impl Ledger {
    /// All of this is free.
    #[must_use]
    pub fn new(capacity: Resources) -> Self {
        Self { capacity, taken: Resources::new() }
    }

    /// The resources of which there is less than needed, even when all is free: name, what is needed, what there is.
    #[must_use]
    pub fn never_enough<'a>(&'a self, needs: &'a Resources) -> Vec<(&'a str, f64, f64)> {
        let limited = needs.iter().filter_map(|(name, need)| {
            let there_is = *self.capacity.get(name)?;
            (*need > there_is + TOLERANCE).then_some((name.as_str(), *need, there_is))
        });
        limited.collect()
    }

    /// The resources of which there is not enough now.
    fn short_of(&self, needs: &Resources) -> Vec<&str> {
        let short = needs.iter().filter_map(|(name, need)| {
            let (name, there_is) = self.capacity.get_key_value(name)?;
            let taken = self.taken.get(name).copied().unwrap_or_default();
            // Who needs more than there is at all would wait for ever: it runs alone.
            let is_short = taken + need > there_is + TOLERANCE && taken > TOLERANCE;
            (*need > 0.0 && is_short).then_some(name.as_str())
        });
        short.collect()
    }

    /// The place of the first among those that wait, in their order, that may start now.
    ///
    /// One that must wait is overtaken only by those that need nothing of what it waits for: so it is not overtaken for ever.
    pub fn first_that_fits<'a>(
        &self,
        waiting: impl IntoIterator<Item = &'a Resources>,
    ) -> Option<usize> {
        let mut reserved: BTreeSet<&str> = BTreeSet::new();
        for (place, needs) in waiting.into_iter().take(LOOKED_AT).enumerate() {
            let short = self.short_of(needs);
            let is_free =
                needs.iter().all(|(name, need)| *need <= 0.0 || !reserved.contains(name.as_str()));
            if short.is_empty() && is_free {
                return Some(place);
            }
            reserved.extend(short);
        }
        None
    }

    /// Takes it, also where there is not enough.
    pub fn take(&mut self, needs: &Resources) {
        for (name, need) in needs {
            *self.taken.entry(name.clone()).or_default() += need;
        }
    }

    /// Gives back what was taken.
    pub fn give_back(&mut self, needs: &Resources) {
        for (name, need) in needs {
            if let Some(taken) = self.taken.get_mut(name) {
                *taken = (*taken - need).max(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amounts(amounts: &[(&str, f64)]) -> Resources {
        amounts.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect()
    }

    #[test]
    fn what_is_taken_is_not_there_until_it_is_given_back() {
        let mut ledger = Ledger::new(amounts(&[("cpus", 4.0)]));
        let three = amounts(&[("cpus", 3.0)]);
        assert_eq!(ledger.first_that_fits([&three]), Some(0));
        ledger.take(&three);
        assert_eq!(ledger.first_that_fits([&three]), None);
        ledger.give_back(&three);
        assert_eq!(ledger.first_that_fits([&three]), Some(0));
    }

    #[test]
    fn only_those_overtake_that_need_nothing_of_what_is_waited_for() {
        let mut ledger = Ledger::new(amounts(&[("cpus", 4.0), ("gpus", 1.0)]));
        ledger.take(&amounts(&[("cpus", 1.0), ("gpus", 1.0)]));
        let on_gpu = amounts(&[("cpus", 1.0), ("gpus", 1.0)]);
        let plain = amounts(&[("cpus", 1.0)]);
        assert_eq!(ledger.first_that_fits([&on_gpu, &on_gpu, &plain]), Some(2));
        // All processors are wanted: so they are not given to those behind.
        let wide = amounts(&[("cpus", 4.0)]);
        assert_eq!(ledger.first_that_fits([&wide, &plain]), None);
    }

    #[test]
    fn fractions_add_up() {
        let mut ledger = Ledger::new(amounts(&[("cpus", 1.0)]));
        let tenth = amounts(&[("cpus", 0.1)]);
        for _ in 0..10 {
            assert_eq!(ledger.first_that_fits([&tenth]), Some(0));
            ledger.take(&tenth);
        }
        assert_eq!(ledger.first_that_fits([&tenth]), None);
    }

    #[test]
    fn what_is_more_than_there_is_is_named_and_runs_alone() {
        let mut ledger = Ledger::new(amounts(&[("memory", 8.0)]));
        let needs = amounts(&[("memory", 9.0), ("unlimited", 1e9)]);
        assert_eq!(ledger.never_enough(&needs), [("memory", 9.0, 8.0)]);
        assert_eq!(ledger.first_that_fits([&needs]), Some(0));
        ledger.take(&amounts(&[("memory", 1.0)]));
        assert_eq!(ledger.first_that_fits([&needs]), None);
    }
}
