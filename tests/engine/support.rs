//! What the tests run pipelines with: a bed of one folder with a store, an orchestrator, and a listener that remembers.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sundae::artifact::{ArtifactRef, object_key, read_text};
use sundae::engine::event::{AttemptReport, Event, RunStatus, StepStatus};
use sundae::engine::explain::{Execution, History};
use sundae::engine::known::Known;
use sundae::engine::{Engine, EngineError, Listener, Stop};
use sundae::pipeline::{Format, Pipeline};
use sundae_local_artifact_store::LocalArtifactStore;
use sundae_local_orchestrator::LocalOrchestrator;
use sundae_plugin_api::{ArtifactStore, Component, Host, Orchestrator};
use tempfile::TempDir;

/// A folder with a project in `project` and a store in `store`.
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    pub(crate) store: Arc<dyn ArtifactStore>,
    pub(crate) orchestrator: Box<dyn Orchestrator>,
    pub(crate) use_cache: bool,
    /// If it says something, the last run goes on.
    pub(crate) known: Known,
    pub(crate) stop: Stop,
    pub(crate) grace: Duration,
    pub(crate) patience: Duration,
    pub(crate) secrets: BTreeMap<String, String>,
    /// What comes from outside.
    pub(crate) data: BTreeMap<String, ArtifactRef>,
    /// What earlier runs are known to have done.
    pub(crate) history: Remembered,
    runs: u32,
}

/// What steps of earlier runs were executed with.
#[derive(Debug, Default)]
pub(crate) struct Remembered(pub(crate) HashMap<String, Execution>);

impl Remembered {
    fn remember(&mut self, told: &Told) {
        let statuses = told.statuses();
        for event in &told.events {
            let (step, key) = match event {
                Event::AttemptSubmitted { step, key, .. } => (step, key),
                Event::StepCached { step, key, .. } => (step, key),
                _ => continue,
            };
            let (run, parts) = ("p-1".to_owned(), key.parts.clone());
            let status = statuses[step.as_str()];
            self.0.insert(step.clone(), Execution { run, status, parts });
        }
    }
}

impl History for Remembered {
    fn last(&self, step: &str) -> Option<Execution> {
        self.0.get(step).cloned()
    }
}

/// What a run told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) events: Vec<Event>,
    pub(crate) ended: Option<Result<RunStatus, String>>,
}

impl Listener for Told {
    fn hear(&mut self, events: &[Event]) -> Result<(), String> {
        assert!(!events.is_empty(), "telling nothing costs a transaction");
        self.events.extend_from_slice(events);
        Ok(())
    }
}

pub(crate) fn orchestrator(parallelism: u32) -> LocalOrchestrator {
    let config = serde_json::from_value(serde_json::json!({ "parallelism": parallelism }));
    LocalOrchestrator::open(config.unwrap(), Host::for_tests("/nowhere")).unwrap()
}

pub(crate) fn store(folder: &Path) -> LocalArtifactStore {
    let config = serde_json::from_value(serde_json::json!({ "path": folder })).unwrap();
    LocalArtifactStore::open(config, Host::for_tests("/nowhere")).unwrap()
}

impl Bed {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("project")).unwrap();
        let store = Arc::new(store(&folder.path().join("store")));
        let orchestrator = Box::new(orchestrator(2));
        Self {
            folder,
            store,
            orchestrator,
            use_cache: true,
            known: Known::default(),
            stop: Stop::default(),
            grace: Engine::GRACE,
            patience: Duration::ZERO,
            secrets: BTreeMap::new(),
            data: BTreeMap::new(),
            history: Remembered::default(),
            runs: 0,
        }
    }

    /// A place in the project.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("project").join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn pipeline(&self, steps: &str) -> Pipeline {
        let file = format!("name = 'p'\n{steps}");
        match Pipeline::parse(&file, Format::Toml, "p.toml", &self.path(""), &[]) {
            Ok(pipeline) => pipeline,
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs these steps, written as in a pipeline file; nothing must be left behind.
    pub(crate) fn run(&mut self, steps: &str) -> Told {
        let told = self.run_carelessly(steps);
        self.check_nothing_left();
        told
    }

    /// As `run`, where somebody may still be at work when the run has ended.
    pub(crate) fn run_carelessly(&mut self, steps: &str) -> Told {
        let pipeline = self.pipeline(steps);
        let mut told = Told::default();
        let ended = self.run_pipeline(&pipeline, &mut told);
        told.ended = Some(ended.map_err(|error| error.to_string()));
        self.history.remember(&told);
        told
    }

    pub(crate) fn run_pipeline(
        &mut self,
        pipeline: &Pipeline,
        listener: &mut dyn Listener,
    ) -> Result<RunStatus, EngineError> {
        let stop = std::mem::take(&mut self.stop);
        self.run_pipeline_until(pipeline, listener, &stop)
    }

    pub(crate) fn run_pipeline_until(
        &mut self,
        pipeline: &Pipeline,
        listener: &mut dyn Listener,
        stop: &Stop,
    ) -> Result<RunStatus, EngineError> {
        let staging = self.staging();
        self.run_in(&staging, pipeline, listener, stop)
    }

    pub(crate) fn run_in(
        &mut self,
        staging: &Path,
        pipeline: &Pipeline,
        listener: &mut dyn Listener,
        stop: &Stop,
    ) -> Result<RunStatus, EngineError> {
        self.runs += u32::from(self.known.is_nothing());
        let run_id = format!("id-{}", self.runs);
        let engine = Engine {
            pipeline,
            run_id: &run_id,
            run_name: &format!("p-{}", self.runs),
            orchestrator: &*self.orchestrator,
            store: Arc::clone(&self.store),
            staging,
            use_cache: self.use_cache,
            secrets: Arc::new(self.secrets.clone()),
            data: &self.data,
            history: &self.history,
            digests: &sundae::artifact::NothingKnown,
            known: &self.known,
            worker: &|spec, description| {
                description.worker = vec!["worker".to_owned(), spec.id.clone()];
                Ok(())
            },
            project: None,
            stop,
            grace: self.grace,
            patience: self.patience,
        };
        engine.run(listener)
    }

    /// On the store's file system, as hosts do it.
    pub(crate) fn staging(&self) -> PathBuf {
        self.folder.path().join("store/.staging/run")
    }

    /// Whatever happened: the attempts have cleaned up, and the store has no half-written object.
    pub(crate) fn check_nothing_left(&self) {
        let left = std::fs::read_dir(self.staging()).into_iter().flatten().flatten();
        let left: Vec<_> = left.map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        self.check_objects();
    }

    /// Every object in the store has the content that its name tells of.
    pub(crate) fn check_objects(&self) {
        for object in self.store.list("objects/", None, usize::MAX).unwrap() {
            let digest = object.key.as_str().replace("objects", "").replace('/', "");
            let bytes = self.store.read(&object.key, None).unwrap();
            assert_eq!(blake3::hash(&bytes).to_hex().as_str(), digest, "a half-written object");
        }
    }

    /// The content of a file artifact.
    pub(crate) fn content(&self, artifact: &ArtifactRef) -> String {
        read_text(&*self.store, artifact).unwrap()
    }

    /// Where the store has the object.
    pub(crate) fn object(&self, digest: &str) -> PathBuf {
        self.folder.path().join("store").join(object_key(digest).unwrap())
    }
}

