//! The cluster that tests run on, and jobs for it.

#![allow(dead_code, reason = "each file of tests uses its part")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is a finding")]

#[path = "../../../../tests/backends/mod.rs"]
pub(crate) mod backends;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::{Change, Handle, Job, JobDescription, JobState, Work};
use sundae_plugin_api::{Error, Host, HostServices, Level, Orchestrator, abi};
use sundae_plugin_testkit::Value;
use sundae_slurm::Slurm;
use tempfile::TempDir;

use backends::OwnCluster;

/// How long is waited for what must come: a node that dies is missed after some ten seconds, a time limit after a minute.
pub(crate) const PATIENCE: Duration = Duration::from_secs(150);

/// Whether there is a cluster.
///
/// # Panics
/// If there is none, and all that can be tested is required.
pub(crate) fn is_there() -> bool {
    backends::cluster().is_some()
}

/// An orchestrator with its work folder, and what it has said.
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    config: Value,
    log: Arc<Log>,
    orchestrator: Option<Box<dyn Orchestrator>>,
    states: BTreeMap<Handle, Vec<Change>>,
}

impl Bed {
    /// On the cluster of the environment. `None`: there is none.
    pub(crate) fn new(config: Value) -> Option<Self> {
        is_there().then(|| {
            Self::on(
                &PathBuf::from(std::env::var_os("SLURM_CONF").expect("it is set, too")),
                config,
            )
        })
    }

    /// On a cluster of its own.
    pub(crate) fn of(cluster: &OwnCluster, config: Value) -> Self {
        Self::on(&cluster.config(), config)
    }

    /// `tools` are the system's with this `SLURM_CONF`, since the environment of a test is not its own to change.
    fn on(slurm_conf: &Path, mut config: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tools = folder.path().join("tools");
        std::fs::create_dir(&tools).unwrap();
        for tool in ["sbatch", "squeue", "scancel", "scontrol", "sinfo", "sacct"] {
            let text = format!("exec {tool} \"$@\"");
            write_tool(&tools, tool, slurm_conf, &text);
        }
        config["tools"] = tools.to_str().unwrap().into();
        config["work_folder"] = folder.path().join("work").to_str().unwrap().into();
        let mut bed = Self {
            folder,
            config,
            log: Arc::default(),
            orchestrator: None,
            states: BTreeMap::new(),
        };
        bed.reopen();
        bed
    }

    /// Closes the component, and opens another of the same configuration.
    pub(crate) fn reopen(&mut self) {
        self.orchestrator = None;
        self.states.clear();
        let host = Host::new(Arc::clone(&self.log) as _);
        let config = self.config.to_string();
        self.orchestrator = Some(abi::orchestrator::open_here::<Slurm>(&config, host).unwrap());
    }

    /// Replaces a tool by lines of shell, in which `real` is the tool itself.
    pub(crate) fn replace_tool(&self, tool: &str, slurm_conf: &Path, text: &str) {
        write_tool(
            &self.folder.path().join("tools"),
            tool,
            slurm_conf,
            &format!("real=$(command -v {tool})\n{text}"),
        );
    }

    pub(crate) fn orchestrator(&self) -> &dyn Orchestrator {
        self.orchestrator.as_deref().unwrap()
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn submit(&self, command: &str) -> Handle {
        self.submit_with(command, |_| ())
    }

    pub(crate) fn submit_with(
        &self,
        command: &str,
        change: impl FnOnce(&mut JobDescription),
    ) -> Handle {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let mut description = JobDescription::new(
            format!("{}-{number}", std::process::id()),
            format!("test-1/step-{number}"),
        );
        description.worker = ["/bin/sh", "-c", command].map(str::to_owned).to_vec();
        change(&mut description);
        self.orchestrator().submit(Job { description, work: Box::new(NoWork) }).unwrap()
    }

    /// Waits until there is such a change of a job.
    pub(crate) fn until(&mut self, handle: &Handle, is_meant: impl Fn(&Change) -> bool) -> Change {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(change) = self
                .states
                .get(handle)
                .and_then(|changes| changes.iter().find(|change| is_meant(change)))
            {
                return change.clone();
            }
            assert!(
                Instant::now() < deadline,
                "{handle:?} is {:?}; {:?}",
                self.states.get(handle),
                self.log.lines()
            );
            self.wait();
        }
    }

    /// Waits a little, and returns what the orchestrator said, if it cannot be asked.
    pub(crate) fn wait(&mut self) -> Option<Error> {
        match self.orchestrator().wait(Duration::from_millis(100)) {
            Ok(changes) => {
                for change in changes {
                    self.states.entry(change.handle.clone()).or_default().push(change);
                }
                None
            }
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                Some(error)
            }
        }
    }

    pub(crate) fn until_running(&mut self, handle: &Handle) {
        let change = self
            .until(handle, |change| change.state == JobState::Running || change.state.is_final());
        assert_eq!(change.state, JobState::Running);
    }

    pub(crate) fn until_ended(&mut self, handle: &Handle) -> JobState {
        self.end(handle).state
    }

    pub(crate) fn end(&mut self, handle: &Handle) -> Change {
        self.until(handle, |change| change.state.is_final())
    }

    /// The reason why a job was lost, and whether another try may help.
    pub(crate) fn until_lost(&mut self, handle: &Handle) -> (String, bool) {
        match self.until_ended(handle) {
            JobState::Lost { reason, retryable } => (reason, retryable),
            other => panic!("it is lost, and not {other:?}: {:?}", self.log.lines()),
        }
    }

    /// How often a tool was called.
    pub(crate) fn calls(&self, tool: &str) -> usize {
        let start = format!("{tool} call ");
        self.log.lines().iter().filter(|line| line.starts_with(&start)).count()
    }

    /// What a tool of the cluster says.
    pub(crate) fn ask(&self, tool: &str, arguments: &[&str]) -> String {
        let output = Command::new(self.folder.path().join("tools").join(tool))
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// The id by which Slurm knows a job.
    pub(crate) fn id(&mut self, handle: &Handle) -> String {
        self.until(handle, |change| change.usage.job.is_some()).usage.job.unwrap()
    }
}

fn write_tool(folder: &Path, tool: &str, slurm_conf: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(tool);
    // Never the file that is being run: a new one takes its name.
    let new = folder.join(format!(".{tool}"));
    let text = format!("#!/bin/bash\nexport SLURM_CONF='{}'\n{text}\n", slurm_conf.display());
    std::fs::write(&new, text).unwrap();
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&new, &path).unwrap();
}

struct NoWork;

impl Work for NoWork {
    fn run(&self) -> Result<i32, Error> {
        unreachable!("jobs of a cluster run by their command")
    }
    fn cancel(&self) {}
}

/// Keeps what the component logs.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl HostServices for Log {
    fn log(&self, _: Level, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
    fn progress(&self, _: &str, _: u64, _: Option<u64>) {}
    fn secret(&self, _: &str) -> Result<String, Error> {
        unreachable!("it has no secrets")
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    fn data_folder(&self) -> Result<PathBuf, Error> {
        unreachable!("its work folder is given")
    }
    fn scratch_folder(&self) -> Result<PathBuf, Error> {
        unreachable!("it needs none")
    }
}
