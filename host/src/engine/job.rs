//! The work of a job as the orchestrator is handed it: a callback that makes the attempt in this process.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sundae_plugin_api::orchestrator::Work;
use sundae_plugin_api::{ArtifactStore, Error};

use super::cache;
use super::event::{AttemptReport, Failure};
use crate::worker::{self, AttemptSpec, Cancel};

/// The reports of attempts that were made in this process, by job id, until the dispatcher takes them.
#[derive(Debug, Default, Clone)]
pub(super) struct Reports(Arc<Mutex<HashMap<String, AttemptReport>>>);

impl Reports {
    pub(super) fn take(&self, job: &str) -> Option<AttemptReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(job)
    }

    fn put(&self, job: &str, report: AttemptReport) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job.to_owned(), report);
    }
}

/// One attempt, ready to be made.
pub(super) struct AttemptWork {
    pub(super) spec: AttemptSpec,
    pub(super) store: Arc<dyn ArtifactStore>,
    pub(super) folder: PathBuf,
    /// Under which its outcome is kept; `None` if it is not.
    pub(super) cache_key: Option<String>,
    pub(super) cancel: Arc<Cancel>,
    pub(super) reports: Reports,
}

impl Work for AttemptWork {
    fn run(&self) -> Result<i32, Error> {
        let store = &*self.store;
        let mut report = worker::run(&self.spec, store, &self.folder, &self.cancel);
        if let (None, Some(key)) = (&report.failure, &self.cache_key)
            && let Err(error) = cache::keep(store, key, &report.outcome)
        {
            // Loudly: a run whose outcomes are not kept would be run again without anybody knowing why.
            let message = format!("its outcome could not be kept in the artifact store: {error}");
            report.failure = Some(Failure::Host { message });
            report.outcome.outputs.clear();
        }
        // What was published is no longer here; the rest is nobody's.
        drop(std::fs::remove_dir_all(&self.folder));
        let exit_code = report.exit_code.unwrap_or(0);
        self.reports.put(&self.spec.id, report);
        Ok(exit_code)
    }

    fn cancel(&self) {
        self.cancel.request();
    }
}
