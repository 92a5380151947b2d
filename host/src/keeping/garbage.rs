//! What may go: what is old, and needed by nothing that is kept.

use std::collections::{HashMap, HashSet};

use sundae_plugin_api::ArtifactStore;
use sundae_plugin_api::artifact_store::Object;

use super::{Digest, Inventory, KeepingError, Progress, Reach, Stored, expand, reach};

/// Attempts of runs that are not known here may wait in the queue of a cluster: they stay for a month.
const ATTEMPTS_OF_OTHERS_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// A removal that was announced an hour ago is over, however it ended.
const REMOVALS_MS: u64 = 60 * 60 * 1000;

/// The digits of a run's id, with which those of its attempts begin.
const RUN_ID: usize = 36;

/// What is needed, and by whom.
#[derive(Debug, Default)]
pub struct Needs {
    /// The artifacts and logs of runs that are kept.
    pub kept: Reach,
    /// The cache keys of their steps.
    pub outcomes: HashSet<Digest>,
    /// What runs have that are not kept, the latest first. Only for the report.
    pub expired: Vec<Wanted>,
    /// The runs that are known, by id, and whether nobody will ask for their attempts any more.
    pub runs: HashMap<String, bool>,
    /// What is younger stays, whoever needs it. In milliseconds.
    pub grace_ms: u64,
    /// Outcomes that are younger stay. In milliseconds.
    pub outcomes_ms: u64,
    /// The time now, in milliseconds since 1970.
    pub now_ms: u64,
}

/// What a run has.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Its name.
    pub run: String,
    /// Its artifacts and logs.
    pub reach: Reach,
}

/// How many objects, and how much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// How many.
    pub objects: u64,
    /// In bytes.
    pub bytes: u64,
}

impl Total {
    fn add(&mut self, object: &Stored) {
        self.objects += 1;
        self.bytes += object.size;
    }
}

/// What may go.
#[derive(Debug, Default)]
pub struct Garbage {
    /// Files, manifests, logs.
    pub objects: Vec<Stored>,
    /// Outcomes of steps: they go first, so that nobody finds one whose data has gone.
    pub outcomes: Vec<Stored>,
    /// Leases that are over.
    pub leases: Vec<Object>,
    /// What was left of attempts.
    pub attempts: Vec<Object>,
    /// Announcements whose author is gone.
    pub removals: Vec<Object>,
    /// Leases as they were when this was found out: their keys and times.
    pub(super) known_leases: HashMap<String, u64>,
    /// How much of it each run had, the latest first; what several had is the latest one's.
    pub by_run: Vec<(String, Total)>,
    /// How much of it was of no run that is known.
    pub of_others: Total,
    /// What runs need that keep what they have.
    pub kept: Total,
    /// What they do not need, but is too young to go, or needed by what is.
    pub young: Total,
    /// What is younger stays. In milliseconds.
    pub grace_ms: u64,
}

impl Garbage {
    /// All objects that may go.
    #[must_use]
    pub fn total(&self) -> Total {
        let mut total = Total::default();
        self.objects.iter().for_each(|object| total.add(object));
        total
    }

    /// Whether there is nothing that may go.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
            && self.outcomes.is_empty()
            && self.leases.is_empty()
            && self.attempts.is_empty()
            && self.removals.is_empty()
    }
}

