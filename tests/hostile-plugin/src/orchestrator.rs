//! An orchestrator that runs a job when it is submitted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sundae_plugin_api::Error;
use sundae_plugin_api::orchestrator::{Capabilities, Change, Handle, Job, JobState, Orchestrator};

use crate::enter;

#[derive(Default)]
pub(crate) struct AtOnce(Mutex<Vec<Change>>);

impl Drop for AtOnce {
    fn drop(&mut self) {
        enter("drop");
    }
}

impl Orchestrator for AtOnce {
    fn capabilities(&self) -> Capabilities {
        enter("capabilities");
        Capabilities::new()
    }

    fn check(&self) -> Result<(), Error> {
        enter("check");
        Ok(())
    }

    fn submit(&self, job: Job) -> Result<Handle, Error> {
        enter("submit");
        let handle = Handle(job.description.id);
        let state = JobState::Ended { exit_code: job.work.run()? };
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push(Change::new(handle.clone(), state));
        Ok(handle)
    }

    fn wait(&self, _: Duration) -> Result<Vec<Change>, Error> {
        enter("wait");
        Ok(std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn cancel(&self, _: &Handle) -> Result<(), Error> {
        enter("cancel");
        Ok(())
    }

    fn logs(&self, _: &Handle, _: u64) -> Result<Vec<u8>, Error> {
        enter("logs");
        Ok(Vec::new())
    }

    fn reattach(&self, _: &Handle) -> Result<JobState, Error> {
        enter("reattach");
        Ok(JobState::Queued)
    }
}
