//! The attempt from its beginning to its report. Whatever goes wrong is in the report: there is no other way out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitStatus;

use jiff::Timestamp;
use sundae_plugin_api::ArtifactStore;
use sundae_plugin_api::orchestrator::Usage;

use super::command::{self, Invocation};
use super::folders::Folders;
use super::inputs::Inputs;
use super::log::Log;
use super::messages::{self, Messages};
use super::patient::Patient;
use super::room;
use super::surroundings::Surroundings;
use super::warm::{self, Answer, Offer};
use super::{AttemptReport, AttemptSpec, Cancel, Failure, Outcome, Secrets, code, outcomes};
use crate::artifact::{ArtifactRef, PublishError, publish};
use crate::secret::{Mask, mask_with};

/// Makes the attempt in `folder`, which must not exist and is a [path](Folders::path) of `folders`. What its secrets are is in
/// nothing that it leaves.
pub fn run(
    spec: &AttemptSpec,
    store: &dyn ArtifactStore,
    folders: &Folders,
    folder: &Path,
    cancel: &Cancel,
    secrets: &Secrets,
) -> AttemptReport {
    let secrets = own(spec, secrets);
    let mask = match secrets.is_empty() {
        true => Mask::default(),
        // One for all attempts: that of a long key takes a while to make.
        false => mask_with(secrets.values().map(String::as_str)),
    };
    let at = Surroundings::new(spec, &secrets, folder);
    let report = if cancel.is_requested() {
        AttemptReport::of_failure(&spec.run_name, Failure::Cancelled)
    } else {
        let made = at.make(spec, folders).and_then(|()| Log::begin(folders, folder));
        match made {
            Ok(log) => {
                let tell = |message: &str| log.add(message);
                let store = Patient { store, patience: spec.patience, cancel, tell: &tell };
                let attempt = Attempt { spec, store, folders, cancel, at: &at, log: &log, mask };
                let report = attempt.report();
                log.end(folders, folder);
                report
            }
            Err(error) => {
                let folder = folders.told(folder);
                let failure = host(format!("cannot prepare the attempt in {folder}: {error}"));
                AttemptReport::of_failure(&spec.run_name, failure)
            }
        }
    };
    folders.give_back(folder);
    report
}

/// The secrets that the step names; those of others are none of its business.
fn own(spec: &AttemptSpec, secrets: &Secrets) -> Secrets {
    let named = spec.step.secrets();
    named
        .filter_map(|name| secrets.get_key_value(name))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

fn host(message: String) -> Failure {
    Failure::Host { message }
}

/// How a command ended.
#[derive(Clone, Copy, Default)]
struct End {
    exit_code: Option<i32>,
    /// Why nothing more could be written then, if that was so.
    none_left: Option<&'static str>,
}

struct Attempt<'a> {
    spec: &'a AttemptSpec,
    store: Patient<'a>,
    folders: &'a Folders,
    cancel: &'a Cancel,
    at: &'a Surroundings,
    log: &'a Log,
    mask: Mask,
}

