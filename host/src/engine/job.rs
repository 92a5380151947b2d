//! The work of a job as the orchestrator is handed it: a callback that makes the attempt in this process.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sundae_plugin_api::orchestrator::Work;
use sundae_plugin_api::{ArtifactStore, Error};

use crate::worker::{self, AttemptReport, AttemptSpec, Cancel, Folders, Secrets};

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
    pub(super) folders: Arc<Folders>,
    pub(super) folder: PathBuf,
    pub(super) cancel: Cancel,
    pub(super) secrets: Arc<Secrets>,
    pub(super) reports: Reports,
}

impl Work for AttemptWork {
    fn run(&self) -> Result<i32, Error> {
        let report = worker::run(
            &self.spec,
            &*self.store,
            &self.folders,
            &self.folder,
            &self.cancel,
            &self.secrets,
        );
        // One that was killed, or could not be started, has none.
        let exit_code = report.exit_code.unwrap_or(i32::from(report.failure.is_some()));
        self.reports.put(&self.spec.id, report);
        Ok(exit_code)
    }

    fn cancel(&self) {
        self.cancel.request();
    }
}
