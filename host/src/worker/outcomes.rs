//! Outcomes of executions, kept in the artifact store beside what they tell of; so whoever shares the store shares them.

use sundae_plugin_api::artifact_store::Existing;
use sundae_plugin_api::{ArtifactStore, Error, ErrorKind};

use super::Outcome;
use crate::artifact::outcome_key;

/// Keeps an outcome. What was kept under the key before is replaced.
///
/// # Errors
/// The store did not take it.
pub fn keep(store: &dyn ArtifactStore, cache_key: &str, outcome: &Outcome) -> Result<(), Error> {
    let text = serde_json::to_vec(outcome).map_err(|error| Error::other(error.to_string()))?;
    store.write(&outcome_key(cache_key)?, &text, Existing::Replace)
}

/// The outcome that was kept under a key, or `None` if there is none. One that cannot be read is an error in words.
///
/// # Errors
/// The store could not be asked.
pub fn kept(
    store: &dyn ArtifactStore,
    cache_key: &str,
) -> Result<Option<Result<Outcome, String>>, Error> {
    match store.read(&outcome_key(cache_key)?, None) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).map_err(|error| error.to_string()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
