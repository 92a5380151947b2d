//! Taking out of a store what is damaged, so that it is made again.

use sundae_plugin_api::artifact_store::Object;
use sundae_plugin_api::{ArtifactStore, Error};

use super::verify::read_object;
use super::{Damage, Digest, Fault, KeepingError, Needed, Progress, Stored, Verified};
use crate::artifact::lease::Removal;
use crate::artifact::{object_key, outcome_key};

/// What has been taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Damaged objects.
    pub objects: u64,
    /// Outcomes that were damaged, or whose data is damaged or missing.
    pub outcomes: u64,
}

/// Removes damaged objects, and the outcomes that need what is damaged or missing: so nobody takes them from the cache, and
/// the next run makes them again.
///
/// # Errors
/// The store could not be asked.
pub fn repair(store: &dyn ArtifactStore, verified: &Verified) -> Result<Repaired, KeepingError> {
    let mut repaired = Repaired::default();
    // First: nobody shall find one whose data is about to go.
    let mut outcomes: Vec<_> = verified.damages.iter().flat_map(lost_outcomes).collect();
    outcomes.sort_unstable();
    outcomes.dedup();
    for outcome in outcomes {
        let key = outcome_key(&outcome.to_string()).map_err(Error::from)?;
        repaired.outcomes += u64::from(store.stat(&key)?.is_some());
        store.delete(&key)?;
    }
    let is_object = |damage: &&Damage| !damage.is_outcome;
    for damage in verified.damages.iter().filter(is_object) {
        if matches!(damage.fault, Fault::Damaged { .. }) && remove(store, damage.digest)? {
            repaired.objects += 1;
        }
    }
    Ok(repaired)
}

/// The outcomes that cannot be used any more.
fn lost_outcomes(damage: &Damage) -> Vec<Digest> {
    let is_lost = matches!(damage.fault, Fault::Damaged { .. } | Fault::Missing);
    match (is_lost, damage.is_outcome) {
        // What could not be read may be whole.
        (false, _) => Vec::new(),
        (true, true) => vec![damage.digest],
        (true, false) => {
            let outcome = |user: &Needed| match user {
                Needed::Outcome { key, .. } => Some(*key),
                Needed::Run(_) => None,
            };
            damage.needed_by.iter().filter_map(outcome).collect()
        }
    }
}

/// Removes an object if it still is damaged: somebody may have made it anew.
fn remove(store: &dyn ArtifactStore, digest: Digest) -> Result<bool, KeepingError> {
    let key = object_key(&digest.to_string()).map_err(Error::from)?;
    let _removal = Removal::announce(store)?;
    let Some(Object { size, modified_ms, .. }) = store.stat(&key)? else { return Ok(false) };
    let object = Stored { digest, size, modified_ms };
    let fault = read_object(store, &object, &Progress::default())?;
    if !matches!(fault, Some(Fault::Damaged { .. })) {
        return Ok(false);
    }
    store.delete(&key)?;
    Ok(true)
}
