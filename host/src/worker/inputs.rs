//! The inputs of an attempt: brought, verified, and found untouched afterwards.

use std::path::Path;
use std::time::SystemTime;

use sundae_plugin_api::ArtifactStore;

use super::surroundings::Surroundings;
use super::{AttemptSpec, Failure};
use crate::artifact::{
    ArtifactKind, ArtifactRef, FetchError, Fetched, Stamp, digest_of_file, fetch,
};

/// Inputs as they were brought.
pub(super) struct Inputs {
    files: Vec<(String, Fetched)>,
    brought: SystemTime,
}

impl Inputs {
    /// Brings the inputs to where the step finds them.
    pub(super) fn bring(
        spec: &AttemptSpec,
        store: &dyn ArtifactStore,
        at: &Surroundings,
    ) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for (name, path) in &at.inputs {
            let Some(artifact) = spec.inputs.get(name) else {
                let message = format!("nobody says what its input `{name}` is");
                return Err(Failure::Host { message });
            };
            let fetched =
                fetch(store, artifact, path).map_err(|error| not_brought(name, &error))?;
            files.extend(fetched.into_iter().map(|file| (name.clone(), file)));
        }
        Ok(Self { files, brought: SystemTime::now() })
    }

    /// Checks that the step has left its inputs as they were.
    ///
    /// What was brought may be the store's own data. Its permissions keep a step from writing to it, but not one that runs
    /// as root; then the object is damaged, and must not be found by others.
    pub(super) fn check(&self, store: &dyn ArtifactStore, scratch: &Path) -> Result<(), Failure> {
        let mut written = None;
        for (input, file) in self.files.iter().filter(|(_, file)| !self.is_untouched(file)) {
            written.get_or_insert(input);
            self.verify(store, file, scratch);
        }
        match written {
            None => Ok(()),
            Some(input) => Err(Failure::Command {
                message: format!("it wrote to its input `{input}`; inputs are to be read only"),
            }),
        }
    }

    /// Removing an input damages nothing.
    fn is_untouched(&self, file: &Fetched) -> bool {
        let Ok(stamp) = Stamp::read(&file.path) else { return true };
        if stamp != file.stamp {
            return false;
        }
        stamp.is_older_than(self.brought)
            || digest_of_file(&file.path).is_ok_and(|now| now.digest == file.digest)
    }

    /// Fetches an object again: if it is damaged, it is removed from the store thereby.
    fn verify(&self, store: &dyn ArtifactStore, file: &Fetched, scratch: &Path) {
        let artifact = ArtifactRef {
            kind: ArtifactKind::File,
            digest: file.digest.clone(),
            size: 0,
            executable: false,
            metadata: serde_json::Map::new(),
        };
        let copy = scratch.join("verified");
        if fetch(store, &artifact, &copy).is_ok() {
            drop(std::fs::remove_file(copy));
        }
    }
}

fn not_brought(input: &str, error: &FetchError) -> Failure {
    let message = error.to_string();
    match error.lost_object() {
        Some(digest) => {
            Failure::DamagedInput { input: input.to_owned(), digest: digest.to_owned(), message }
        }
        None => {
            Failure::Host { message: format!("input `{input}` could not be brought: {message}") }
        }
    }
}
