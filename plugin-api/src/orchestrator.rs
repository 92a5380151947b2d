//! Orchestrators choose the place where work runs. The host brings the work, and owns order, cache, retries and records.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Error, Resources};

/// The interface that this file defines.
pub const INTERFACE: &str = "orchestrator/1";

/// What an orchestrator can do. Undeclared means "no".
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Jobs run on other machines, by their worker command; so the artifact store must be reachable from there.
    pub remote: bool,
    /// How many jobs it runs at once; `None`: as many as there are. The host submits no more than that, since what it has
    /// not submitted it can still decide on. What is submitted all the same waits for its turn.
    pub parallelism: Option<u32>,
    /// The names of resources that it understands (`cpus`, `memory`, `gpus`, …).
    pub resources: Vec<String>,
    /// How much of these there is, where that is known: memory in bytes. The host submits no jobs that together need more, and
    /// refuses those that need more than there is.
    pub capacity: Resources,
    /// Jobs outlive the host, and [`Orchestrator::reattach`] finds them again.
    pub reattach: bool,
    /// It keeps logs of jobs itself, which [`Orchestrator::logs`] reads.
    pub logs: bool,
    /// A folder of this machine that jobs find under the same path. The host lays there what [`JobDescription::bundle`] names, so
    /// that the worker command can be run as it is. Without one, the orchestrator brings the bundle to where a job runs.
    pub shared_folder: Option<PathBuf>,
    /// Jobs find all files of this machine that matter under the same paths: projects lie on a file system that all machines
    /// share. Where it is not so, the host sends the project's files along, by the artifact store.
    pub shared_files: bool,
}

impl Capabilities {
    /// The capabilities of an orchestrator that can do the least.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares [`Self::parallelism`].
    #[must_use]
    pub fn parallelism(mut self, jobs: u32) -> Self {
        self.parallelism = Some(jobs);
        self
    }

    /// Declares [`Self::remote`].
    #[must_use]
    pub fn remote(mut self) -> Self {
        self.remote = true;
        self
    }

    /// Declares [`Self::resources`].
    #[must_use]
    pub fn resources<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.resources = names.into_iter().map(Into::into).collect();
        self
    }

    /// Declares [`Self::capacity`], and that these resources are understood.
    #[must_use]
    pub fn capacity(mut self, capacity: Resources) -> Self {
        self.resources = capacity.keys().cloned().collect();
        self.capacity = capacity;
        self
    }

    /// Declares [`Self::reattach`].
    #[must_use]
    pub fn reattach(mut self) -> Self {
        self.reattach = true;
        self
    }

    /// Declares [`Self::logs`].
    #[must_use]
    pub fn logs(mut self) -> Self {
        self.logs = true;
        self
    }

    /// Declares [`Self::shared_folder`].
    #[must_use]
    pub fn shared_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.shared_folder = Some(folder.into());
        self
    }

    /// Declares [`Self::shared_files`].
    #[must_use]
    pub fn shared_files(mut self) -> Self {
        self.shared_files = true;
        self
    }
}

/// One step attempt to be run.
pub struct Job {
    /// What is known about it.
    pub description: JobDescription,
    /// The work itself, for orchestrators that run it inside the host's process.
    pub work: Box<dyn Work>,
}

/// What an orchestrator is told about a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobDescription {
    /// Unique for ever; made of letters, digits and `-`.
    pub id: String,
    /// For people: `training-3/train`.
    pub name: String,
    /// What the step needs while it runs; memory in bytes. `cpus` is 1 where the step does not declare it.
    #[serde(default)]
    pub resources: Resources,
    /// The command that does the same work in a process of its own, wherever the bundle is and the store can be reached. Its
    /// first word is a program in the bundle, where the host has laid it; [`Self::worker_in`] is the command for elsewhere.
    #[serde(default)]
    pub worker: Vec<String>,
    /// A folder with all that the worker command needs to begin. Its name tells its content, which never changes: what was brought
    /// somewhere once is good there for every job with a bundle of that name. Empty where jobs do not run elsewhere.
    #[serde(default)]
    pub bundle: PathBuf,
    /// What the worker command needs in its environment. It may hold secrets: it is not logged, and not put where others can
    /// read it, such as on a command line.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

