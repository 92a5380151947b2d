//! Which stack a run uses, and what it says when that cannot be used.

use std::fs;

use serde_json::{Map, Value, json};
use sundae::metadata::NewComponent;
use sundae_plugin_api::ComponentKind;

use super::sandbox::{LIBRARIES, Sandbox, until};

const PIPELINE: &str =
    "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"echo 1 > {out.x}\"\noutputs = [\"x\"]\n";

/// One with a second stack, `other`, whose artifact store is the folder that is returned.
fn sandbox() -> (Sandbox, std::path::PathBuf) {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    let folder = sandbox.work().join("artifacts");
    let config: Map<String, Value> = Map::from_iter([("path".to_owned(), json!(folder))]);
    let database = sandbox.database();
    let store = NewComponent {
        kind: ComponentKind::ArtifactStore,
        name: "my_artifact_store",
        flavor: "local",
        plugin: "local-artifact-store",
        config: &config,
    };
    let store = database.register_component(&store).unwrap();
    let orchestrator = database.components(Some(ComponentKind::Orchestrator)).unwrap().remove(0);
    database.register_stack("other", &[orchestrator, store]).unwrap();
    (sandbox, folder)
}

#[test]
fn the_stack_of_a_run_is_named_or_the_projects_or_the_global_one() {
    let (sandbox, folder) = sandbox();
    let stack_of = |words: &[&str]| sandbox.run(&[&["p.toml"], words].concat())["stack"].clone();
    assert_eq!(stack_of(&[]), "default");
    assert!(!folder.exists());
    assert_eq!(stack_of(&["--stack", "other"]), "other");
    assert!(folder.join("objects").is_dir(), "the artifacts are in the store of the stack");
    sandbox.write("sundae.toml", "name = \"x\"\nstack = \"other\"\n");
    assert_eq!(stack_of(&[]), "other");
    assert_eq!(stack_of(&["--stack", "default"]), "default");
    let said = sandbox.sundae(&["run", "p.toml"]).ended(0);
    said.telling("Running pipeline `p` as `p-5` on stack `other` (orchestrator `default`, artifact store `my_artifact_store`)");
    let run = sandbox.sundae(&["runs", "describe", "p-5", "--output", "json"]).ended(0).json();
    assert_eq!(run["project"], sandbox.work().canonicalize().unwrap().display().to_string());
    sandbox.write("sundae.toml", "stack = \"gone\"\n");
    sandbox.sundae(&["run", "p.toml"]).ended(1).telling("there is no stack `gone`, which ");
}

#[test]
fn a_store_whose_library_is_missing_is_named_before_anything_is_recorded() {
    let (sandbox, _) = sandbox();
    sandbox.run(&["p.toml"]);
    fs::remove_file(sandbox.plugins().join(LIBRARIES[0])).unwrap();
    sandbox
        .sundae(&["run", "p.toml"])
        .ended(4)
        .telling("artifact-store `default` needs the flavor artifact-store/local of the plugin `local-artifact-store`")
        .telling("hint: put the library of the plugin `local-artifact-store` into a plugin folder");
    let runs = sandbox.sundae(&["runs", "list", "--output", "json"]).ended(0).json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
    sandbox.sundae(&["artifact", "get", "s.x"]).ended(4).telling("which is not installed");
    let told = sandbox.sundae(&["artifact", "describe", "s.x", "--output", "json"]).ended(0).json();
    assert_eq!(told["state"], "unknown");
    sandbox.sundae(&["runs", "describe"]).ended(0);
}

#[test]
fn artifacts_are_found_by_the_store_of_their_run_whatever_it_is_called() {
    let (sandbox, _) = sandbox();
    sandbox.run(&["p.toml", "--stack", "other"]);
    let database = sandbox.database();
    let stores = database.components(Some(ComponentKind::ArtifactStore)).unwrap();
    let store = stores.iter().find(|store| store.name == "my_artifact_store").unwrap();
    database.rename_component(store, "renamed").unwrap();
    assert_eq!(sandbox.sundae(&["artifact", "get", "s.x"]).ended(0).out, "1\n");
    let stacks = database.stacks().unwrap();
    database.delete_stack(stacks.iter().find(|stack| stack.name == "other").unwrap()).unwrap();
    database.delete_component(store).unwrap();
    sandbox
        .sundae(&["artifact", "get", "s.x"])
        .ended(1)
        .telling("run `p-1` kept its artifacts in artifact-store `my_artifact_store`, which is not registered any more");
}

#[test]
fn the_orchestrators_parallelism_is_kept() {
    let sandbox = Sandbox::new();
    let database = sandbox.database();
    let orchestrator = database.components(Some(ComponentKind::Orchestrator)).unwrap().remove(0);
    let config = Map::from_iter([("parallelism".to_owned(), json!(3))]);
    database.set_component_config(&orchestrator, &config).unwrap();
    // Each step leaves when three are there: two would wait for ever, and a fourth would be counted.
    let step = |number: usize| {
        format!(
            "[[steps]]\nname = \"s{number}\"\nrun = \"touch here-{number}; n=0; until [ $(ls here-* | wc -l) -ge 3 ] || [ -e three ]; do sleep 0.01; done; touch three\"\n"
        )
    };
    let steps: String = (0..3).map(step).collect();
    sandbox.write("p.toml", &format!("name = \"p\"\n{steps}"));
    let run = sandbox.start(&["run", "p.toml"]);
    until("three steps are there at once", || sandbox.work().join("three").exists().then_some(()));
    run.wait().ended(0);
}
