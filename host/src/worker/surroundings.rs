//! What a step finds when it starts: its paths, its environment, and the context file that says the same as JSON.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use serde_json::{Map, Value, json};

use super::folders::Folders;
use super::{AttemptSpec, Secrets};
use crate::pipeline::{Quoting, Slot, Template, Values, text, variable};

pub(super) const INPUTS: &str = "in";
pub(super) const OUTPUTS: &str = "out";
pub(super) const CONTEXT: &str = "context.json";
/// What the name of a folder and that of its log differ by: the log stands beside the folder, since it may outlive it.
const LOG: &str = ".log";
pub(super) const MESSAGES: &str = "messages.jsonl";

/// The longest text that every system takes as one environment variable; Linux takes 128 KiB with the name.
const LONGEST_VARIABLE: usize = 120 << 10;

/// The files and folders of one attempt.
pub(super) struct Surroundings {
    pub(super) folder: PathBuf,
    pub(super) inputs: BTreeMap<String, PathBuf>,
    pub(super) outputs: BTreeMap<String, PathBuf>,
    secrets: Secrets,
}

impl Surroundings {
    pub(super) fn new(spec: &AttemptSpec, secrets: &Secrets, folder: &Path) -> Self {
        let below = |name: &str, names: &mut dyn Iterator<Item = &String>| {
            names.map(|of| (of.clone(), folder.join(name).join(of))).collect()
        };
        Self {
            folder: folder.to_owned(),
            inputs: below(INPUTS, &mut spec.step.inputs.keys()),
            outputs: below(OUTPUTS, &mut spec.step.outputs.iter()),
            secrets: secrets.clone(),
        }
    }

    /// Makes the folders, and the context file in them.
    pub(super) fn make(&self, spec: &AttemptSpec, folders: &Folders) -> io::Result<()> {
        folders.make(&self.folder)?;
        write_anew(&self.context(), self.context_json(spec).to_string().as_bytes())
    }

    pub(super) fn outputs_folder(&self) -> PathBuf {
        self.folder.join(OUTPUTS)
    }

    fn context(&self) -> PathBuf {
        self.folder.join(CONTEXT)
    }

    pub(super) fn messages(&self) -> PathBuf {
        self.folder.join(MESSAGES)
    }

    /// The command with its placeholders filled in.
    pub(super) fn command(&self, spec: &AttemptSpec) -> Vec<String> {
        spec.step.run.command(&self.values(spec))
    }

    fn values<'a>(&'a self, spec: &'a AttemptSpec) -> Values<'a> {
        Values {
            inputs: &self.inputs,
            outputs: &self.outputs,
            params: &spec.step.params,
            secrets: &self.secrets,
        }
    }

    /// The params that do not fit into an environment variable. They are in the context file, as all are.
    pub(super) fn too_long<'a>(&self, spec: &'a AttemptSpec) -> impl Iterator<Item = &'a String> {
        let params = spec.step.params.iter();
        params.filter(|(_, value)| text(value).len() > LONGEST_VARIABLE).map(|(name, _)| name)
    }

    /// The variables that a step gets beyond those of this process.
    pub(super) fn environment(&self, spec: &AttemptSpec) -> BTreeMap<String, String> {
        let path = |path: &Path| path.display().to_string();
        let mut variables = BTreeMap::from([
            ("SUNDAE_RUN".to_owned(), spec.run_name.clone()),
            ("SUNDAE_STEP".to_owned(), spec.step.name.clone()),
            ("SUNDAE_ATTEMPT".to_owned(), spec.attempt.to_string()),
            ("SUNDAE_CONTEXT".to_owned(), path(&self.context())),
            ("SUNDAE_MESSAGES".to_owned(), path(&self.messages())),
        ]);
        for (prefix, paths) in [("SUNDAE_IN_", &self.inputs), ("SUNDAE_OUT_", &self.outputs)] {
            let paths =
                paths.iter().map(|(name, at)| (format!("{prefix}{}", variable(name)), path(at)));
            variables.extend(paths);
        }
        for (name, value) in &spec.step.params {
            let text = text(value);
            if text.len() <= LONGEST_VARIABLE {
                variables.insert(format!("SUNDAE_PARAM_{}", variable(name)), text.into_owned());
            }
        }
        variables.extend(self.declared_environment(spec));
        variables
    }

    fn declared_environment(&self, spec: &AttemptSpec) -> BTreeMap<String, String> {
        let values = self.values(spec);
        let declared = spec.step.env.iter();
        declared
            .map(|(name, template)| (name.clone(), template.render(&values, Quoting::None)))
            .collect()
    }

    /// The variables that the step declares, if they are the same in each of its attempts.
    pub(super) fn lasting_environment(
        &self,
        spec: &AttemptSpec,
    ) -> Option<BTreeMap<String, String>> {
        let mut named = spec.step.env.values().flat_map(Template::references);
        let is_lasting = named.all(|reference| reference.slot == Slot::Param);
        is_lasting.then(|| self.declared_environment(spec))
    }

    /// Removes what a command has made that is to begin again.
    pub(super) fn clear(&self) -> io::Result<()> {
        drop(fs::remove_file(self.messages()));
        fs::remove_dir_all(self.outputs_folder())?;
        fs::create_dir(self.outputs_folder())
    }

    /// The context file.
    fn context_json(&self, spec: &AttemptSpec) -> Value {
        let inputs: Map<_, _> = spec
            .inputs
            .iter()
            .map(|(name, artifact)| {
                let input = json!({
                    "path": self.inputs.get(name),
                    "kind": artifact.kind,
                    "digest": artifact.digest,
                    "size": artifact.size,
                    "metadata": artifact.metadata,
                });
                (name.clone(), input)
            })
            .collect();
        let outputs: Map<_, _> = self
            .outputs
            .iter()
            .map(|(name, path)| (name.clone(), json!({ "path": path })))
            .collect();
        json!({
            "schema": 1,
            "run": { "id": spec.run_id, "name": spec.run_name },
            "pipeline": spec.pipeline,
            "step": spec.step.name,
            "attempt": spec.attempt,
            "inputs": inputs,
            "outputs": outputs,
            "params": spec.step.params,
        })
    }
}

/// The log of the attempt that is made in `folder`.
pub(super) fn log_beside(folder: &Path) -> PathBuf {
    let mut log = OsString::from(folder);
    log.push(LOG);
    log.into()
}

/// The folder of the attempt whose log this is.
pub(super) fn folder_beside(log: &Path) -> PathBuf {
    log.with_extension("")
}

/// Writes a file in the place of what an earlier attempt may have left.
fn write_anew(path: &Path, content: &[u8]) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if let Ok(file) = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666)) {
        let file = File::from(file);
        let metadata = file.metadata()?;
        // Over what was there, as that costs less than removing it; unless the step has kept it under another name.
        if metadata.is_file() && metadata.nlink() == 1 {
            file.write_all_at(content, 0)?;
            let is_longer = metadata.len() > content.len() as u64;
            return if is_longer { file.set_len(content.len() as u64) } else { Ok(()) };
        }
    }
    fs::remove_file(path)?;
    fs::write(path, content)
}
