//! A plugin from outside of this repository, built against nothing but plugin-api.

use std::path::PathBuf;

use serde_json::json;
use sundae::plugin::{Catalog, Loader, Origin, Place, State, Wanted};
use sundae_plugin_api::artifact_store::Existing;
use sundae_plugin_api::{ComponentKind, FieldType, Key};

use super::world::{BINARY, Memory, World};
use crate::support::plugins::{first_party, third_party};

fn catalog(log: &Memory) -> Catalog {
    let place = |folder: PathBuf, origin| Place { folder, origin };
    let places = [place(third_party(), Origin::User), place(first_party(), Origin::Distribution)];
    Catalog::read(&places, log)
}

#[test]
fn it_is_listed_beside_ours_and_tells_all_that_its_author_wrote() {
    let log = Memory::default();
    let catalog = catalog(&log);
    let flavors = catalog.flavors();
    let names: Vec<_> = flavors.iter().map(|flavor| flavor.identity.full_name()).collect();
    assert_eq!(
        names[..3],
        ["artifact-store/team-folder", "artifact-store/local", "orchestrator/local"]
    );
    assert!(names.contains(&"orchestrator/slurm".to_owned()), "{names:?}");
    let flavor = &flavors[0];
    assert_eq!((flavor.state.clone(), flavor.library.origin), (State::Available, Origin::User));
    assert_eq!((&*flavor.plugin.name, &*flavor.plugin.version), ("acme-team-folder", "1.0.0"));
    assert_eq!(flavor.identity.summary, "Keeps artifacts in a folder that a team shares");
    let fields = &flavor.schema().fields;
    let told: Vec<_> =
        fields.iter().map(|f| (&*f.name, f.field_type, f.required, f.secret)).collect();
    assert_eq!(
        told,
        [
            ("path", FieldType::Path, true, false),
            ("largest_mib", FieldType::Integer, false, false),
            ("durability", FieldType::Choice, false, false),
            ("token", FieldType::String, false, true),
        ]
    );
    assert_eq!(fields[1].default, Some(json!(4096)));
    assert_eq!(fields[2].choices, ["fast", "safe"]);
}

#[test]
fn it_is_loaded_and_used() {
    let log = Memory::default();
    let catalog = catalog(&log);
    let loader = Loader::new(&catalog, &log, BINARY.into());
    let world = World::new();
    let folder = world.plugins().join("objects");
    let config = json!({ "path": folder });
    let wanted = Wanted {
        kind: ComponentKind::ArtifactStore,
        component: "ours",
        plugin: "acme-team-folder",
        flavor: "team-folder",
        config: config.as_object().unwrap(),
    };
    let error = loader.check(&wanted, world.host()).unwrap_err().to_string();
    let expected =
        format!("artifact-store `ours` cannot work now: cannot read {}", folder.display());
    assert!(error.starts_with(&expected), "{error}");
    std::fs::create_dir(&folder).unwrap();
    loader.check(&wanted, world.host()).unwrap();
    let store = loader.artifact_store(&wanted, world.host()).unwrap();
    let key = Key::new("a/b").unwrap();
    store.write(&key, b"content", Existing::Refuse).unwrap();
    assert_eq!(store.read(&key, None).unwrap(), b"content");
    assert_eq!(std::fs::read(folder.join("a/b")).unwrap(), b"content");
}
