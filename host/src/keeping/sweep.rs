//! Removing what may go, beside runs of this and other machines.
//!
//! Outcomes first: from then on, nobody finds one whose data is about to go. Then objects, some at a time: announced, checked
//! against the leases once more, removed. Whoever is killed in between leaves objects that nothing needs, and nothing else.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sundae_plugin_api::artifact_store::Object;
use sundae_plugin_api::{ArtifactStore, Error, Key};

use super::inventory::plain;
use super::parallel::{in_parallel, in_parallel_while};
use super::{Digest, Garbage, KeepingError, Progress, Stored, Total, reach};
use crate::artifact::lease::Removal;
use crate::artifact::{object_key, outcome_key};

/// How long others may have to wait for us at a time.
const TURN: Duration = Duration::from_millis(500);

/// How far two clocks may be apart: far less than what young things are protected for.
const MOST_SKEW_MS: u64 = 60 * 60 * 1000;

/// What has been removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files, manifests, logs.
    pub objects: Total,
    /// Outcomes of steps.
    pub outcomes: u64,
    /// Files of attempts.
    pub attempts: u64,
    /// What came to be needed, or was made anew, since it was found.
    pub spared: u64,
}

/// Removes what may go. What has come to be needed meanwhile stays.
///
/// # Errors
/// The store could not be asked; what was removed until then is gone, and the store is whole.
pub fn sweep(
    store: &dyn ArtifactStore,
    garbage: &Garbage,
    now_ms: u64,
    progress: &Progress,
) -> Result<Swept, KeepingError> {
    let mut sweep = Sweep {
        store,
        garbage,
        progress,
        now_ms,
        held: HashSet::new(),
        seen: HashSet::new(),
        swept: Swept::default(),
    };
    if garbage.grace_ms > 0 {
        sweep.check_clock()?;
    }
    sweep.outcomes()?;
    sweep.objects()?;
    sweep.leases()?;
    sweep.rest()?;
    Ok(sweep.swept)
}

struct Sweep<'a> {
    store: &'a dyn ArtifactStore,
    garbage: &'a Garbage,
    progress: &'a Progress,
    now_ms: u64,
    /// What leases name that are newer than the plan.
    held: HashSet<Digest>,
    /// Those leases, by key and time.
    seen: HashSet<(String, u64)>,
    swept: Swept,
}

impl Sweep<'_> {
    /// What is young is told by the store's clock, and by ours what time it is.
    fn check_clock(&self) -> Result<(), KeepingError> {
        let before = Instant::now();
        let time_ms = Removal::announce(self.store)?.time_ms()?;
        let passed = u64::try_from(before.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now_ms = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        let skew = now_ms.abs_diff(time_ms).saturating_sub(passed);
        if skew > MOST_SKEW_MS {
            return Err(KeepingError::Clocks { minutes: skew / 60_000 });
        }
        Ok(())
    }

    fn outcomes(&mut self) -> Result<(), KeepingError> {
        self.progress.begin("removing outcomes", self.garbage.outcomes.len());
        let store = self.store;
        let gone = in_parallel(&self.garbage.outcomes, self.progress, |outcome| {
            self.progress.add(1, 0);
            let key = outcome_key(&outcome.digest.to_string()).map_err(Error::from)?;
            remove_if_same(store, &key, outcome.modified_ms).map_err(KeepingError::from)
        })?;
        for is_gone in gone {
            if is_gone { self.swept.outcomes += 1 } else { self.swept.spared += 1 }
        }
        Ok(())
    }

    fn objects(&mut self) -> Result<(), KeepingError> {
        self.progress.begin("removing objects", self.garbage.objects.len());
        let mut left = self.garbage.objects.as_slice();
        while !left.is_empty() {
            self.progress.go_on()?;
            let removal = Removal::announce(self.store)?;
            self.read_new_leases()?;
            left = &left[self.remove(left, &removal)?..];
        }
        Ok(())
    }

    /// Removes the first of these, as many as come their turn; returns how many.
    fn remove(&mut self, objects: &[Stored], removal: &Removal<'_>) -> Result<usize, KeepingError> {
        let (store, held) = (self.store, &self.held);
        let removed = in_parallel_while(turn(removal), objects, self.progress, |object| {
            self.progress.add(1, object.size);
            if held.contains(&object.digest) {
                return Ok(None);
            }
            let key = object_key(&object.digest.to_string()).map_err(Error::from)?;
            Ok(remove_if_same(store, &key, object.modified_ms)?.then_some(object.size))
        })?;
        for size in &removed {
            match size {
                Some(bytes) => {
                    self.swept.objects.objects += 1;
                    self.swept.objects.bytes += bytes;
                }
                None => self.swept.spared += 1,
            }
        }
        Ok(removed.len())
    }

    /// Reads the leases that were written or renewed since it was found out what may go.
    fn read_new_leases(&mut self) -> Result<(), KeepingError> {
        let mut new = Vec::new();
        for lease in plain(self.store, "leases/", &Progress::default())? {
            let (key, time) = (lease.key.as_str().to_owned(), lease.modified_ms);
            let is_known = self.garbage.known_leases.get(&key) == Some(&time);
            let is_over = time.saturating_add(self.garbage.grace_ms) <= self.now_ms;
            if !is_known && !is_over && self.seen.insert((key, time)) {
                new.push(lease.key);
            }
        }
        let reach = reach::of_leases(self.store, &new, &Progress::default())?;
        self.held.extend(reach.objects);
        Ok(())
    }

    /// A lease that is over may be written anew at any moment: so this is announced, too.
    fn leases(&mut self) -> Result<(), KeepingError> {
        let mut left = self.garbage.leases.as_slice();
        while !left.is_empty() {
            let removal = Removal::announce(self.store)?;
            let removed = in_parallel_while(turn(&removal), left, self.progress, |lease| {
                Ok(remove_if_same(self.store, &lease.key, lease.modified_ms)?)
            })?;
            left = &left[removed.len()..];
        }
        Ok(())
    }

    fn rest(&mut self) -> Result<(), KeepingError> {
        let all = |objects: &[Object]| {
            in_parallel(objects, self.progress, |object| {
                Ok(remove_if_same(self.store, &object.key, object.modified_ms)?)
            })
        };
        let attempts = all(&self.garbage.attempts)?;
        all(&self.garbage.removals)?;
        self.swept.attempts = attempts.into_iter().map(u64::from).sum();
        Ok(())
    }
}

/// Whether there is time for another one before others get their turn.
fn turn(removal: &Removal<'_>) -> impl Fn() -> bool + Sync {
    let began = Instant::now();
    move || began.elapsed() < TURN && removal.is_in_time()
}

/// Removes an object unless it was written anew since. Returns whether it is gone now and was not before.
fn remove_if_same(store: &dyn ArtifactStore, key: &Key, modified_ms: u64) -> Result<bool, Error> {
    match store.stat(key)? {
        Some(object) if object.modified_ms == modified_ms => store.delete(key).map(|()| true),
        _ => Ok(false),
    }
}