impl Told {
    pub(crate) fn status(&self) -> RunStatus {
        *self.ended.as_ref().unwrap().as_ref().unwrap()
    }

    /// How each step ended.
    pub(crate) fn statuses(&self) -> BTreeMap<&str, StepStatus> {
        let mut statuses = BTreeMap::new();
        for event in &self.events {
            let (step, status) = match event {
                Event::StepCached { step, .. } => (step, StepStatus::Cached),
                Event::StepSkipped { step, .. } => (step, StepStatus::Skipped),
                Event::StepEnded { step, status, .. } => (step, *status),
                Event::FanOutJoined { step, status, .. } => (step, *status),
                _ => continue,
            };
            statuses.insert(step.as_str(), status);
        }
        statuses
    }

    /// `load completed, train failed`, by name.
    pub(crate) fn summary(&self) -> String {
        let name = |status: StepStatus| serde_json::to_value(status).unwrap();
        let statuses = self.statuses().into_iter();
        let ends: Vec<_> = statuses
            .map(|(step, status)| format!("{step} {}", name(status).as_str().unwrap()))
            .collect();
        ends.join(", ")
    }

    /// Why a step did not complete.
    pub(crate) fn reason(&self, wanted: &str) -> &str {
        let mut reasons = self.events.iter().filter_map(|event| match event {
            Event::StepEnded { step, reason, .. } if step == wanted => reason.as_deref(),
            Event::StepSkipped { step, reason } if step == wanted => Some(reason),
            _ => None,
        });
        reasons.next_back().unwrap_or_else(|| panic!("no reason for {wanted}: {:#?}", self.events))
    }

    /// Why a step was not taken from the cache, the last time that it was not.
    pub(crate) fn miss(&self, wanted: &str) -> &str {
        let mut reasons = self.events.iter().filter_map(|event| match event {
            Event::AttemptSubmitted { step, reasons, .. } if step == wanted => {
                Some(reasons[0].as_str())
            }
            _ => None,
        });
        reasons.next_back().unwrap_or_else(|| panic!("{wanted} was not run"))
    }

    /// The reports of a step's attempts, in order.
    pub(crate) fn reports(&self, wanted: &str) -> Vec<&AttemptReport> {
        let reports = self.events.iter().filter_map(|event| match event {
            Event::AttemptEnded { step, report, .. } if step == wanted => Some(&**report),
            _ => None,
        });
        reports.collect()
    }

    pub(crate) fn report(&self, wanted: &str) -> &AttemptReport {
        self.reports(wanted)
            .last()
            .unwrap_or_else(|| panic!("{wanted} has no report: {:#?}", self.events))
    }

    /// What a step produced, run or cached.
    pub(crate) fn output(&self, wanted: &str, output: &str) -> &ArtifactRef {
        let mut outcomes = self.events.iter().filter_map(|event| match event {
            Event::AttemptEnded { step, report, .. } if step == wanted => Some(&report.outcome),
            Event::StepCached { step, outcome, .. } if step == wanted => Some(&**outcome),
            _ => None,
        });
        &outcomes.next_back().unwrap().outputs[output]
    }

    pub(crate) fn warnings(&self) -> Vec<&str> {
        let warnings = self.events.iter().filter_map(|event| match event {
            Event::Warning { message } => Some(message.as_str()),
            _ => None,
        });
        warnings.collect()
    }
}

/// Waits until something is so; it must be so within a minute.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Runs an ignored test in a process in which no other test is.
#[track_caller]
pub(crate) fn run_alone(test: &str, environment: &[(&str, &str)]) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "there is no {test}");
}

/// Whether there is a process with this number. Ended is ended, though whoever adopts it may not have looked yet.
pub(crate) fn is_alive(pid: &str) -> bool {
    let pid = pid.trim();
    assert!(!pid.is_empty(), "the step wrote no number");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}