/// Finds out what may go. Changes nothing.
///
/// # Errors
/// The store could not be asked; or an outcome or a lease cannot be understood, and so nobody knows what it needs.
pub fn find_garbage(
    store: &dyn ArtifactStore,
    inventory: Inventory,
    needs: &Needs,
    progress: &Progress,
) -> Result<Garbage, KeepingError> {
    let known_leases =
        inventory.leases.iter().map(|lease| (lease.key.as_str().to_owned(), lease.modified_ms));
    let mut garbage = Garbage {
        known_leases: known_leases.collect(),
        grace_ms: needs.grace_ms,
        ..Garbage::default()
    };
    let (mut needed, mut young) = (Vec::new(), Vec::new());
    let outcomes_ms = needs.outcomes_ms.max(needs.grace_ms);
    for outcome in &inventory.outcomes {
        if needs.outcomes.contains(&outcome.digest) {
            needed.push(outcome.digest);
        } else if needs.is_younger(outcome.modified_ms, outcomes_ms) {
            young.push(outcome.digest);
        } else {
            garbage.outcomes.push(*outcome);
        }
    }
    let (held, over): (Vec<Object>, Vec<Object>) = inventory
        .leases
        .into_iter()
        .partition(|lease| needs.is_younger(lease.modified_ms, needs.grace_ms));
    garbage.leases = over;
    garbage.attempts = inventory.attempts.into_iter().filter(|file| needs.is_left(file)).collect();
    let removals = inventory.removals.into_iter();
    garbage.removals =
        removals.filter(|one| !needs.is_younger(one.modified_ms, REMOVALS_MS)).collect();

    let mut of_runs = reach::of_outcomes(store, &needed, progress)?;
    of_runs.objects.extend(&needs.kept.objects);
    of_runs.folders.extend(&needs.kept.folders);
    let mut of_young = reach::of_outcomes(store, &young, progress)?;
    let held: Vec<_> = held.iter().map(|lease| lease.key.clone()).collect();
    of_young.extend(reach::of_leases(store, &held, progress)?);
    progress.begin("reading folders", of_runs.folders.len() + of_young.folders.len());
    of_runs.expand(store, progress)?;
    of_young.expand(store, progress)?;
    for object in &inventory.objects {
        if of_runs.objects.contains(&object.digest) {
            garbage.kept.add(object);
        } else if of_young.objects.contains(&object.digest)
            || needs.is_younger(object.modified_ms, needs.grace_ms)
        {
            garbage.young.add(object);
        } else {
            garbage.objects.push(*object);
        }
    }
    attribute(store, &needs.expired, &mut garbage, progress)?;
    Ok(garbage)
}

impl Needs {
    fn is_younger(&self, modified_ms: u64, than_ms: u64) -> bool {
        modified_ms.saturating_add(than_ms) > self.now_ms
    }

    /// Whether nobody will ask for a file of an attempt any more.
    fn is_left(&self, file: &Object) -> bool {
        let id = file.key.as_str().strip_prefix("attempts/").and_then(|rest| rest.get(..RUN_ID));
        match id.and_then(|id| self.runs.get(id)) {
            Some(is_over) => *is_over && !self.is_younger(file.modified_ms, self.grace_ms),
            None => !self.is_younger(file.modified_ms, ATTEMPTS_OF_OTHERS_MS.max(self.grace_ms)),
        }
    }
}

/// Finds out which runs had what may go.
fn attribute(
    store: &dyn ArtifactStore,
    expired: &[Wanted],
    garbage: &mut Garbage,
    progress: &Progress,
) -> Result<(), KeepingError> {
    let mut owners: HashMap<Digest, usize> = HashMap::new();
    let mut of_folder: HashMap<Digest, usize> = HashMap::new();
    for (run, wanted) in expired.iter().enumerate() {
        for digest in &wanted.reach.objects {
            owners.entry(*digest).or_insert(run);
        }
        for digest in &wanted.reach.folders {
            of_folder.entry(*digest).or_insert(run);
        }
    }
    let folders: Vec<_> = of_folder.keys().copied().collect();
    progress.begin("reading folders", folders.len());
    for (folder, objects) in expand(store, &folders, progress)? {
        for object in objects {
            let run = of_folder[&folder];
            owners.entry(object).and_modify(|owner| *owner = run.min(*owner)).or_insert(run);
        }
    }
    let mut by_run = vec![Total::default(); expired.len()];
    for object in &garbage.objects {
        match owners.get(&object.digest) {
            Some(run) => by_run[*run].add(object),
            None => garbage.of_others.add(object),
        }
    }
    let named = expired.iter().map(|wanted| wanted.run.clone()).zip(by_run);
    garbage.by_run = named.filter(|(_, total)| total.objects > 0).collect();
    Ok(())
}
