//! What a run costs beyond the commands of its steps, with the real local flavors.
//!
//! `bare_spawns` is the floor: the same commands started one after the other, and nothing kept.

#![allow(clippy::unwrap_used, reason = "a benchmark may end where a test may")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use sundae::engine::event::{Event, RunStatus};
use sundae::engine::known::Known;
use sundae::engine::{Engine, Listener, Stop};
use sundae::pipeline::{Format, Pipeline};
use sundae_local_artifact_store::LocalArtifactStore;
use sundae_local_orchestrator::LocalOrchestrator;
use sundae_plugin_api::{ArtifactStore, Component, Host};
use tempfile::TempDir;

fn main() {
    divan::main();
}

const STEPS: usize = 100;

/// A pipeline with a store of its own.
struct Bed {
    folder: TempDir,
    pipeline: Pipeline,
    orchestrator: LocalOrchestrator,
    store: Arc<dyn ArtifactStore>,
}

struct Deaf;

impl Listener for Deaf {
    fn hear(&mut self, events: &[Event]) -> Result<(), String> {
        divan::black_box(events);
        Ok(())
    }
}

impl Bed {
    fn new(file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::for_tests(folder.path());
        let config = serde_json::from_str(r#"{"parallelism":2}"#).unwrap();
        let orchestrator = LocalOrchestrator::open(config, host.clone()).unwrap();
        let config = serde_json::from_str("{}").unwrap();
        let store = Arc::new(LocalArtifactStore::open(config, host).unwrap());
        let pipeline = parse(file, folder.path());
        Self { folder, pipeline, orchestrator, store }
    }

    fn staging(&self) -> PathBuf {
        self.folder.path().join("data/.staging/run")
    }

    fn run(&self, use_cache: bool) {
        let data = std::collections::BTreeMap::new();
        let engine = Engine {
            data: &data,
            pipeline: &self.pipeline,
            run_id: "run",
            run_name: "run-1",
            orchestrator: &self.orchestrator,
            store: Arc::clone(&self.store),
            staging: &self.staging(),
            use_cache,
            secrets: std::sync::Arc::default(),
            history: &sundae::engine::explain::NoHistory,
            digests: &sundae::artifact::NothingKnown,
            known: &Known::default(),
            worker: &|_, _| Ok(()),
            project: None,
            stop: &Stop::default(),
            grace: Engine::GRACE,
            patience: sundae::worker::PATIENCE,
        };
        let status = engine.run(&mut Deaf).unwrap();
        assert_eq!(status, RunStatus::Completed);
    }
}

fn parse(file: &str, folder: &Path) -> Pipeline {
    Pipeline::parse(file, Format::Toml, "p.toml", folder, &[]).unwrap()
}

/// Each step has another command: equal commands on equal bytes would be one execution and many cache hits.
fn chain(steps: usize) -> String {
    let mut file = String::from(
        "name = 'chain'\n[[steps]]\nname = 's0'\nrun = 'echo 0 > {out.x}'\noutputs = ['x']\n",
    );
    for step in 1..steps {
        let before = step - 1;
        file += &format!(
            "[[steps]]\nname = 's{step}'\nrun = 'cat {{in.x}} > {{out.x}} # {step}'\noutputs = ['x']\ninputs = {{ x = 's{before}.x' }}\n"
        );
    }
    file
}

fn fan(steps: usize) -> String {
    let mut file = String::from("name = 'fan'\n");
    for step in 0..steps {
        file += &format!(
            "[[steps]]\nname = 's{step}'\nrun = 'echo {step} > {{out.x}}'\noutputs = ['x']\n"
        );
    }
    file
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn bare_spawns(bencher: Bencher<'_, '_>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("0"), "0\n").unwrap();
    bencher.bench_local(|| {
        for step in 1..STEPS {
            let script = format!("cat {} > {step}", step - 1);
            let ended = Command::new("sh").args(["-c", &script]).current_dir(&folder).status();
            assert!(ended.unwrap().success());
        }
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn chain_cold(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| Bed::new(&chain(STEPS))).bench_local_refs(|bed| bed.run(true));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn fan_cold(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(|| Bed::new(&fan(STEPS))).bench_local_refs(|bed| bed.run(true));
}

#[divan::bench(max_time = Duration::from_secs(2))]
fn chain_cached(bencher: Bencher<'_, '_>) {
    let bed = Bed::new(&chain(STEPS));
    bed.run(true);
    bencher.bench_local(|| bed.run(true));
}

#[divan::bench(args = [100, 10_000], max_time = Duration::from_secs(2))]
fn read_chain(bencher: Bencher<'_, '_>, steps: usize) {
    let file = chain(steps);
    bencher.bench_local(|| parse(&file, Path::new("/p")));
}
