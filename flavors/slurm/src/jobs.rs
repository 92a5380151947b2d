//! What the component knows of its jobs; shared by the host's calls and the two threads.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::{Change, Handle, JobState, Usage};
use sundae_plugin_api::{Error, Host};

use crate::batch::Batch;
use crate::files::{Place, WorkFolder};
use crate::requests::Requests;
use crate::tools::{ToolError, Tools};
use crate::{SlurmConfig, collector, watcher};

/// What all parts share.
pub(crate) struct Shared {
    pub(crate) config: SlurmConfig,
    pub(crate) requests: Requests,
    pub(crate) folder: WorkFolder,
    pub(crate) tools: Tools,
    pub(crate) host: Host,
    state: Mutex<State>,
    /// There is a change that nobody has taken.
    pub(crate) change: Condvar,
    /// There is something to hand to Slurm.
    pub(crate) to_hand_over: Condvar,
    /// There is something to watch.
    pub(crate) to_watch: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    /// Jobs that have not ended.
    pub(crate) jobs: HashMap<Handle, Tracked>,
    /// Not handed to Slurm yet.
    pub(crate) batches: Vec<Batch>,
    pub(crate) changes: Vec<Change>,
    /// Why Slurm cannot be asked now.
    pub(crate) trouble: Option<String>,
    /// When something was done that Slurm will soon have an answer to.
    pub(crate) stirred: Option<Instant>,
    /// When the accounting database is asked for what jobs used.
    pub(crate) settle_at: Option<Instant>,
    pub(crate) is_closed: bool,
    has_threads: bool,
}

/// A job that has not ended.
#[derive(Debug)]
pub(crate) struct Tracked {
    pub(crate) place: Place,
    /// How Slurm knows it; `None` until it does.
    pub(crate) id: Option<String>,
    pub(crate) is_running: bool,
    /// How often it was asked to stop.
    pub(crate) asked: u8,
    /// How often Slurm was told.
    pub(crate) told: u8,
    /// It has said how it ended, and Slurm is yet to say why.
    pub(crate) has_ended: bool,
    /// How often Slurm did not know it.
    pub(crate) absences: u8,
    /// Since when.
    pub(crate) absent_since: Option<Instant>,
    pub(crate) usage: Usage,
    /// How it ended, and since when its usage is looked up.
    pub(crate) settled: Option<(JobState, Instant)>,
}

impl Tracked {
    pub(crate) fn new(place: Place, id: Option<String>) -> Self {
        Self {
            place,
            id,
            is_running: false,
            asked: 0,
            told: 0,
            has_ended: false,
            absences: 0,
            absent_since: None,
            usage: Usage::default(),
            settled: None,
        }
    }
}

impl State {
    pub(crate) fn report_running(&mut self, handle: &Handle) {
        if let Some(job) = self.jobs.get_mut(handle)
            && !std::mem::replace(&mut job.is_running, true)
        {
            let change = Change::new(handle.clone(), JobState::Running);
            self.changes.push(change.with_usage(job.usage.clone()));
        }
    }

    /// A job has ended. Said once: it is not known any more then.
    pub(crate) fn report_end(&mut self, handle: &Handle, state: JobState) {
        if let Some(job) = self.jobs.remove(handle) {
            self.changes.push(Change::new(handle.clone(), state).with_usage(job.usage));
        }
    }

    pub(crate) fn stir(&mut self) {
        self.stirred = Some(Instant::now());
    }
}

impl Shared {
    pub(crate) fn new(
        config: SlurmConfig,
        requests: Requests,
        folder: WorkFolder,
        tools: Tools,
        host: Host,
    ) -> Self {
        let (change, to_hand_over, to_watch) = Default::default();
        let state = Mutex::default();
        Self { config, requests, folder, tools, host, state, change, to_hand_over, to_watch }
    }

    /// A thread that panicked under the lock left whole values behind: each change of the state is one statement.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the threads when there is something to do for the first time.
    ///
    /// # Errors
    /// One cannot be started.
    pub(crate) fn start_threads(self: &Arc<Self>) -> Result<(), Error> {
        if std::mem::replace(&mut self.state().has_threads, true) {
            return Ok(());
        }
        let start = |name: &str, work: fn(&Self)| -> io::Result<()> {
            let shared = Arc::clone(self);
            thread::Builder::new().name(name.to_owned()).spawn(move || work(&shared)).map(drop)
        };
        start("sundae-slurm-submit", collector::run)
            .and_then(|()| start("sundae-slurm-watch", watcher::run))
            .map_err(|error| Error::other(format!("cannot start a thread: {error}")))
    }

    /// Remembers why Slurm cannot be asked, or that it can. Tells it once.
    pub(crate) fn hear_trouble(&self, trouble: Option<&ToolError>) {
        let mut state = self.state();
        let is_new = state.trouble.is_none() && trouble.is_some();
        let was = std::mem::replace(&mut state.trouble, trouble.map(ToolError::message));
        drop(state);
        match trouble {
            Some(error) if is_new => {
                self.host.debug(format_args!("Slurm cannot be asked: {}", error.message()));
            }
            None if was.is_some() => self.host.debug("Slurm can be asked again"),
            _ => {}
        }
    }

    /// Wakes whoever waits for a change, if there is one.
    pub(crate) fn tell_changes(&self) {
        if !self.state().changes.is_empty() {
            self.change.notify_all();
        }
    }

    /// The jobs that Slurm knows, by its ids.
    pub(crate) fn known_ids(&self) -> BTreeMap<String, Handle> {
        let state = self.state();
        let known = state.jobs.iter().filter(|(_, job)| job.settled.is_none());
        known.filter_map(|(handle, job)| Some((job.id.clone()?, handle.clone()))).collect()
    }

    pub(crate) fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        let state = self.state();
        let (mut state, _) = self
            .change
            .wait_timeout_while(state, timeout, |state| state.changes.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let changes = std::mem::take(&mut state.changes);
        match &state.trouble {
            Some(trouble) if changes.is_empty() => {
                Err(Error::new(sundae_plugin_api::ErrorKind::Unavailable, trouble.clone())
                    .retryable())
            }
            _ => Ok(changes),
        }
    }

    /// The threads end soon, and nobody waits for them. What Slurm has goes on; what it has not will not start.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.batches.clear();
        drop(state);
        self.to_hand_over.notify_all();
        self.to_watch.notify_all();
        self.host.debug(format_args!("calls to Slurm: {}", self.tools.told()));
    }
}