impl JobDescription {
    /// A job without resources or worker command.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        let (id, name) = (id.into(), name.into());
        let (resources, environment) = (BTreeMap::new(), BTreeMap::new());
        let bundle = PathBuf::new();
        Self { id, name, resources, worker: Vec::new(), bundle, environment }
    }

    /// The worker command for a machine on which a copy of the bundle is at `folder`.
    #[must_use]
    pub fn worker_in(&self, folder: &Path) -> Vec<String> {
        let mut command = self.worker.clone();
        if let Some(program) = command.first_mut()
            && let Ok(below) = Path::new(&*program).strip_prefix(&self.bundle)
        {
            *program = folder.join(below).display().to_string();
        }
        command
    }
}

/// The work of a job, as a callback into the host.
pub trait Work: Send + Sync {
    /// Runs the attempt to its end on the calling thread, and returns the exit code of its command. To be called once.
    ///
    /// # Errors
    /// The attempt could not be made; the host knows the details already.
    fn run(&self) -> Result<i32, Error>;

    /// Asks a running attempt to stop; `run` then returns soon. Called again, it stops at once. May be called from any thread.
    fn cancel(&self);
}

/// A submitted job, as the orchestrator knows it: a text of its own that it can find the job by, even in another process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Handle(pub String);

/// What an orchestrator knows of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum JobState {
    /// Submitted, not started.
    Queued,
    /// Started.
    Running,
    /// The command ended; the host finds the outcome itself.
    Ended {
        /// Its exit code; 128 and the signal's number for one that a signal ended, as shells have it.
        exit_code: i32,
    },
    /// It was cancelled.
    Cancelled,
    /// It will never end by itself: its machine died, a limit was hit, it could not be started.
    Lost {
        /// In the orchestrator's words, for people.
        reason: String,
        /// Whether the same job may well succeed if it is submitted again: its machine died, or was wanted by another.
        #[serde(default)]
        retryable: bool,
    },
    /// A state of a newer version of this crate, which is never a final one.
    #[serde(other)]
    Unknown,
}

impl JobState {
    /// It will never end by itself, and would not if it were submitted again.
    pub fn lost(reason: impl Into<String>) -> Self {
        Self::Lost { reason: reason.into(), retryable: false }
    }

    /// Whether no other state follows.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Unknown => false,
            Self::Ended { .. } | Self::Cancelled | Self::Lost { .. } => true,
        }
    }
}

/// A job is in another state than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Change {
    /// Which job.
    pub handle: Handle,
    /// Its state now.
    pub state: JobState,
    /// Where it runs and what it has used, as far as the orchestrator knows. What is known at its end counts.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
}

impl Change {
    /// A job is in this state now; nothing is known of its usage.
    #[must_use]
    pub fn new(handle: Handle, state: JobState) -> Self {
        Self { handle, state, usage: Usage::default() }
    }

    /// Adds what is known of its usage.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }
}

/// What a job has used, by the books of whoever ran it. What is `None` is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// What people find it by there: a job id of a cluster, the name of a container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The machine that it ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Processor time, of all processors together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u64>,
    /// The most memory that it had at once, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
}

impl Usage {
    /// Nothing is known.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// Runs jobs somewhere.
///
/// Every method may be called from many threads at once.
pub trait Orchestrator: Send + Sync {
    /// What this orchestrator can do. Constant for the life of the component, and cheap.
    fn capabilities(&self) -> Capabilities;

    /// Whether the orchestrator can work now: its service is reached, its credentials suffice.
    ///
    /// Called when people register a component or ask how it is. The default finds no fault.
    ///
    /// # Errors
    /// What stands in the way, so that the reader knows what to change.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Starts a job, or queues it, and returns without waiting for it.
    ///
    /// # Errors
    /// The job was not accepted and will not run.
    fn submit(&self, job: Job) -> Result<Handle, Error>;

