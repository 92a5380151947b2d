//! `sundae worker`: what an orchestrator starts elsewhere. Here, elsewhere is a place without home and database.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use sundae::pipeline::{Format, Pipeline};
use sundae::plugin::place::Origin;
use sundae::plugin::probe::NoLog;
use sundae::plugin::{Catalog, Loader, Place, Wanted};
use sundae::worker::{AttemptSpec, Failure, portable};
use sundae_plugin_api::{ArtifactStore, ComponentKind, Host};

use super::sandbox::{Sandbox, said, until};

const PLUGIN: &str = "local-artifact-store";
const ATTEMPT: &str = "0f0e-0-1";

/// The store that both sides reach.
fn store(sandbox: &Sandbox) -> (Box<dyn ArtifactStore>, Value) {
    let folder = sandbox.outside("shared");
    let config: Map<String, Value> = Map::from_iter([("path".to_owned(), json!(folder))]);
    let place = Place { folder: sandbox.plugins(), origin: Origin::Option };
    let catalog = Catalog::read(&[place], &NoLog);
    let loader = Loader::new(&catalog, &NoLog, env!("CARGO_BIN_EXE_sundae").into());
    let wanted = Wanted {
        kind: ComponentKind::ArtifactStore,
        component: "shared",
        plugin: PLUGIN,
        flavor: "local",
        config: &config,
    };
    let store = loader.artifact_store(&wanted, Host::for_tests(sandbox.outside("host"))).unwrap();
    let errand = json!({
        "id": "1", "name": "shared", "plugin": PLUGIN, "flavor": "local", "config": config,
    });
    (store, errand)
}

fn laid_down(sandbox: &Sandbox, store: &dyn ArtifactStore, command: &str) {
    let text = format!(
        "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = '''{command}'''\noutputs = [\"x\"]\n"
    );
    let work = sandbox.work();
    let pipeline = Pipeline::parse(&text, Format::Toml, "p.toml", &work, &[]).unwrap();
    let spec = AttemptSpec {
        id: ATTEMPT.to_owned(),
        run_id: "0f0e".to_owned(),
        run_name: "p-1".to_owned(),
        pipeline: "p".to_owned(),
        attempt: 1,
        step: pipeline.steps[0].clone(),
        inputs: BTreeMap::new(),
        cache_key: None,
        code: Vec::new(),
        patience: Default::default(),
        project: None,
    };
    portable::write_spec(store, &spec).unwrap();
}

fn worker(sandbox: &Sandbox, errand: &Value) -> Command {
    let mut command = sandbox.command(&["worker", ATTEMPT]);
    command.env("SUNDAE_WORKER", errand.to_string());
    command
}

fn nothing_is_left(sandbox: &Sandbox) {
    assert!(!sandbox.home().exists(), "a worker needs no home");
    let left: Vec<_> = std::fs::read_dir(sandbox.outside("shared/.staging")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_attempt_is_made_with_nothing_but_the_store() {
    let sandbox = Sandbox::new();
    let (store, errand) = store(&sandbox);
    laid_down(&sandbox, &*store, "env > {out.x}; echo done");
    said(worker(&sandbox, &errand).output().unwrap()).ended(0);
    let report = portable::read_report(&*store, ATTEMPT).unwrap().unwrap();
    assert_eq!(report.failure, None);
    let digest = &report.outcome.outputs["x"].digest;
    let path = sandbox.outside("shared/objects").join(&digest[..1]).join(&digest[1..]);
    let environment = std::fs::read_to_string(path).unwrap();
    assert!(environment.contains("SUNDAE_STEP=s"));
    assert!(!environment.contains("SUNDAE_WORKER"), "a step does not see the store's secrets");
    nothing_is_left(&sandbox);
}

#[test]
fn how_a_step_failed_is_in_the_report_and_the_exit_code() {
    let sandbox = Sandbox::new();
    let (store, errand) = store(&sandbox);
    laid_down(&sandbox, &*store, "exit 7");
    said(worker(&sandbox, &errand).output().unwrap()).ended(7);
    let report = portable::read_report(&*store, ATTEMPT).unwrap().unwrap();
    assert_eq!(report.exit_code, Some(7));
    portable::forget(&*store, ATTEMPT).unwrap();
    let said = said(worker(&sandbox, &errand).output().unwrap()).ended(1);
    said.telling("the artifact store has no attempt `0f0e-0-1`");
    nothing_is_left(&sandbox);
}

#[test]
fn a_worker_that_is_stopped_says_so() {
    let sandbox = Sandbox::new();
    let (store, errand) = store(&sandbox);
    let mark = sandbox.outside("mark");
    laid_down(&sandbox, &*store, &format!("touch {}; exec sleep 1000", mark.display()));
    let child = worker(&sandbox, &errand).stderr(Stdio::piped()).spawn().unwrap();
    until("the step runs", || Path::exists(&mark).then_some(()));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    said(child.wait_with_output().unwrap()).ended(1);
    let report = portable::read_report(&*store, ATTEMPT).unwrap().unwrap();
    assert_eq!(report.failure, Some(Failure::Cancelled));
    nothing_is_left(&sandbox);
}

#[test]
fn a_person_who_finds_the_command_is_told_what_it_is() {
    let sandbox = Sandbox::new();
    sandbox
        .sundae(&["worker", "x"])
        .ended(2)
        .telling("SUNDAE_WORKER is not set")
        .telling("`sundae run`");
}
