//! Jobs for tests, and an orchestrator whose changes are kept as they come.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::{Handle, Job, JobDescription, JobState, Orchestrator, Work};
use sundae_plugin_api::{Error, ErrorKind};

/// How long a test waits for what must come. Only a test that fails takes that long.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Script {
    /// Ends with an exit code.
    Exit(i32),
    /// Ends when it is released, or is asked to stop.
    Block,
    /// Ends when it is released, or is asked to stop twice.
    Stubborn,
    /// Is work that returns an error.
    Fail,
    /// Is work that panics.
    Panic,
}

/// A job, seen from its inside.
pub(super) struct Task {
    script: Script,
    state: Mutex<State>,
    change: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) runs: u32,
    pub(super) cancels: u32,
    pub(super) is_running: bool,
    is_released: bool,
}

impl Task {
    pub(super) fn new(script: Script) -> Arc<Self> {
        Arc::new(Self { script, state: Mutex::default(), change: Condvar::new() })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the state")
    }

    pub(super) fn release(&self) {
        self.state().is_released = true;
        self.change.notify_all();
    }

    /// Waits until the work is in a state.
    pub(super) fn until(&self, what: &str, is_reached: impl Fn(&State) -> bool) {
        let (state, timeout) = self
            .change
            .wait_timeout_while(self.state(), PATIENCE, |state| !is_reached(state))
            .expect("nothing panics while it holds the state");
        assert!(!timeout.timed_out(), "the work should be {what}, and is {:?}", *state);
    }

    /// The same as a command.
    fn command(&self) -> Vec<String> {
        let command = match self.script {
            Script::Exit(code) => format!("exit {code}"),
            Script::Block => "exec sleep 600".to_owned(),
            Script::Stubborn => "trap '' TERM INT; while :; do sleep 1; done".to_owned(),
            Script::Fail | Script::Panic => "exit 1".to_owned(),
        };
        ["/bin/sh", "-c", &command].map(str::to_owned).to_vec()
    }
}

struct TaskWork(Arc<Task>);

impl Work for TaskWork {
    fn run(&self) -> Result<i32, Error> {
        let task = &*self.0;
        let mut state = task.state();
        state.runs += 1;
        state.is_running = true;
        task.change.notify_all();
        let stops_at = match task.script {
            Script::Block => 1,
            Script::Stubborn => 2,
            _ => 0,
        };
        let mut state = task
            .change
            .wait_while(state, |state| !state.is_released && state.cancels < stops_at)
            .expect("nothing panics while it holds the state");
        state.is_running = false;
        let was_cancelled = !state.is_released && state.cancels > 0;
        drop(state);
        task.change.notify_all();
        match task.script {
            Script::Exit(code) => Ok(code),
            Script::Block | Script::Stubborn if was_cancelled => Ok(143),
            Script::Block | Script::Stubborn => Ok(0),
            Script::Fail => Err(Error::new(ErrorKind::Unavailable, "the disk is away")),
            Script::Panic => panic!("the work panics, as it was told to"),
        }
    }

    fn cancel(&self) {
        self.0.state().cancels += 1;
        self.0.change.notify_all();
    }
}

/// An orchestrator whose changes are kept as they come.
pub(super) struct Watch {
    pub(super) orchestrator: Box<dyn Orchestrator>,
    changes: Mutex<HashMap<Handle, Vec<JobState>>>,
}

impl Watch {
    pub(super) fn new(orchestrator: Box<dyn Orchestrator>) -> Self {
        Self { orchestrator, changes: Mutex::default() }
    }

    /// Whether the work runs in this process, where the test sees it.
    pub(super) fn is_here(&self) -> bool {
        !self.orchestrator.capabilities().remote
    }

    pub(super) fn submit(&self, task: &Arc<Task>) -> Handle {
        self.submit_with(task, |_| ())
    }

    pub(super) fn submit_with(
        &self,
        task: &Arc<Task>,
        change: impl FnOnce(&mut JobDescription),
    ) -> Handle {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let id = format!("{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let mut description = JobDescription::new(&id, format!("testkit/{id}"));
        description.worker = task.command();
        change(&mut description);
        let job = Job { description, work: Box::new(TaskWork(Arc::clone(task))) };
        self.orchestrator.submit(job).expect("a job is accepted")
    }

    pub(super) fn cancel(&self, handle: &Handle) {
        self.orchestrator.cancel(handle).expect("a job can be cancelled");
    }

    /// Waits once, and keeps what has changed.
    pub(super) fn wait(&self, timeout: Duration) {
        let changes = self.orchestrator.wait(timeout).expect("it can be waited for");
        let mut known = self.changes.lock().expect("nothing panics while it holds the changes");
        for change in changes {
            let states = known.entry(change.handle).or_default();
            assert!(
                !states.last().is_some_and(JobState::is_final),
                "{:?} is reported after the end: {states:?}",
                change.state
            );
            states.push(change.state);
        }
    }

    /// What was reported of a job.
    pub(super) fn states(&self, handle: &Handle) -> Vec<JobState> {
        let known = self.changes.lock().expect("nothing panics while it holds the changes");
        known.get(handle).cloned().unwrap_or_default()
    }

    fn until(
        &self,
        what: &str,
        handle: &Handle,
        is_reached: impl Fn(&JobState) -> bool,
    ) -> JobState {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(state) = self.states(handle).into_iter().find(&is_reached) {
                return state;
            }
            let states = self.states(handle);
            assert!(Instant::now() < deadline, "the job should be {what}, and is {states:?}");
            self.wait(Duration::from_millis(200));
        }
    }

    pub(super) fn until_ended(&self, handle: &Handle) -> JobState {
        self.until("ended", handle, JobState::is_final)
    }

    pub(super) fn until_running(&self, handle: &Handle) {
        let state =
            self.until("running", handle, |state| *state == JobState::Running || state.is_final());
        assert_eq!(state, JobState::Running, "the job ended before it was reported to run");
    }

    /// Nothing more is reported.
    pub(super) fn assert_quiet(&self) {
        let changes = self.orchestrator.wait(Duration::from_millis(100)).expect("it can be asked");
        assert_eq!(changes, [], "nothing is to be reported any more");
    }
}