    /// Waits until a job changes state, `timeout` at most, and returns what has changed since the last call.
    ///
    /// Each final state is reported once; the states before it may be left out. It must cost nothing while nothing changes.
    /// The host has one thread that waits, while others submit and cancel.
    ///
    /// # Errors
    /// The orchestrator cannot be asked now; the host tries again if the error is retryable.
    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error>;

    /// Asks a job to stop, and returns without waiting for it; its end is reported by [`wait`](Self::wait), as `Cancelled` or
    /// as it happened to end. Called again, it stops at once. No error if it has ended, or if there is no such job.
    ///
    /// # Errors
    /// The job may go on.
    fn cancel(&self, handle: &Handle) -> Result<(), Error>;

    /// The job's log from byte `from` on, where the capabilities say that it keeps logs.
    ///
    /// A part of it is enough, a few MiB at most; an empty answer means that there is no more now.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless overridden.
    fn logs(&self, handle: &Handle, from: u64) -> Result<Vec<u8>, Error> {
        let _ = (handle, from);
        Err(Error::new(crate::ErrorKind::Unsupported, "this orchestrator keeps no logs"))
    }

    /// Takes up a job that another process submitted; its changes are then reported by [`wait`](Self::wait).
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless overridden; [`NotFound`](crate::ErrorKind::NotFound) for a
    /// job that it does not know (any more).
    fn reattach(&self, handle: &Handle) -> Result<JobState, Error> {
        let _ = handle;
        Err(Error::new(
            crate::ErrorKind::Unsupported,
            "this orchestrator cannot take up jobs again",
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Change, Handle, JobDescription, JobState, Usage};

    #[test]
    fn the_worker_command_follows_its_bundle() {
        let mut job = JobDescription::new("a", "b");
        job.bundle = "/home/me/bundles/1f".into();
        job.worker = vec!["/home/me/bundles/1f/sundae".to_owned(), "worker".to_owned()];
        assert_eq!(job.worker_in(Path::new("/scratch/1f")), ["/scratch/1f/sundae", "worker"]);
        job.worker[0] = "/bin/sh".to_owned();
        assert_eq!(job.worker_in(Path::new("/scratch/1f")), ["/bin/sh", "worker"]);
    }

    #[test]
    fn what_crosses_keeps_its_form() {
        let changes = vec![
            Change::new(Handle("1".into()), JobState::Ended { exit_code: 3 }),
            Change::new(Handle("2".into()), JobState::lost("gone")),
        ];
        let json = serde_json::to_string(&changes).unwrap();
        assert_eq!(
            json,
            r#"[{"handle":"1","state":{"state":"ended","exit_code":3}},{"handle":"2","state":{"state":"lost","reason":"gone","retryable":false}}]"#
        );
        assert_eq!(serde_json::from_str::<Vec<Change>>(&json).unwrap(), changes);
        let usage = Usage { job: Some("17".to_owned()), cpu_ms: Some(5), ..Usage::default() };
        let used = Change::new(Handle("1".into()), JobState::Cancelled).with_usage(usage);
        let json = serde_json::to_string(&used).unwrap();
        assert_eq!(
            json,
            r#"{"handle":"1","state":{"state":"cancelled"},"usage":{"job":"17","cpu_ms":5}}"#
        );
        assert_eq!(serde_json::from_str::<Change>(&json).unwrap(), used);
    }

    #[test]
    fn what_a_newer_side_adds_is_let_through() {
        let state: JobState = serde_json::from_str(r#"{"state":"paused","since":7}"#).unwrap();
        assert_eq!(state, JobState::Unknown);
        assert!(!state.is_final());
        let job = r#"{"id":"a","name":"b","gang":"c"}"#;
        assert_eq!(
            serde_json::from_str::<JobDescription>(job).unwrap(),
            JobDescription::new("a", "b")
        );
    }
}
