//! Whether a step need not run, because its outcome is known from before.

use sundae_plugin_api::{ArtifactStore, Error};

use crate::artifact::is_present;
use crate::worker::{Outcome, kept};

/// What is known of a key.
#[derive(Debug)]
pub enum Lookup {
    /// An outcome, all of whose data is there.
    Hit(Box<Outcome>),
    /// Nothing that can be used, and why, in words.
    Miss(String),
}

/// Looks up the outcome of a step with these outputs. A hit whose data has gone is no hit.
///
/// # Errors
/// The store could not be asked.
pub fn look_up(
    store: &dyn ArtifactStore,
    cache_key: &str,
    outputs: &[String],
) -> Result<Lookup, Error> {
    let miss = |why: String| Ok(Lookup::Miss(why));
    let outcome = match kept(store, cache_key)? {
        None => return miss("it has not run with this code, params and inputs".to_owned()),
        Some(Err(_)) => {
            return miss("what is kept of its last execution cannot be read".to_owned());
        }
        Some(Ok(outcome)) => outcome,
    };
    for name in outputs {
        // The key names the outputs; so one that is not there was taken out by hand.
        let Some(artifact) = outcome.outputs.get(name) else {
            return miss(format!("what is kept of its last execution lacks output `{name}`"));
        };
        if !is_present(store, artifact)? {
            return miss(format!("its output `{name}` has gone from the artifact store"));
        }
    }
    Ok(Lookup::Hit(Box::new(outcome)))
}
