//! Ten thousand steps: what the engine itself does must not grow faster than they do.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sundae::engine::event::{AttemptReport, Outcome, RunStatus};
use sundae::worker::AttemptSpec;
use sundae_plugin_api::artifact_store::{self, ArtifactStore, Existing, Object, Source};
use sundae_plugin_api::orchestrator::{Capabilities, Change, Handle, Job, JobState, Orchestrator};
use sundae_plugin_api::{Error, ErrorKind, Key};

use super::support::{Bed, Told};

/// Keeps bytes in memory: so only the engine's own work is measured.
#[derive(Default)]
struct Memory(Mutex<BTreeMap<Key, Vec<u8>>>);

impl ArtifactStore for Memory {
    fn capabilities(&self) -> artifact_store::Capabilities {
        artifact_store::Capabilities::at("memory")
    }
    fn put(&self, key: &Key, file: &Path, _: Source) -> Result<(), Error> {
        self.write(key, &std::fs::read(file).unwrap(), Existing::Replace)
    }
    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        std::fs::write(destination, self.read(key, None)?).unwrap();
        Ok(())
    }
    fn write(&self, key: &Key, bytes: &[u8], _: Existing) -> Result<(), Error> {
        self.0.lock().unwrap().insert(key.clone(), bytes.to_vec());
        Ok(())
    }
    fn read(&self, key: &Key, _: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        let none = || Error::new(ErrorKind::NotFound, "no such object");
        self.0.lock().unwrap().get(key).cloned().ok_or_else(none)
    }
    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        let size = self.0.lock().unwrap().get(key).map(|bytes| bytes.len() as u64);
        Ok(size.map(|size| Object { key: key.clone(), size, modified_ms: 0 }))
    }
    fn list(&self, _: &str, _: Option<&Key>, _: usize) -> Result<Vec<Object>, Error> {
        Ok(Vec::new())
    }
    fn delete(&self, key: &Key) -> Result<(), Error> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}

/// Does each job at once, by writing the report that a worker would write.
struct Instantly {
    store: Arc<Memory>,
    changes: Mutex<Vec<Change>>,
}

impl Orchestrator for Instantly {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new().remote()
    }
    fn submit(&self, job: Job) -> Result<Handle, Error> {
        let handle = Handle(job.description.id);
        let key = |file: &str| sundae::artifact::attempt_key(&handle.0, file).unwrap();
        let spec: serde_json::Value =
            serde_json::from_slice(&self.store.read(&key("spec.json"), None)?).unwrap();
        let spec: AttemptSpec = serde_json::from_value(spec["content"].clone()).unwrap();
        let report = serde_json::json!({ "schema": 1, "content": report(&spec, &self.store) });
        self.store.write(&key("report.json"), report.to_string().as_bytes(), Existing::Replace)?;
        let state = JobState::Ended { exit_code: 0 };
        self.changes.lock().unwrap().push(Change::new(handle.clone(), state));
        Ok(handle)
    }
    fn wait(&self, _: Duration) -> Result<Vec<Change>, Error> {
        Ok(std::mem::take(&mut *self.changes.lock().unwrap()))
    }
    fn cancel(&self, _: &Handle) -> Result<(), Error> {
        Ok(())
    }
}

/// Each step produces its name.
fn report(spec: &AttemptSpec, store: &Memory) -> AttemptReport {
    let artifact = sundae::artifact::publish_text(store, spec.step.name.as_bytes()).unwrap();
    let outputs = spec.step.outputs.iter().map(|output| (output.clone(), artifact.clone()));
    let now = jiff::Timestamp::now();
    let outcome = Outcome {
        run: spec.run_name.clone(),
        outputs: outputs.collect(),
        log: None,
        metrics: BTreeMap::new(),
        notes: Vec::new(),
        started: now,
        ended: now,
    };
    if let Some(key) = &spec.cache_key {
        sundae::worker::keep(store, key, &outcome).unwrap();
    }
    let failure = spec
        .step
        .name
        .starts_with("bad")
        .then(|| sundae::engine::event::Failure::Command { message: "exit code 1".to_owned() });
    AttemptReport {
        outcome,
        exit_code: Some(0),
        failure,
        log_tail: String::new(),
        warnings: Vec::new(),
        usage: Default::default(),
    }
}

fn step(name: &str, inputs: impl IntoIterator<Item = String>) -> String {
    let inputs = inputs.into_iter().enumerate();
    let inputs: Vec<_> = inputs.map(|(place, from)| format!("i{place} = '{from}'")).collect();
    format!(
        "[[steps]]\nname = '{name}'\nrun = ['true', '{name}']\noutputs = ['x']\ninputs = {{ {} }}\n",
        inputs.join(", ")
    )
}

fn chain(steps: usize) -> String {
    (0..steps)
        .map(|n| step(&format!("s{n}"), n.checked_sub(1).map(|p| format!("s{p}.x"))))
        .collect()
}

/// All need the first, and the last needs all.
fn fan(steps: usize) -> String {
    let middle: String = (1..steps).map(|n| step(&format!("s{n}"), ["s0.x".to_owned()])).collect();
    step("s0", []) + &middle + &step("last", (0..steps).map(|n| format!("s{n}.x")))
}

/// One step with so many items, and one that takes them apart again.
fn items(steps: usize) -> String {
    let values: Vec<_> = (0..steps / 2).collect();
    let fan_out = step("s", []) + &format!("foreach = {{ n = {values:?} }}\n");
    let fan_out = fan_out.replace("['true', 's']", "['true', '{param.n}']");
    fan_out + &step("t", []) + "foreach = { x = 's.x' }\n" + &step("last", ["t.x".to_owned()])
}

/// Every second one fails, and the other needs it.
fn failing(steps: usize) -> String {
    (0..steps / 2)
        .map(|n| step(&format!("bad{n}"), []) + &step(&format!("s{n}"), [format!("bad{n}.x")]))
        .collect()
}

fn time(steps: &str) -> Duration {
    let mut bed = Bed::new();
    let store = Arc::new(Memory::default());
    bed.store = store.clone();
    bed.orchestrator = Box::new(Instantly { store, changes: Mutex::default() });
    let pipeline = bed.pipeline(steps);
    let began = Instant::now();
    for expected in [RunStatus::Completed, RunStatus::Completed] {
        let status = bed.run_pipeline(&pipeline, &mut Told::default()).unwrap();
        assert!(status == expected || steps.contains("bad"));
    }
    began.elapsed()
}

/// Four times the steps take about four times as long; with a square somewhere, sixteen times.
#[track_caller]
fn check(make: fn(usize) -> String) {
    let grows = || time(&make(8000)).as_secs_f64() / time(&make(2000)).as_secs_f64();
    // The best of three: other tests run at the same time.
    let best = (0..3).map(|_| grows()).find(|grows| *grows < 8.0);
    assert!(best.is_some(), "it grows faster than its steps");
}

#[test]
fn a_chain() {
    check(chain);
}

#[test]
fn a_fan() {
    check(fan);
}

#[test]
fn fan_outs() {
    check(items);
}

#[test]
fn failures() {
    check(failing);
}
