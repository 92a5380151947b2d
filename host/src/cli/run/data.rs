//! What a pipeline takes from outside: looked at, and taken into the artifact store, before its run begins.

use std::collections::BTreeMap;
use std::path::Path;

use sundae_plugin_api::{ArtifactStore, Key};

use super::workshop::Workshop;
use crate::artifact::{ArtifactRef, KnownDigests, Outside, is_present};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::table::size;
use crate::pipeline::{DataSource, Pipeline};

/// Reading less takes no time that anybody would wonder about, in bytes.
const TAKES_LONG: u64 = 500_000_000;

/// What is looked at, and by way of what.
pub(super) struct Looking<'a> {
    pub(super) store: &'a dyn ArtifactStore,
    /// The id of the component that the store is.
    pub(super) store_id: &'a str,
    pub(super) staging: &'a Path,
    pub(super) known: &'a dyn KnownDigests,
}

/// Takes everything that steps take from outside into the artifact store of a run.
///
/// # Errors
/// Something is not there, or cannot be read or kept.
pub(super) fn take_in(
    context: &Context,
    pipeline: &Pipeline,
    workshop: &Workshop,
) -> Result<BTreeMap<String, ArtifactRef>, Failure> {
    let looking = looking(context, workshop)?;
    let mut data = BTreeMap::new();
    for (name, source) in pipeline.data_taken() {
        say_if_large(context, name, source);
        let found = looking.at(name, source)?;
        found
            .take_in(looking.store, looking.staging)
            .map_err(|error| failure(name, source, &error.to_string()))?;
        data.insert(name.to_owned(), found.artifact().clone());
    }
    Ok(data)
}

/// What was taken in when a run began: it is still there, or can be taken in again as it was.
///
/// # Errors
/// It is neither.
pub(super) fn take_in_again(
    context: &Context,
    pipeline: &Pipeline,
    workshop: &Workshop,
    data: &BTreeMap<String, ArtifactRef>,
) -> Result<(), Failure> {
    let looking = looking(context, workshop)?;
    for (name, source) in pipeline.data_taken() {
        let Some(artifact) = data.get(name) else { continue };
        let asked = is_present(looking.store, artifact);
        if asked.map_err(|error| failure(name, source, &error.to_string()))? {
            continue;
        }
        let found = looking.at(name, source)?;
        if found.artifact().digest != artifact.digest {
            return Err(failure(
                name,
                source,
                "it was changed since the run began, and what it was has gone from the artifact store",
            )
            .hint("run the pipeline again: what does not depend on it is in the cache"));
        }
        found
            .take_in(looking.store, looking.staging)
            .map_err(|error| failure(name, source, &error.to_string()))?;
    }
    Ok(())
}

fn looking<'a>(context: &'a Context, workshop: &'a Workshop) -> Result<Looking<'a>, Failure> {
    let (store, staging) = (&*workshop.store, workshop.staging.folder());
    let known = context.database()?;
    Ok(Looking { store, store_id: &workshop.store_id, staging, known })
}

impl Looking<'_> {
    /// What everything is that steps take from outside. Nothing is kept.
    ///
    /// # Errors
    /// Something is not there, or cannot be read.
    pub(super) fn at_all(
        &self,
        pipeline: &Pipeline,
    ) -> Result<BTreeMap<String, ArtifactRef>, Failure> {
        let data = pipeline.data_taken().into_iter();
        data.map(|(name, source)| Ok((name.to_owned(), self.at(name, source)?.artifact().clone())))
            .collect()
    }

    fn at(&self, name: &str, source: &DataSource) -> Result<Outside, Failure> {
        let found = match source {
            DataSource::Path(path) => Outside::at_path(path, self.known),
            DataSource::Store(key) => {
                let key = Key::new(key.as_str())
                    .map_err(|error| failure(name, source, &error.to_string()))?;
                Outside::in_store(self.store, self.store_id, &key, self.staging, self.known)
            }
        };
        found.map_err(|error| failure(name, source, &error.to_string()))
    }
}

fn failure(name: &str, source: &DataSource, why: &str) -> Failure {
    let place = source.to_string();
    let message = if why.starts_with("there is nothing at the key") {
        format!("`data.{name}` ({place}): the artifact store has no such object, and none below it")
    } else if why.contains(&place) {
        format!("`data.{name}`: {why}")
    } else {
        format!("`data.{name}` ({place}): {why}")
    };
    Failure::new(message)
        .hint("the pipeline takes it from outside: `[data]` in its file says from where")
}

fn say_if_large(context: &Context, name: &str, source: &DataSource) {
    if let DataSource::Path(path) = source
        && let Ok(metadata) = std::fs::metadata(path)
        && metadata.len() > TAKES_LONG
    {
        let size = size(metadata.len());
        context.ui.say(format_args!("Taking in `data.{name}` ({size}) from {source}"));
    }
}
