//! What somebody relies on though it is old, so that nobody removes it: written into the store, where all machines see it.
//!
//! Old objects are removed by whoever tidies up a store ([`Removal`]), while runs of any machine may come to need them again:
//! they find an outcome of last month, or make the same bytes once more. The two agree by what they write and in which order.
//!
//! - Who relies on old objects writes a lease that names them, then waits for the end of a removal that is announced, and
//!   only then looks whether they are there, or puts them.
//! - Who removes announces that first, then reads the leases, removes what none of them names, and withdraws.
//!
//! An object that is removed after somebody has looked for it, or put it, was announced for removal when that began to wait;
//! or else its lease was there when the leases were read. So there is no such object. ARCHITECTURE.md has the argument whole.
//!
//! What is young needs no lease. A lease is good for a day; a run that takes longer renews what it has.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sundae_plugin_api::artifact_store::{Existing, Object};
use sundae_plugin_api::{ArtifactStore, Error, ErrorKind, Key};

use super::{ArtifactKind, ArtifactRef, lease_key, removal_key};

/// What is younger than this by the store's clock is nobody's to remove: young objects and outcomes, and what leases name.
///
/// Between the first moment at which something counts as old (see [`is_old`]) and this, there is room for runs that go on,
/// and for clocks that do not agree.
pub const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// How old something may be before relying on it takes a lease, and how often a run renews what it relies on.
pub const RENEWED_AFTER: Duration = Duration::from_secs(6 * 60 * 60);

/// How long after its announcement something may be removed.
const REMOVAL_LASTS: Duration = Duration::from_secs(8);

/// How long somebody waits for an announcement to be withdrawn: then its author is gone, and it is taken away.
const ABANDONED_AFTER: Duration = Duration::from_secs(20);

/// Below this key are the announcements.
const REMOVALS: &str = "removals/";

/// The name of an artifact in a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leased {
    /// Whether it names others.
    pub kind: ArtifactKind,
    /// What it is.
    pub digest: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Lease {
    artifacts: Vec<Leased>,
}

impl From<&ArtifactRef> for Leased {
    fn from(artifact: &ArtifactRef) -> Self {
        Self { kind: artifact.kind, digest: artifact.digest.clone() }
    }
}

/// Whether something of this time, in milliseconds since 1970, may soon be somebody's to remove.
#[must_use]
pub fn is_old(time_ms: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    let limit = i64::try_from(RENEWED_AFTER.as_millis()).unwrap_or(i64::MAX);
    now.saturating_sub(time_ms) > limit
}

/// As [`is_old`], of an object.
pub(super) fn is_old_object(object: &Object) -> bool {
    is_old(i64::try_from(object.modified_ms).unwrap_or(i64::MAX))
}

/// Keeps artifacts from being removed for a day. Whether they are there is to be looked up afterwards.
///
/// `id` is 64 hexadecimal digits; the lease of that name that is there already is for the same artifacts.
///
/// # Errors
/// The store could not be asked, or did not take it.
pub fn hold(
    store: &dyn ArtifactStore,
    id: &str,
    artifacts: impl IntoIterator<Item = Leased>,
) -> Result<(), Error> {
    let artifacts: Vec<_> = artifacts.into_iter().collect();
    let key = lease_key(id)?;
    let is_held = || -> Result<bool, Error> {
        Ok(store.stat(&key)?.is_some_and(|lease| !is_old_object(&lease)))
    };
    loop {
        if !is_held()? {
            write(store, id, artifacts.iter().cloned())?;
        }
        // A removal that was under way may have taken away an old lease, and this one for it.
        if !wait_for_removals(store)? || is_held()? {
            return Ok(());
        }
    }
}

/// As [`hold`], where the artifacts are held already or young, and nobody can be about to remove them.
///
/// # Errors
/// The store did not take it.
pub fn write(
    store: &dyn ArtifactStore,
    id: &str,
    artifacts: impl IntoIterator<Item = Leased>,
) -> Result<(), Error> {
    let lease = Lease { artifacts: artifacts.into_iter().collect() };
    let text = serde_json::to_vec(&lease).map_err(|error| Error::other(error.to_string()))?;
    store.write(&lease_key(id)?, &text, Existing::Replace)
}

/// The artifacts that the lease at this key names; none if it has gone.
///
/// # Errors
/// The store could not be asked, or what is there cannot be understood.
pub fn read(store: &dyn ArtifactStore, key: &Key) -> Result<Vec<Leased>, Error> {
    let bytes = match store.read(key, None) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let lease: Lease = serde_json::from_slice(&bytes)
        .map_err(|error| Error::other(format!("{key} cannot be understood: {error}")))?;
    Ok(lease.artifacts)
}

/// Waits for the end of the removals that are announced now: moments. Those that are announced later know of all leases of now.
/// Returns whether there were any.
///
/// # Errors
/// The store could not be asked.
pub(super) fn wait_for_removals(store: &dyn ArtifactStore) -> Result<bool, Error> {
    let announced = store.list(REMOVALS, None, 100)?;
    let began = Instant::now();
    for removal in &announced {
        while store.stat(&removal.key)?.is_some() {
            // Each has a name of its own; so this cannot be another one. One of hours ago is not waited for, whatever the clocks.
            if is_old_object(removal) || began.elapsed() > ABANDONED_AFTER {
                store.delete(&removal.key)?;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(!announced.is_empty())
}

/// The right to remove old objects for some moments; withdrawn when dropped.
pub struct Removal<'a> {
    store: &'a dyn ArtifactStore,
    key: Key,
    announced: Instant,
}

impl<'a> Removal<'a> {
    /// Announces that objects will be removed. The leases are to be read then, and the objects to be looked at again.
    ///
    /// # Errors
    /// The store did not take it.
    pub fn announce(store: &'a dyn ArtifactStore) -> Result<Self, Error> {
        let announced = Instant::now();
        let key = removal_key(&uuid::Uuid::new_v4().to_string())?;
        store.write(&key, b"{}", Existing::Refuse)?;
        Ok(Self { store, key, announced })
    }

    /// The time at which it was announced, by the store's clock, in milliseconds since 1970.
    ///
    /// # Errors
    /// The store could not be asked; or the announcement has gone.
    pub fn time_ms(&self) -> Result<u64, Error> {
        match self.store.stat(&self.key)? {
            Some(object) => Ok(object.modified_ms),
            None => Err(Error::other(format!("{} has gone from the artifact store", self.key))),
        }
    }

    /// Whether something may still be removed: nobody waits for ever for one who may be gone.
    #[must_use]
    pub fn is_in_time(&self) -> bool {
        self.announced.elapsed() < REMOVAL_LASTS
    }
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        // One that stays is taken away by whoever has waited for it long enough.
        drop(self.store.delete(&self.key));
    }
}
