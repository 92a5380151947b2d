//! Outcomes of earlier executions. They are kept in the artifact store, beside what they tell of.

use sundae_plugin_api::artifact_store::Existing;
use sundae_plugin_api::{ArtifactStore, Error, ErrorKind};

use super::event::Outcome;
use crate::artifact::{is_present, outcome_key};

/// What is known of a key.
#[derive(Debug)]
pub enum Lookup {
    /// An outcome, all of whose data is there.
    Hit(Box<Outcome>),
    /// Nothing that can be used, and why, in words.
    Miss(String),
}

/// Looks an outcome up. A hit whose data has gone is no hit.
///
/// # Errors
/// The store could not be asked.
pub fn look_up(store: &dyn ArtifactStore, cache_key: &str) -> Result<Lookup, Error> {
    let bytes = match store.read(&outcome_key(cache_key)?, None) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Lookup::Miss("it has not run with this code, params and inputs".to_owned()));
        }
        Err(error) => return Err(error),
    };
    let Ok(outcome) = serde_json::from_slice::<Outcome>(&bytes) else {
        return Ok(Lookup::Miss("what is kept of its last execution cannot be read".to_owned()));
    };
    for (name, artifact) in &outcome.outputs {
        if !is_present(store, artifact)? {
            return Ok(Lookup::Miss(format!(
                "its output `{name}` has gone from the artifact store"
            )));
        }
    }
    Ok(Lookup::Hit(Box::new(outcome)))
}

/// Keeps an outcome. What was kept under the key before is replaced.
///
/// # Errors
/// The store did not take it.
pub fn keep(store: &dyn ArtifactStore, cache_key: &str, outcome: &Outcome) -> Result<(), Error> {
    let text = serde_json::to_vec(outcome).map_err(|error| Error::other(error.to_string()))?;
    store.write(&outcome_key(cache_key)?, &text, Existing::Replace)
}