impl Attempt<'_> {
    fn report(&self) -> AttemptReport {
        let started = Timestamp::now();
        let mut end = End::default();
        let result = self.make(&mut end);
        // Read also when the step failed: a metric that explains the failure is worth having.
        let messages = messages::read(&self.at.messages(), &self.spec.step.outputs, &self.mask);
        for complaint in &messages.complaints {
            self.log.add(complaint);
        }
        let log_tail = self.log.tail();
        let mut warnings = Vec::new();
        // The log is the store's from here on: what would be told now would damage it.
        let store = Patient { tell: &|_| (), ..self.store };
        let log = self.log.keep(&store).unwrap_or_else(|warning| {
            warnings.push(warning);
            None
        });
        let (outputs, failure) = match result {
            Ok(outputs) => (with_metadata(outputs, &messages), None),
            Err(failure) => (BTreeMap::new(), Some(failure)),
        };
        let Messages { metrics, notes, .. } = messages;
        let run = self.spec.run_name.clone();
        let ended = Timestamp::now();
        let outcome = Outcome { run, outputs, log, metrics, notes, started, ended };
        let (exit_code, usage) = (end.exit_code, Usage::default());
        let report = AttemptReport { outcome, exit_code, failure, log_tail, warnings, usage };
        self.keep(report, end, &store)
    }

    fn make(&self, end: &mut End) -> Result<BTreeMap<String, ArtifactRef>, Failure> {
        let inputs = Inputs::bring(self.spec, &self.store, self.at)?;
        let ran = self.run_command(&mut end.exit_code);
        // Before anything of it is moved into the store.
        end.none_left = room::none_left_at_a_glance(&self.at.folder);
        let untouched = inputs.check(&self.store, &self.at.folder);
        if ran != Err(Failure::Cancelled) {
            untouched?;
        }
        ran?;
        self.publish_outputs()
    }

    fn run_command(&self, exit_code: &mut Option<i32>) -> Result<(), Failure> {
        for param in self.at.too_long(self.spec) {
            self.log.add(&format!("param `{param}` is too long for an environment variable"));
        }
        let invocation = Invocation {
            command: &self.at.command(self.spec),
            workdir: &self.spec.step.workdir,
            environment: &self.at.environment(self.spec),
            log: self.log.file(),
            mask: &self.mask,
        };
        let status = match self.ask_warm_server(&invocation)? {
            Some(status) => status,
            None => command::run(&invocation, self.cancel).map_err(host)?,
        };
        *exit_code = status.code();
        match command::complaint(status) {
            // One that was asked to stop and ended well all the same has not said that its outputs are whole.
            _ if self.cancel.is_requested() => Err(Failure::Cancelled),
            None => Ok(()),
            Some(message) => Err(Failure::Command { message: self.with_room(message) }),
        }
    }

    /// A complaint, with what it may come from.
    fn with_room(&self, complaint: String) -> String {
        match room::none_left(&self.at.folder) {
            Some(why) => format!("{complaint}; {}", self.with_where(why)),
            None => complaint,
        }
    }

    fn with_where(&self, none_left: &str) -> String {
        format!("{none_left} where it works, in {}", self.folders.told(&self.at.folder))
    }

    /// How the command ended, if a warm server could start it.
    fn ask_warm_server(&self, invocation: &Invocation<'_>) -> Result<Option<ExitStatus>, Failure> {
        let warm = &self.spec.step.warm;
        let (false, Some(folder)) = (warm.is_empty(), self.at.folder.parent()) else {
            return Ok(None);
        };
        // A server writes straight into the log, past the mask.
        if !self.mask.is_empty() {
            return Ok(None);
        }
        let Some(environment) = self.at.lasting_environment(self.spec) else { return Ok(None) };
        let offer = Offer { command: warm, environment, folder };
        match warm::run(offer, invocation, self.cancel) {
            Answer::Ended(status) => return Ok(Some(status)),
            Answer::NotBegun(None) => {}
            Answer::NotBegun(Some(why)) => {
                self.log.add(&format!("it runs in a process of its own: {why}"));
            }
            Answer::Lost => {
                self.log.add(
                    "the warm server ended meanwhile; it begins again, in a process of its own",
                );
                let cleared = self.at.clear();
                cleared.map_err(|error| host(format!("cannot begin again: {error}")))?;
            }
        }
        Ok(None)
    }

    fn publish_outputs(&self) -> Result<BTreeMap<String, ArtifactRef>, Failure> {
        let mut outputs = BTreeMap::new();
        for (name, path) in &self.at.outputs {
            let artifact = publish(&self.store, path).map_err(|error| match error {
                PublishError::Absent(_) => self.missing_output(name),
                // Somebody did not want to wait for the store.
                PublishError::Store(error)
                    if error.is_retryable() && self.cancel.is_requested() =>
                {
                    Failure::Cancelled
                }
                other => host(format!("output `{name}` could not be published: {other}")),
            })?;
            outputs.insert(name.clone(), artifact);
        }
        Ok(outputs)
    }

    /// Some programs add an ending to the name that they are given: so what is there instead is told in the log.
    fn missing_output(&self, output: &str) -> Failure {
        let entries = fs::read_dir(self.at.outputs_folder()).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let others = names.filter(|name| !self.at.outputs.contains_key(name)).take(9);
        let mut others: Vec<_> = others.map(|name| format!("`{name}`")).collect();
        others.sort_unstable();
        if !others.is_empty() {
            let others = others.join(", ");
            self.log.add(&format!(
                "instead of output `{output}` it wrote {others}; the path must be kept as it is given"
            ));
        }
        Failure::MissingOutput { output: output.to_owned() }
    }

    /// Keeps the outcome for later runs.
    fn keep(
        &self,
        mut report: AttemptReport,
        end: End,
        store: &dyn ArtifactStore,
    ) -> AttemptReport {
        if report.failure.is_some() {
            return report;
        }
        if let Some(none_left) = end.none_left {
            // Some programs do not look whether what they write is written.
            let none_left = self.with_where(none_left);
            report.warnings.push(format!(
                "{none_left}; what it wrote may be cut off, and its outcome is not kept for later runs"
            ));
            return report;
        }
        let Some(key) = &self.spec.cache_key else { return report };
        if let Some(changed) = code::changed(&self.spec.code) {
            // The key tells of the code before the change, and nobody knows which one ran.
            let changed = changed.path.display();
            report.warnings.push(format!(
                "its code {changed} was changed while it ran; so its outcome is not kept for later runs"
            ));
        } else if let Err(error) = outcomes::keep(store, key, &report.outcome) {
            // Loudly: a step whose outcomes are not kept would run again and again without anybody knowing why.
            let message = format!("its outcome could not be kept in the artifact store: {error}");
            report.failure = Some(host(message));
            report.outcome.outputs.clear();
        }
        report
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
