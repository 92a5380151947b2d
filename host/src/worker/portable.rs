//! The same work in another process: what it is told and what it answers lie beside the artifacts, where both can reach.
//!
//! The host writes the spec before it submits the job; whoever runs the job reads it, makes the attempt, and writes the
//! report; the host reads that when the orchestrator says that the job has ended, and removes both. So nothing of a step
//! stands on the worker's command line but the attempt's id, and a host that has died meanwhile finds the report later.

use std::collections::BTreeSet;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sundae_plugin_api::artifact_store::Existing;
use sundae_plugin_api::{ArtifactStore, Error, ErrorKind};

use super::patient::Patient;
use super::{AttemptReport, AttemptSpec, Cancel, Failure, Folders, PATIENCE, Secrets};
use crate::artifact::attempt_key;
use crate::shipping::{UNREPORTED, unpack};

const SPEC: &str = "spec.json";
const REPORT: &str = "report.json";

/// Changes when what is written can no longer be read by an older binary, or what it wrote no longer by a newer one.
const SCHEMA: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Sealed<T> {
    schema: u32,
    content: T,
}

/// Writes what a worker is to do.
///
/// # Errors
/// The store did not take it.
pub fn write_spec(store: &dyn ArtifactStore, spec: &AttemptSpec) -> Result<(), Error> {
    write(store, &spec.id, SPEC, spec)
}

/// Makes the attempt with this id in a folder of its own below `scratch`, and writes its report.
///
/// `tell` hears that the store is away and waited for. It may be called again for the same attempt, as by a scheduler that starts a job anew on another machine.
///
/// # Errors
/// The spec is not there or not to be read, or the report could not be written. How the attempt ends is in the report.
pub fn run_from_store(
    store: &dyn ArtifactStore,
    id: &str,
    scratch: &Path,
    cancel: &Cancel,
    secrets: &Secrets,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<AttemptReport, Error> {
    let mut patient = Patient { store, patience: PATIENCE, cancel, tell };
    let Some(mut spec) = read::<AttemptSpec>(&patient, id, SPEC)? else {
        let message =
            format!("the artifact store has no attempt `{id}`: it has ended, or never was");
        return Err(Error::new(ErrorKind::NotFound, message));
    };
    patient.patience = spec.patience;
    // Of a former start, which was cut short: it must not be taken for this one's, should that leave none.
    patient.delete(&attempt_key(id, REPORT)?)?;
    let folder = scratch.join(id);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|e| Error::io("remove", &folder, &e))?;
        drop(std::fs::remove_file(super::log_in(&folder)));
    }
    let folders = Folders::elsewhere(scratch);
    let report = match move_into_copy_of_project(&mut spec, &patient, scratch) {
        Ok(()) => super::run(&spec, store, &folders, &folder, cancel, secrets),
        Err(message) => AttemptReport::of_failure(&spec.run_name, Failure::Host { message }),
    };
    let report = report.without_secrets();
    folders.close();
    write(&patient, id, REPORT, &report)
        .map_err(|error| Error::new(error.kind(), format!("{UNREPORTED}: {error}")))?;
    Ok(report)
}

/// Brings the project's files to where its folder is not, and puts the step there.
fn move_into_copy_of_project(
    spec: &mut AttemptSpec,
    store: &dyn ArtifactStore,
    scratch: &Path,
) -> Result<(), String> {
    let Some(project) = spec.project.take() else { return Ok(()) };
    let root = scratch.join("project");
    if root.exists() {
        std::fs::remove_dir_all(&root)
            .map_err(|error| format!("cannot remove {}: {error}", root.display()))?;
    }
    unpack(store, &project, &root)?;
    if let Ok(below) = spec.step.workdir.strip_prefix(&project.root) {
        // Without a `/` at its end where it is the root itself.
        spec.step.workdir = root.join(below).components().collect();
    }
    // They are what they were when they were sent.
    spec.code.clear();
    Ok(())
}

/// The report of an attempt, if it has left one.
///
/// # Errors
/// The store could not be asked, or what is there cannot be understood.
pub fn read_report(store: &dyn ArtifactStore, id: &str) -> Result<Option<AttemptReport>, Error> {
    read(store, id, REPORT)
}

/// Removes spec and report.
///
/// # Errors
/// Some of it may still be there.
pub fn forget(store: &dyn ArtifactStore, id: &str) -> Result<(), Error> {
    // The spec first: what has a report has ended, and is not to be run again.
    store.delete(&attempt_key(id, SPEC)?)?;
    store.delete(&attempt_key(id, REPORT)?)
}

/// The ids of the attempts of a run of which something is there.
///
/// # Errors
/// The store could not be asked.
pub fn left_by(store: &dyn ArtifactStore, run_id: &str) -> Result<BTreeSet<String>, Error> {
    let prefix = format!("attempts/{run_id}-");
    let mut attempts = BTreeSet::new();
    let mut after = None;
    loop {
        let found = store.list(&prefix, after.as_ref(), 1000)?;
        let Some(last) = found.last() else { return Ok(attempts) };
        after = Some(last.key.clone());
        let ids = found.iter().filter_map(|object| object.key.as_str().split('/').nth(1));
        attempts.extend(ids.map(str::to_owned));
    }
}

fn write<T: Serialize>(
    store: &dyn ArtifactStore,
    id: &str,
    file: &str,
    content: &T,
) -> Result<(), Error> {
    let text = serde_json::to_vec(&Sealed { schema: SCHEMA, content })
        .map_err(|error| Error::other(error.to_string()))?;
    store.write(&attempt_key(id, file)?, &text, Existing::Replace)
}

fn read<T: DeserializeOwned>(
    store: &dyn ArtifactStore,
    id: &str,
    file: &str,
) -> Result<Option<T>, Error> {
    #[derive(Deserialize)]
    struct Seal {
        schema: u32,
    }
    let key = attempt_key(id, file)?;
    let bytes = match store.read(&key, None) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let unreadable = |why: &str| Error::other(format!("{key} cannot be understood: {why}"));
    let seal: Seal = serde_json::from_slice(&bytes).map_err(|e| unreadable(&e.to_string()))?;
    if seal.schema != SCHEMA {
        return Err(unreadable("it was written by another version of sundae"));
    }
    let sealed: Sealed<T> =
        serde_json::from_slice(&bytes).map_err(|e| unreadable(&e.to_string()))?;
    Ok(Some(sealed.content))
}
