//! Once a plugin is loaded: whatever it does comes back as an error of the call, and the host goes on.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sundae_plugin_api::artifact_store::{ArtifactStore, Existing, Source};
use sundae_plugin_api::orchestrator::{Handle, Job, JobDescription, Orchestrator, Work};
use sundae_plugin_api::{ComponentKind, Error, ErrorKind, Key};

use super::world::{World, wanted};

struct Nothing;

impl Work for Nothing {
    fn run(&self) -> Result<i32, Error> {
        Ok(0)
    }
    fn cancel(&self) {}
}

fn key() -> Key {
    Key::new("a/b").unwrap()
}

fn job() -> Job {
    Job { description: JobDescription::new("1", "name"), work: Box::new(Nothing) }
}

#[track_caller]
fn assert_panicked(error: &Error, method: &str) {
    assert_eq!(error.kind(), ErrorKind::Panicked, "{method}: {error}");
    let start = "panicked at tests/hostile-plugin/src/lib.rs:";
    assert!(error.message().starts_with(start), "{method}: {error}");
    assert!(
        error.message().ends_with(&format!(": told to panic in {method}")),
        "{method}: {error}"
    );
}

#[test]
fn a_panic_in_any_method_of_a_store_is_an_error_of_that_call() {
    type Call = fn(&dyn ArtifactStore) -> Result<(), Error>;
    let calls: [(&str, Call); 8] = [
        ("check", |store| store.check()),
        ("put", |store| store.put(&key(), Path::new("x"), Source::Keep)),
        ("get", |store| store.get(&key(), Path::new("x"))),
        ("write", |store| store.write(&key(), b"", Existing::Replace)),
        ("read", |store| store.read(&key(), None).map(drop)),
        ("stat", |store| store.stat(&key()).map(drop)),
        ("list", |store| store.list("", None, 1).map(drop)),
        ("delete", |store| store.delete(&key())),
    ];
    for (method, call) in calls {
        let world = World::new();
        world.add_hostile(&format!("panic-in-{method}"));
        let store = world.store().unwrap();
        assert_panicked(&call(&*store).unwrap_err(), method);
        // Also on a thread that has panicked there before, and on others.
        assert_panicked(&call(&*store).unwrap_err(), method);
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| call(&*store).unwrap_err());
            assert_panicked(&thread.join().unwrap(), method);
        });
    }
}

#[test]
fn a_panic_in_any_method_of_an_orchestrator_is_an_error_of_that_call() {
    type Call = fn(&dyn Orchestrator) -> Result<(), Error>;
    let calls: [(&str, Call); 6] = [
        ("check", |orchestrator| orchestrator.check()),
        ("submit", |orchestrator| orchestrator.submit(job()).map(drop)),
        ("wait", |orchestrator| orchestrator.wait(Duration::ZERO).map(drop)),
        ("cancel", |orchestrator| orchestrator.cancel(&Handle("1".to_owned()))),
        ("logs", |orchestrator| orchestrator.logs(&Handle("1".to_owned()), 0).map(drop)),
        ("reattach", |orchestrator| orchestrator.reattach(&Handle("1".to_owned())).map(drop)),
    ];
    for (method, call) in calls {
        let world = World::new();
        world.add_hostile(&format!("panic-in-{method}"));
        let orchestrator = world.orchestrator().unwrap();
        assert_panicked(&call(&*orchestrator).unwrap_err(), method);
    }
}

#[test]
fn a_panic_while_it_is_opened_refuses_the_component() {
    for method in ["open", "capabilities"] {
        let world = World::new();
        world.add_hostile(&format!("panic-in-{method}"));
        let message = world.refusal().to_string();
        let start =
            "artifact-store `c` cannot be opened: panicked at tests/hostile-plugin/src/lib.rs:";
        assert!(message.starts_with(start), "{message}");
        assert!(message.ends_with(&format!(": told to panic in {method}")), "{message}");
    }
}

#[test]
fn a_panic_in_drop_goes_unheard() {
    let world = World::new();
    world.add_hostile("panic-in-drop");
    drop(world.store().unwrap());
    drop(world.orchestrator().unwrap());
}

#[test]
fn a_configuration_is_judged_by_the_schema_and_then_by_the_flavor() {
    let world = World::new();
    world.add_hostile("nothing");
    for (config, sentence) in [
        (json!({ "taste": 7 }), "field `taste` takes a text, not `7`"),
        (json!({ "color": "red" }), "there is no field `color`"),
        (json!({ "taste": "odd" }), "this one is odd"),
    ] {
        let config = config.as_object().unwrap().clone();
        let wanted = wanted(ComponentKind::ArtifactStore, &config);
        let error = world.with_loader(|loader| loader.check(&wanted, world.host())).unwrap_err();
        assert_eq!(error.to_string(), format!("artifact-store `c` cannot be opened: {sentence}"));
    }
}

#[test]
fn a_component_that_cannot_work_now_is_told_apart_from_a_wrong_one() {
    let world = World::new();
    world.add_hostile("panic-in-check");
    let config = serde_json::Map::new();
    let wanted = wanted(ComponentKind::Orchestrator, &config);
    let error = world.with_loader(|loader| loader.check(&wanted, world.host())).unwrap_err();
    let start = "orchestrator `c` cannot work now: panicked at tests/hostile-plugin/src/lib.rs:";
    assert!(error.to_string().starts_with(start), "{error}");
}
