//! What a step finds when it starts: its paths, its environment, and the context file that says the same as JSON.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::AttemptSpec;
use crate::pipeline::{Quoting, Values, text, variable};

/// The files and folders of one attempt.
pub(super) struct Surroundings {
    pub(super) folder: PathBuf,
    pub(super) inputs: BTreeMap<String, PathBuf>,
    pub(super) outputs: BTreeMap<String, PathBuf>,
}

impl Surroundings {
    pub(super) fn new(spec: &AttemptSpec, folder: &Path) -> Self {
        let below = |name: &str, names: &mut dyn Iterator<Item = &String>| {
            names.map(|of| (of.clone(), folder.join(name).join(of))).collect()
        };
        Self {
            folder: folder.to_owned(),
            inputs: below("in", &mut spec.inputs.keys()),
            outputs: below("out", &mut spec.step.outputs.iter()),
        }
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub(super) fn context(&self) -> PathBuf {
        self.folder.join("context.json")
    }

    pub(super) fn messages(&self) -> PathBuf {
        self.folder.join("messages.jsonl")
    }

    /// The command with its placeholders filled in.
    pub(super) fn command(&self, spec: &AttemptSpec) -> Vec<String> {
        spec.step.run.command(&self.values(spec))
    }

    fn values<'a>(&'a self, spec: &'a AttemptSpec) -> Values<'a> {
        Values { inputs: &self.inputs, outputs: &self.outputs, params: &spec.step.params }
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
            variables.insert(format!("SUNDAE_PARAM_{}", variable(name)), text(value).into_owned());
        }
        let values = self.values(spec);
        for (name, template) in &spec.step.env {
            variables.insert(name.clone(), template.render(&values, Quoting::None));
        }
        variables
    }

    /// The context file.
    pub(super) fn context_json(&self, spec: &AttemptSpec) -> Value {
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
