//! Whether a step need not run, because its outcome is known from before.

use sundae_plugin_api::{ArtifactStore, Error};

use crate::artifact::is_present;
use crate::artifact::lease::{self, Leased};
use crate::worker::{Outcome, kept};

/// What is known of a key.
#[derive(Debug)]
pub enum Lookup {
    /// An outcome, all of whose data is there.
    Hit(Box<Outcome>),
    /// There was one, and it cannot be used; why, in words.
    Gone(String),
    /// There is none.
    Unknown,
}

/// Looks up the outcome of a step with these outputs, to take it. A hit whose data has gone is no hit.
///
/// Nobody removes its data between that and its use, for a day.
///
/// # Errors
/// The store could not be asked.
pub fn look_up(
    store: &dyn ArtifactStore,
    cache_key: &str,
    outputs: &[String],
) -> Result<Lookup, Error> {
    checked(store, cache_key, outputs, |outcome| {
        if lease::is_old(outcome.ended.as_millisecond()) {
            let artifacts = outcome.outputs.values().chain(&outcome.log);
            lease::hold(store, cache_key, artifacts.map(Leased::from))?;
        }
        Ok(())
    })
}

/// As [`look_up`], without the promise and without writing anything: only to tell what would be.
///
/// # Errors
/// The store could not be asked.
pub fn look_at(
    store: &dyn ArtifactStore,
    cache_key: &str,
    outputs: &[String],
) -> Result<Lookup, Error> {
    checked(store, cache_key, outputs, |_| Ok(()))
}

/// `hold` is called before the data is looked for.
fn checked(
    store: &dyn ArtifactStore,
    cache_key: &str,
    outputs: &[String],
    hold: impl FnOnce(&Outcome) -> Result<(), Error>,
) -> Result<Lookup, Error> {
    let gone = |why: String| Ok(Lookup::Gone(why));
    let outcome = match kept(store, cache_key)? {
        None => return Ok(Lookup::Unknown),
        Some(Err(_)) => {
            return gone("what is kept of its last execution cannot be read".to_owned());
        }
        Some(Ok(outcome)) => outcome,
    };
    hold(&outcome)?;
    for name in outputs {
        // The key names the outputs; so one that is not there was taken out by hand.
        let Some(artifact) = outcome.outputs.get(name) else {
            return gone(format!("what is kept of its last execution lacks output `{name}`"));
        };
        if !is_present(store, artifact)? {
            return gone(format!("its output `{name}` has gone from the artifact store"));
        }
    }
    Ok(Lookup::Hit(Box::new(outcome)))
}
