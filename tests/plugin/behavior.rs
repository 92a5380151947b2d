//! The plugins that come with Sundae do what their authors' tests say, also as the libraries that they are.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use sundae::plugin::services::Services;
use sundae::plugin::{Catalog, Loader, Origin, Place, Wanted};
use sundae_plugin_api::{ComponentKind, Host};
use sundae_plugin_testkit::{Case, artifact_store, orchestrator};

use super::world::{BINARY, Memory};
use crate::support::plugins::first_party;

fn host(folder: &Path) -> Host {
    let services = Services {
        component: "tested".to_owned(),
        data_folder: folder.join("data"),
        scratch_folder: folder.join("scratch"),
        log: Arc::new(|_, _, _| ()),
        cancelled: Arc::new(AtomicBool::new(false)),
        secrets: std::collections::BTreeMap::new(),
    };
    services.lend()
}

/// Does something with a loader for the plugins that come with Sundae.
fn with_loader<T>(
    kind: ComponentKind,
    plugin: &str,
    config: &Value,
    action: impl FnOnce(&Loader<'_>, &Wanted<'_>) -> T,
) -> T {
    let log = Memory::default();
    let place = Place { folder: first_party(), origin: Origin::Option };
    let catalog = Catalog::read(&[place], &log);
    let loader = Loader::new(&catalog, &log, BINARY.into());
    let config = config.as_object().unwrap();
    action(&loader, &Wanted { kind, component: "tested", plugin, flavor: "local", config })
}

/// The names of the cases that fail.
fn failing<S>(cases: &[Case<S>], subject: impl Fn(&Path) -> S) -> Vec<&'static str> {
    let fails = |case: &&Case<S>| {
        let folder = tempfile::tempdir().unwrap();
        catch_unwind(AssertUnwindSafe(|| case.run(&subject(folder.path())))).is_err()
    };
    cases.iter().filter(fails).map(|case| case.name).collect()
}

#[test]
fn the_local_artifact_store_is_an_artifact_store() {
    let subject = |folder: &Path| {
        let (files, root) = (folder.join("files"), folder.to_owned());
        fs::create_dir(&files).unwrap();
        let config = json!({ "path": folder.join("objects") });
        artifact_store::Subject::new(files, move || {
            let (kind, plugin) = (ComponentKind::ArtifactStore, "local-artifact-store");
            let opened = with_loader(kind, plugin, &config, |loader, wanted| {
                loader.artifact_store(wanted, host(&root))
            });
            Ok(opened.unwrap())
        })
    };
    assert_eq!(failing(artifact_store::CASES, subject), [""; 0]);
}

#[test]
fn the_local_orchestrator_is_an_orchestrator() {
    let subject = |folder: &Path| {
        let root = folder.to_owned();
        orchestrator::Subject::new(move || {
            let (kind, plugin) = (ComponentKind::Orchestrator, "local-orchestrator");
            let config = json!({ "parallelism": 2 });
            let opened = with_loader(kind, plugin, &config, |loader, wanted| {
                loader.orchestrator(wanted, host(&root))
            });
            Ok(opened.unwrap())
        })
    };
    assert_eq!(failing(orchestrator::CASES, subject), [""; 0]);
}
