//! What the host sees of the pool: jobs go in, changes come out.

use std::time::Duration;

use sundae_plugin_api::Error;
use sundae_plugin_api::orchestrator::{Capabilities, Change, Handle, Job, Orchestrator};

use crate::LocalOrchestrator;

impl Orchestrator for LocalOrchestrator {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new().parallelism(self.parallelism).capacity(self.capacity.clone())
    }

    fn submit(&self, job: Job) -> Result<Handle, Error> {
        let handle = Handle(job.description.id);
        self.pool.submit(handle.clone(), job.description.resources, job.work)?;
        Ok(handle)
    }

    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        Ok(self.pool.wait(timeout))
    }

    fn cancel(&self, handle: &Handle) -> Result<(), Error> {
        self.pool.cancel(handle);
        Ok(())
    }
}
