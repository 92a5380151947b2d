//! What the host sees: jobs go in, changes come out.

use std::time::Duration;

use sundae_plugin_api::orchestrator::{Capabilities, Change, Handle, Job, JobState, Orchestrator};
use sundae_plugin_api::{Error, ErrorKind};

use crate::batch::Batch;
use crate::files::Place;
use crate::jobs::{State, Tracked};
use crate::{Slurm, script, watcher};

impl Orchestrator for Slurm {
    fn capabilities(&self) -> Capabilities {
        let config = &self.shared.config;
        let capabilities = Capabilities::new()
            .remote()
            .reattach()
            .logs()
            .parallelism(config.max_jobs.get())
            .resources(self.shared.requests.names())
            .shared_folder(self.shared.folder.root());
        if config.shared_files { capabilities.shared_files() } else { capabilities }
    }

    fn check(&self) -> Result<(), Error> {
        self.shared.check()
    }

    fn submit(&self, job: Job) -> Result<Handle, Error> {
        let shared = &self.shared;
        shared.start_threads()?;
        let text = script::of_job(&job.description)?;
        let options = shared.requests.for_resources(&job.description.resources);
        let most = shared.config.array_size.get() as usize;
        let mut state = shared.state();
        let place = self.place_for(&mut state, &job, options, most)?;
        // Under the lock: a batch is handed over when all its jobs have been written.
        if let Err(error) = shared.folder.write_job(&place, &text) {
            state.batches.iter_mut().for_each(|batch| batch.leave(&place));
            return Err(error);
        }
        let handle = place.handle();
        state.jobs.insert(handle.clone(), Tracked::new(place, None));
        drop(state);
        shared.to_hand_over.notify_all();
        Ok(handle)
    }

    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        self.shared.wait(timeout)
    }

    fn cancel(&self, handle: &Handle) -> Result<(), Error> {
        let shared = &self.shared;
        let mut state = shared.state();
        let is_waiting_here = Place::of(handle).is_some_and(|place| {
            let mut waiting = state.batches.iter().filter(|batch| !batch.is_uncertain);
            waiting.any(|batch| batch.name == place.batch && batch.numbers.contains(&place.number))
        });
        let Some(job) = state.jobs.get_mut(handle) else { return Ok(()) };
        job.asked = job.asked.saturating_add(1);
        let place = job.place.clone();
        if is_waiting_here {
            state.batches.iter_mut().for_each(|batch| batch.leave(&place));
            state.report_end(handle, JobState::Cancelled);
            drop(state);
            shared.folder.forget_job(&place);
            shared.change.notify_all();
            return Ok(());
        }
        drop(state);
        // One that starts just now finds it; Slurm tells one that has started.
        let stopped = shared.folder.stop(&place);
        shared.to_hand_over.notify_all();
        stopped.map_err(|error| Error::io("write", &shared.folder.batch(&place.batch), &error))
    }

    fn logs(&self, handle: &Handle, from: u64) -> Result<Vec<u8>, Error> {
        let place = Place::of(handle).ok_or_else(|| unknown(handle))?;
        let folder = &self.shared.folder;
        folder
            .log(&place, from)
            .map_err(|e| Error::io("read the log in", &folder.batch(&place.batch), &e))
    }

    fn reattach(&self, handle: &Handle) -> Result<JobState, Error> {
        let shared = &self.shared;
        let place = Place::of(handle).ok_or_else(|| unknown(handle))?;
        if !shared.folder.knows(&place) {
            return Err(unknown(handle));
        }
        if let Some(state) = shared.folder.end(&place).and_then(|end| end.final_state()) {
            return Ok(state);
        }
        let id = match shared.folder.id(&place) {
            Some(id) => id,
            // The former process may have ended between sbatch and its answer.
            None => match watcher::ids_of_batch(shared, &place.batch)?
                .into_iter()
                .find(|(number, _)| *number == place.number)
            {
                Some((_, id)) => id,
                None => {
                    drop(shared.folder.stop(&place));
                    return Err(unknown(handle));
                }
            },
        };
        shared.start_threads()?;
        let is_running = shared.folder.owner(&place).is_some();
        let mut job = Tracked::new(place, Some(id.clone()));
        job.is_running = is_running;
        job.usage.job = Some(id);
        let mut state = shared.state();
        state.jobs.insert(handle.clone(), job);
        state.stir();
        drop(state);
        shared.to_watch.notify_all();
        Ok(if is_running { JobState::Running } else { JobState::Queued })
    }
}

impl Slurm {
    /// The place of a new job, in a batch of those that ask for the same.
    fn place_for(
        &self,
        state: &mut State,
        job: &Job,
        options: Vec<String>,
        most: usize,
    ) -> Result<Place, Error> {
        let open = state.batches.iter_mut().find(|batch| batch.takes(&options, most));
        let batch = match open {
            Some(batch) => batch,
            None => {
                // The id of a job is unique for ever; so is that of the first one.
                let name = job.description.id.clone();
                self.shared.folder.make_batch(&name)?;
                state.batches.push(Batch::new(name, options));
                state.batches.last_mut().ok_or_else(|| Error::other("there is no batch"))?
            }
        };
        let number = batch.add(&job.description);
        Ok(Place { batch: batch.name.clone(), number })
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        self.shared.close();
    }
}

fn unknown(handle: &Handle) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no job `{}` in the work folder", handle.0))
}
