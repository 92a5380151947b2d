//! What is loaded is what was checked, and stays.

use std::fs;

use serde_json::Map;
use sundae::plugin::{LoadError, Verdict};
use sundae_plugin_api::artifact_store::Existing;
use sundae_plugin_api::{ComponentKind, Key};

use super::world::{World, hostile, wanted};

#[test]
fn a_library_that_is_replaced_goes_on_as_it_was() {
    let world = World::new();
    world.add_hostile("nothing");
    let old = world.store().unwrap();
    let key = Key::new("a").unwrap();
    old.write(&key, b"1", Existing::Replace).unwrap();
    world.add_hostile("panic-in-read");
    let new = world.store().unwrap();
    assert_eq!(old.read(&key, None).unwrap(), b"1");
    assert!(new.read(&key, None).unwrap_err().message().contains("told to panic in read"));
    fs::remove_file(world.plugins().join("hostile.so")).unwrap();
    assert_eq!(old.read(&key, None).unwrap(), b"1");
    assert_eq!(world.log.verdicts(), [Verdict::Passed, Verdict::Passed]);
}

#[test]
fn a_loader_loads_a_library_once() {
    let world = World::new();
    world.add_hostile("nothing");
    let config = Map::new();
    let store = wanted(ComponentKind::ArtifactStore, &config);
    let orchestrator = wanted(ComponentKind::Orchestrator, &config);
    world.with_loader(|loader| {
        loader.artifact_store(&store, world.host()).unwrap();
        // Gone from its place, it is still there for those who have it.
        fs::remove_file(world.plugins().join("hostile.so")).unwrap();
        loader.artifact_store(&store, world.host()).unwrap();
        loader.orchestrator(&orchestrator, world.host()).unwrap();
    });
}

#[test]
fn many_loaders_of_a_process_keep_one_library_open() {
    let world = World::new();
    world.add_hostile("nothing");
    for _ in 0..20 {
        world.store().unwrap();
    }
    let path = world.plugins().join("hostile.so");
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    let of_it =
        descriptors.filter(|entry| fs::read_link(entry.path()).is_ok_and(|file| file == path));
    assert!(of_it.count() <= 1, "each load would cost a descriptor for ever");
}

#[test]
fn a_library_that_is_damaged_after_it_was_listed_does_no_harm() {
    let world = World::new();
    let path = world.add_hostile("nothing");
    let config = Map::new();
    let wanted = wanted(ComponentKind::ArtifactStore, &config);
    let error = world.with_loader(|loader| {
        // To load it would be the end of the process that does: the pages are not there.
        world.add("hostile.so", &hostile("nothing")[..300_000]);
        loader.check(&wanted, world.host()).unwrap_err().to_string()
    });
    let start =
        format!("the plugin {} cannot be used: it is truncated: its headers need", path.display());
    assert!(error.starts_with(&start), "{error}");
    assert!(error.ends_with("; install the plugin again"), "{error}");
    assert_eq!(world.log.verdicts(), []);
}

#[test]
fn a_component_says_what_it_misses_and_who_else_has_it() {
    let world = World::new();
    world.add_hostile("nothing");
    let config = Map::new();
    let mut wanted = wanted(ComponentKind::ArtifactStore, &config);
    wanted.plugin = "acme";
    let error = world.with_loader(|loader| loader.check(&wanted, world.host())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "artifact-store `c` needs the flavor artifact-store/hostile of the plugin `acme`, which is not installed"
    );
    assert_eq!(
        error.cure().unwrap(),
        "the plugin `hostile-plugin` has a flavor of this name; to use it, delete artifact-store `c` and register it \
         again with --flavor=hostile"
    );
    wanted.flavor = "gone";
    let error = world.with_loader(|loader| loader.check(&wanted, world.host())).unwrap_err();
    assert!(matches!(error, LoadError::Missing { alternative: None, .. }));
}

#[test]
fn a_kind_without_an_interface_accepts_every_component() {
    let world = World::new();
    let config = Map::new();
    let wanted = wanted(ComponentKind::Annotator, &config);
    world.with_loader(|loader| loader.check(&wanted, world.host())).unwrap();
}

#[test]
fn a_binary_that_cannot_probe_is_no_fault_of_the_library() {
    let world = World::new();
    world.add("hostile.so", &hostile("nothing"));
    let catalog = world.catalog();
    let binary = world.plugins().join("no-such-binary");
    let loader = sundae::plugin::Loader::new(&catalog, &world.log, binary);
    let config = Map::new();
    let wanted = wanted(ComponentKind::ArtifactStore, &config);
    let error = loader.check(&wanted, world.host()).unwrap_err().to_string();
    assert!(error.contains("cannot be used: it could not be tried: No such file"), "{error}");
    assert_eq!(world.log.verdicts(), []);
}
