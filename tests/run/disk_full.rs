//! No space left on the disk: on that of the store, and on that of the database.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, json};
use sundae::metadata::NewComponent;
use sundae_plugin_api::ComponentKind;

use super::disk::Disk;
use super::sandbox::{Said, Sandbox, statuses, until};

/// Three steps, of which the second waits until there is a file named `go`.
fn pipeline(go: &Path) -> String {
    format!(
        r#"
name = "p"
[[steps]]
name = "first"
run = "echo 1 > {{out.x}}"
outputs = ["x"]
[[steps]]
name = "second"
run = "until test -e {go}; do sleep 0.01; done; head -c 200000 /dev/zero > {{out.y}}"
inputs = {{ x = "first.x" }}
outputs = ["y"]
[[steps]]
name = "third"
run = "wc -c < {{in.y}} > {{out.size}}"
inputs = {{ y = "second.y" }}
outputs = ["size"]
"#,
        go = go.display()
    )
}

/// Starts a run, fills the disk while its second step waits, and lets it go on.
fn run_into(sandbox: &Sandbox, disk: &Disk) -> (Said, PathBuf) {
    let go = sandbox.outside("go");
    sandbox.write("p.toml", &pipeline(&go));
    let run = sandbox.start(&["run", "p.toml"]);
    until("it is recorded that the first step is done and the second runs", || {
        let said = sandbox.sundae(&["runs", "describe", "--output", "json"]);
        let run = (said.code == Some(0)).then(|| said.json())?;
        let is_so = statuses(&run).starts_with(&[("first", "completed"), ("second", "running")]);
        is_so.then_some(())
    });
    let filler = disk.fill();
    fs::write(&go, "").unwrap();
    (run.wait(), filler)
}

fn works_again(sandbox: &Sandbox, filler: &Path) {
    fs::remove_file(filler).unwrap();
    let run = sandbox.run(&["p.toml"]);
    assert_eq!(statuses(&run)[0], ("first", "cached"));
    assert_eq!(statuses(&run)[2], ("third", "completed"));
    assert_eq!(sandbox.sundae(&["artifact", "get", "third.size"]).ended(0).out, "200000\n");
}

#[test]
fn the_disk_of_the_artifact_store_is_full() {
    let Some(disk) = Disk::new(3) else { return };
    let sandbox = Sandbox::new();
    let database = sandbox.database();
    let default = database.components(Some(ComponentKind::ArtifactStore)).unwrap().remove(0);
    let config = Map::from_iter([("path".to_owned(), json!(disk.path().join("store")))]);
    database.set_component_config(&default, &config).unwrap();
    drop(database);
    let (said, filler) = run_into(&sandbox, &disk);
    said.ended(3).telling("second: failed").telling("third: skipped");
    let run = sandbox.sundae(&["runs", "describe", "--output", "json"]).ended(0).json();
    assert_eq!(
        statuses(&run),
        [("first", "completed"), ("second", "failed"), ("third", "skipped")]
    );
    works_again(&sandbox, &filler);
}

#[test]
fn the_disk_of_the_database_is_full() {
    let Some(disk) = Disk::new(3) else { return };
    let sandbox = Sandbox::at_home(&disk.path().join("home"));
    let database = sandbox.database();
    let store = sandbox.work().join("store");
    let config = Map::from_iter([("path".to_owned(), json!(store))]);
    let new = NewComponent {
        kind: ComponentKind::ArtifactStore,
        name: "elsewhere",
        flavor: "local",
        plugin: "local-artifact-store",
        config: &config,
    };
    let component = database.register_component(&new).unwrap();
    let orchestrator = database.components(Some(ComponentKind::Orchestrator)).unwrap().remove(0);
    database.register_stack("elsewhere", &[orchestrator, component]).unwrap();
    sandbox.write("sundae.toml", "stack = \"elsewhere\"\n");
    drop(database);
    let (said, filler) = run_into(&sandbox, &disk);
    said.ended(1)
        .telling("the run was stopped, because it could not be recorded")
        .telling("the disk is full")
        .telling("hint: free some space and try again");
    works_again(&sandbox, &filler);
    let first = sandbox.sundae(&["runs", "describe", "p-1", "--output", "json"]).ended(0).json();
    assert_eq!(first["status"], "interrupted");
    assert_eq!(statuses(&first)[0], ("first", "completed"));
}
