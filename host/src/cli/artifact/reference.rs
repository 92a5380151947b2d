//! How an artifact is named: `RUN/STEP.OUTPUT`, `STEP.OUTPUT` of the latest run that has it, or the start of a digest.

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::runs::{database, find_run};
use crate::engine::fan_out::step_of_item;
use crate::metadata::{ArtifactFilter, ArtifactRecord, Database};
use crate::nearest::suggestion;

/// Shorter ones are not taken for the start of a digest.
const SHORTEST_DIGEST: usize = 6;

/// What is said of it in the help of commands.
pub(super) const HELP: &str =
    "RUN/STEP.OUTPUT, or STEP.OUTPUT of the latest run that has it, or the start of a digest";

/// The artifact that a text means. The output may be left out where a step has only one.
///
/// # Errors
/// There is none, or there are several.
pub(super) fn find(context: &Context, text: &str) -> Result<ArtifactRecord, Failure> {
    let database = database(context)?;
    if let Some((run, name)) = text.split_once('/')
        && !is_within_a_pipeline(database, run, text)?
    {
        let run = find_run(context, Some(run))?;
        let all = all_of(database, &run.id, name)?;
        return chosen(&all, name, &format!("run `{}` has no artifact `{name}`", run.name));
    }
    if is_start_of_digest(text)
        && let Some(artifact) = by_digest(database, &text.to_ascii_lowercase())?
    {
        return Ok(artifact);
    }
    let latest = latest_with(database, text)?;
    chosen(&latest, text, &format!("no run has an artifact `{text}`"))
}

/// Whether a text with a `/` names no run, but a step of an inner pipeline: `prepare/clean.rows`.
fn is_within_a_pipeline(database: &Database, run: &str, text: &str) -> Result<bool, Failure> {
    if database.run(run)?.is_some() {
        return Ok(false);
    }
    let (step, output) = parted(text);
    let wanted =
        ArtifactFilter { step: Some(step), output, limit: Some(1), ..ArtifactFilter::default() };
    Ok(!database.artifacts(&wanted)?.is_empty())
}

fn is_start_of_digest(text: &str) -> bool {
    (SHORTEST_DIGEST..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn by_digest(database: &Database, start: &str) -> Result<Option<ArtifactRecord>, Failure> {
    let wanted = ArtifactFilter { digest: Some(start), ..ArtifactFilter::default() };
    let found = database.artifacts(&wanted)?;
    let Some(first) = found.first() else { return Ok(None) };
    let mut others: Vec<_> =
        found.iter().filter(|other| other.artifact.digest != first.artifact.digest).collect();
    others.dedup_by(|a, b| a.artifact.digest == b.artifact.digest);
    if others.is_empty() {
        return Ok(Some(first.clone()));
    }
    let candidates: Vec<_> = std::iter::once(first)
        .chain(others)
        .map(|one| format!("{} (`{}`)", one.artifact.digest, one.reference()))
        .collect();
    Err(Failure::new(format!("`{start}` is the start of several digests"))
        .hint(format!("give more of it: {}", candidates.join(", "))))
}

/// What the latest run has that has an output of this name; everything of the latest run where none has.
fn latest_with(database: &Database, name: &str) -> Result<Vec<ArtifactRecord>, Failure> {
    let (step, output) = parted(name);
    let latest =
        ArtifactFilter { step: Some(step), output, limit: Some(1), ..ArtifactFilter::default() };
    let mut found = database.artifacts(&latest)?;
    if found.is_empty() {
        found =
            database.artifacts(&ArtifactFilter { limit: Some(1), ..ArtifactFilter::default() })?;
    }
    let run = found.first().map(|artifact| artifact.run_id.clone()).unwrap_or_default();
    all_of(database, &run, name)
}

/// All artifacts of a run, and those of an item if one is named: there may be thousands.
fn all_of(database: &Database, run: &str, name: &str) -> Result<Vec<ArtifactRecord>, Failure> {
    let all = ArtifactFilter { run: Some(run), ..ArtifactFilter::default() };
    let mut found = database.artifacts(&all)?;
    let (step, _) = parted(name);
    if step_of_item(step).is_some() {
        found.extend(database.artifacts(&ArtifactFilter { step: Some(step), ..all })?);
    }
    Ok(found)
}

/// Step and output of a name.
fn parted(name: &str) -> (&str, Option<&str>) {
    match name.split_once('.') {
        Some((step, output)) => (step, Some(output)),
        None => (name, None),
    }
}

fn chosen(all: &[ArtifactRecord], name: &str, unknown: &str) -> Result<ArtifactRecord, Failure> {
    let (step, output) = parted(name);
    let fits = |artifact: &&ArtifactRecord| {
        artifact.step == step && output.is_none_or(|output| artifact.output == output)
    };
    let found: Vec<_> = all.iter().filter(fits).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names: Vec<_> = all.iter().map(short).collect();
            let hint = suggestion(name, "artifacts", names.iter().map(String::as_str));
            let hint =
                hint.unwrap_or_else(|| "`sundae artifact list` shows what there is".to_owned());
            Err(Failure::new(unknown).hint(hint))
        }
        several => {
            let names: Vec<_> = several.iter().map(|one| format!("`{}`", short(one))).collect();
            Err(Failure::new(format!("step `{step}` has several outputs"))
                .hint(format!("name one: {}", names.join(", "))))
        }
    }
}

fn short(artifact: &ArtifactRecord) -> String {
    format!("{}.{}", artifact.step, artifact.output)
}
