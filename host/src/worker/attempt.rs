//! The attempt from its beginning to its report. Whatever goes wrong is in the report: there is no other way out.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use sundae_plugin_api::ArtifactStore;
use walkdir::WalkDir;

use super::command::{self, Invocation};
use super::messages::{self, Messages};
use super::surroundings::Surroundings;
use super::{AttemptSpec, Cancel};
use crate::artifact::{ArtifactRef, FetchError, PublishError, fetch, object_key, publish};
use crate::engine::event::{AttemptReport, Failure, Outcome};

/// How much of the log a report quotes.
const TAIL_LINES: usize = 20;
const TAIL_BYTES: u64 = 16 << 10;

/// Makes the attempt in `folder`, which must not exist, and leaves nothing in it that matters.
pub fn run(
    spec: &AttemptSpec,
    store: &dyn ArtifactStore,
    folder: &Path,
    cancel: &Cancel,
) -> AttemptReport {
    let started = Timestamp::now();
    let attempt = Attempt { spec, store, cancel, at: Surroundings::new(spec, folder) };
    let mut exit_code = None;
    let result = attempt.make(&mut exit_code);
    // Said also when the step failed: a metric that explains the failure is worth having.
    let messages = messages::read(&attempt.at.messages());
    let (outputs, failure) = match result {
        Ok(outputs) => (with_metadata(outputs, &messages), None),
        Err(failure) => (BTreeMap::new(), Some(failure)),
    };
    let log_tail = attempt.finish_log(&messages);
    let log = attempt.publish_log();
    let Messages { metrics, notes, .. } = messages;
    let run = spec.run_name.clone();
    let outcome = Outcome { run, outputs, log, metrics, notes, started, ended: Timestamp::now() };
    AttemptReport { outcome, exit_code, failure, log_tail }
}

struct Attempt<'a> {
    spec: &'a AttemptSpec,
    store: &'a dyn ArtifactStore,
    cancel: &'a Cancel,
    at: Surroundings,
}

/// A file that the step must leave as it is, and how to tell.
struct Untouched {
    input: String,
    path: std::path::PathBuf,
    size: u64,
    modified: Option<SystemTime>,
}

fn host(message: String) -> Failure {
    Failure::Host { message }
}

impl Attempt<'_> {
    fn make(&self, exit_code: &mut Option<i32>) -> Result<BTreeMap<String, ArtifactRef>, Failure> {
        if self.cancel.is_requested() {
            return Err(Failure::Cancelled);
        }
        self.prepare().map_err(|error| host(format!("cannot prepare the attempt: {error}")))?;
        let untouched = self.stage_inputs()?;
        let ran = self.run_command(exit_code);
        self.check_inputs(&untouched)?;
        ran?;
        self.publish_outputs()
    }

    fn prepare(&self) -> io::Result<()> {
        fs::create_dir_all(&self.at.folder)?;
        fs::create_dir(self.at.folder.join("out"))?;
        if !self.at.inputs.is_empty() {
            fs::create_dir(self.at.folder.join("in"))?;
        }
        fs::write(self.at.context(), self.at.context_json(self.spec).to_string())
    }

    fn stage_inputs(&self) -> Result<Vec<Untouched>, Failure> {
        let mut untouched = Vec::new();
        for (name, path) in &self.at.inputs {
            let Some(artifact) = self.spec.inputs.get(name) else { continue };
            fetch(self.store, artifact, path).map_err(|error| self.not_staged(name, &error))?;
            untouched.extend(files_of(name, path));
        }
        Ok(untouched)
    }

    fn not_staged(&self, input: &str, error: &FetchError) -> Failure {
        let message = error.to_string();
        match error.lost_object() {
            Some(digest) => Failure::DamagedInput {
                input: input.to_owned(),
                digest: digest.to_owned(),
                message,
            },
            None => host(format!("input `{input}` could not be brought: {message}")),
        }
    }

    fn run_command(&self, exit_code: &mut Option<i32>) -> Result<(), Failure> {
        let log =
            File::create(self.at.log()).map_err(|e| host(format!("cannot make the log: {e}")))?;
        let invocation = Invocation {
            command: &self.at.command(self.spec),
            workdir: &self.spec.step.workdir,
            environment: &self.at.environment(self.spec),
            log: &log,
        };
        let status = command::run(&invocation, self.cancel).map_err(host)?;
        *exit_code = status.code();
        match command::complaint(status) {
            // One that was asked to stop and ended well all the same has not said that its outputs are whole.
            _ if self.cancel.is_requested() => Err(Failure::Cancelled),
            None => Ok(()),
            Some(message) => Err(Failure::Command { message }),
        }
    }

    /// A staged input may be the store's own data. Its permissions keep a step from writing to it, but not one that runs as
    /// root; then the object is damaged, and must not be found by others.
    fn check_inputs(&self, untouched: &[Untouched]) -> Result<(), Failure> {
        for file in untouched {
            let Ok(metadata) = fs::symlink_metadata(&file.path) else { continue };
            if metadata.len() == file.size && metadata.modified().ok() == file.modified {
                continue;
            }
            if let Some(artifact) = self.spec.inputs.get(&file.input) {
                self.forget(artifact);
            }
            let message =
                format!("it wrote to its input `{}`; inputs are to be read only", file.input);
            return Err(Failure::Command { message });
        }
        Ok(())
    }

    /// Takes an artifact's object out of the store.
    fn forget(&self, artifact: &ArtifactRef) {
        if let Ok(key) = object_key(&artifact.digest) {
            // If that fails, whoever reads it finds the digest wrong.
            drop(self.store.delete(&key));
        }
    }

    fn publish_outputs(&self) -> Result<BTreeMap<String, ArtifactRef>, Failure> {
        let mut outputs = BTreeMap::new();
        for (name, path) in &self.at.outputs {
            let artifact = publish(self.store, path).map_err(|error| match error {
                PublishError::Absent(_) => Failure::MissingOutput { output: name.clone() },
                other => host(format!("output `{name}` could not be published: {other}")),
            })?;
            outputs.insert(name.clone(), artifact);
        }
        Ok(outputs)
    }

    /// Adds to the log what is wrong with the messages; returns the log's last lines.
    fn finish_log(&self, messages: &Messages) -> String {
        let path = self.at.log();
        if let Ok(mut log) = OpenOptions::new().append(true).open(&path) {
            for complaint in &messages.complaints {
                // A log that cannot be written does not make the step fail.
                drop(writeln!(log, "sundae: {complaint}"));
            }
        }
        tail(&path).unwrap_or_default()
    }

    /// Keeps the log in the store. An empty one is none; one that cannot be kept is still quoted in the report.
    fn publish_log(&self) -> Option<ArtifactRef> {
        let path = self.at.log();
        fs::metadata(&path).ok().filter(|metadata| metadata.len() > 0)?;
        publish(self.store, &path).ok()
    }
}

fn with_metadata(
    mut outputs: BTreeMap<String, ArtifactRef>,
    messages: &Messages,
) -> BTreeMap<String, ArtifactRef> {
    for (name, metadata) in &messages.metadata {
        if let Some(artifact) = outputs.get_mut(name) {
            artifact.metadata.clone_from(metadata);
        }
    }
    outputs
}

/// The files that an input consists of.
fn files_of(input: &str, path: &Path) -> Vec<Untouched> {
    WalkDir::new(path)
        .into_iter()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            Some(Untouched {
                input: input.to_owned(),
                path: entry.into_path(),
                size: metadata.len(),
                modified: metadata.modified().ok(),
            })
        })
        .collect()
}

/// The last lines of a log.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}
