//! A few threads that run jobs in the order in which they came, as far as there is what they need.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use sundae_plugin_api::orchestrator::{Change, Handle, JobState, Work};
use sundae_plugin_api::{Error, Ledger, Resources};

/// How often a thread that has ended a job gives way to others before it sleeps. Whoever hears of the end has another job for it in
/// a moment, as a rule; a processor that has gone to sleep meanwhile takes longer than that to wake up.
const GIVES_WAY: u32 = 100;

/// Threads are started as they are needed, up to a limit, and end with the pool.
pub(crate) struct Pool {
    limit: usize,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// There is a job, or the pool has closed.
    work: Condvar,
    /// There is a change that nobody has taken.
    change: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    running: HashMap<Handle, Arc<dyn Work>>,
    ledger: Ledger,
    changes: Vec<Change>,
    threads: usize,
    idle: usize,
    closed: bool,
}

struct Waiting {
    handle: Handle,
    needs: Resources,
    work: Arc<dyn Work>,
}

impl State {
    /// Takes the next job that may start now.
    fn next(&mut self) -> Option<Waiting> {
        let place =
            self.ledger.first_that_fits(self.waiting.iter().map(|waiting| &waiting.needs))?;
        let next = self.waiting.remove(place)?;
        self.ledger.take(&next.needs);
        Some(next)
    }
}

impl Shared {
    /// A thread that panicked under the lock left whole values behind: each change of the state is one statement.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of a change. Without the lock, which whoever is woken needs at once.
    fn report(&self, mut state: MutexGuard<'_, State>, handle: Handle, job_state: JobState) {
        state.changes.push(Change::new(handle, job_state));
        drop(state);
        self.change.notify_all();
    }
}

impl Pool {
    pub(crate) fn new(limit: usize, capacity: Resources) -> Self {
        let state = State { ledger: Ledger::new(capacity), ..State::default() };
        let shared = Shared { state: Mutex::new(state), ..Shared::default() };
        Self { limit, shared: Arc::new(shared) }
    }

    pub(crate) fn submit(
        &self,
        handle: Handle,
        needs: Resources,
        work: Box<dyn Work>,
    ) -> Result<(), Error> {
        let mut state = self.shared.state();
        if state.idle <= state.waiting.len() && state.threads < self.limit {
            match self.start_thread() {
                Ok(()) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    return Err(Error::other(format!("cannot start a thread: {error}")));
                }
                // The threads that there are get to it.
                Err(_) => {}
            }
        }
        state.waiting.push_back(Waiting { handle, needs, work: Arc::from(work) });
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }

    fn start_thread(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("sundae-local".to_owned());
        thread.spawn(move || run_jobs(&shared)).map(drop)
    }

    pub(crate) fn wait(&self, timeout: Duration) -> Vec<Change> {
        let state = self.shared.state();
        let (mut state, _) = self
            .shared
            .change
            .wait_timeout_while(state, timeout, |state| state.changes.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.changes)
    }

    pub(crate) fn cancel(&self, handle: &Handle) {
        let mut state = self.shared.state();
        if let Some(position) = state.waiting.iter().position(|waiting| waiting.handle == *handle) {
            state.waiting.remove(position);
            self.shared.report(state, handle.clone(), JobState::Cancelled);
        } else if let Some(work) = state.running.get(handle).cloned() {
            // Not under the lock: the callback is the host's code, and `run` needs the lock to end.
            drop(state);
            work.cancel();
        }
    }
}

impl Drop for Pool {
    /// What waits will not run: there is nobody left to tell. What runs goes on to its end.
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
        self.shared.work.notify_all();
    }
}

fn run_jobs(shared: &Shared) {
    let mut state = shared.state();
    let mut gives_way = 0;
    loop {
        if let Some(Waiting { handle, needs, work }) = state.next() {
            state.running.insert(handle.clone(), Arc::clone(&work));
            shared.report(state, handle.clone(), JobState::Running);
            let end = match work.run() {
                Ok(exit_code) => JobState::Ended { exit_code },
                Err(error) => JobState::lost(error.to_string()),
            };
            state = shared.state();
            state.running.remove(&handle);
            state.ledger.give_back(&needs);
            // Several may start where one has ended that needed much.
            if state.waiting.len() > 1 {
                shared.work.notify_all();
            }
            shared.report(state, handle, end);
            gives_way = GIVES_WAY;
            state = shared.state();
        } else if state.closed {
            return;
        } else if gives_way > 0 {
            gives_way -= 1;
            drop(state);
            thread::yield_now();
            state = shared.state();
        } else {
            state.idle += 1;
            state = shared.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}
