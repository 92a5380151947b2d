//! What is found where, and who wins. The libraries are copies of a real one, their identities patched in place.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::{Catalog, State, UnreadableFolder};
use crate::plugin::probe::{Fingerprint, NoLog, Probe, ProbeLog, Verdict};
use crate::plugin::{Origin, Place};

static LIBRARY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    fs::read(folder.join("libsundae_local_artifact_store.so")).unwrap()
});

/// A copy of the library that says another name and version of itself, both of the same length as before.
fn library(path: &Path, name: &str, version: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut bytes = LIBRARY.clone();
    for (old, new) in [
        (r#"{"name":"local-artifact-store""#, format!(r#"{{"name":"{name:-<20}""#)),
        (r#""version":"0.1.0""#, format!(r#""version":"{version}""#)),
    ] {
        assert_eq!(old.len(), new.len());
        let at = bytes.windows(old.len()).position(|window| window == old.as_bytes()).unwrap();
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    fs::write(path, bytes).unwrap();
}

fn place(folder: &Path, origin: Origin) -> Place {
    Place { folder: folder.to_owned(), origin }
}

/// Plugin, version and state of every flavor, in the order of the catalog.
fn flavors(catalog: &Catalog) -> Vec<String> {
    let row = |flavor: &super::Flavor<'_>| {
        let name = flavor.plugin.name.trim_end_matches('-');
        format!("{name} {} {}", flavor.plugin.version, flavor.state.word())
    };
    catalog.flavors().iter().map(row).collect()
}

fn paths<'a>(catalog: &'a Catalog, root: &Path) -> Vec<&'a Path> {
    catalog.libraries.iter().map(|library| library.path.strip_prefix(root).unwrap()).collect()
}

#[test]
fn the_first_place_wins_and_within_it_the_higher_version() {
    let root = tempfile::tempdir().unwrap();
    let (first, second) = (root.path().join("first"), root.path().join("second"));
    library(&first.join("a.so"), "acme", "0.9.0");
    library(&first.join("b.so"), "acme", "0.10.");
    library(&second.join("a.so"), "acme", "2.0.0");
    library(&first.join("c.so"), "acme", "0.9.1");
    let places = [place(&first, Origin::User), place(&second, Origin::System)];
    let catalog = Catalog::read(&places, &NoLog);
    // `0.10.` is no version, and so that library is broken.
    let broken: Vec<_> =
        catalog.broken().map(|(library, why)| (&library.path, why.to_string())).collect();
    assert_eq!(
        broken,
        [(&first.join("b.so"), "its identity cannot be read: `0.10.` is not a version".to_owned())]
    );
    assert_eq!(
        flavors(&catalog),
        ["acme 0.9.1 available", "acme 0.9.0 shadowed", "acme 2.0.0 shadowed"]
    );
    let shadowed = &catalog.flavors()[2].state;
    assert_eq!(*shadowed, State::Shadowed { by: first.join("c.so") });
    assert_eq!(shadowed.reason().unwrap(), format!("{} comes first", first.join("c.so").display()));
    let chosen = catalog.flavor("artifact-store", "local").unwrap();
    assert_eq!(chosen.library.path, first.join("c.so"));
    assert!(catalog.flavor("artifact-store", "elsewhere").is_none());
}

#[test]
fn versions_are_ordered_by_semver() {
    let root = tempfile::tempdir().unwrap();
    // All of the length of `0.1.0`, which the patch needs.
    for version in ["1.9.0", "1.0.0", "0.9.9", "9.0.0", "1.0.1"] {
        library(&root.path().join(format!("{version}.so")), "acme", version);
    }
    let catalog = Catalog::read(&[place(root.path(), Origin::User)], &NoLog);
    let versions: Vec<_> =
        catalog.flavors().iter().map(|flavor| flavor.plugin.version.clone()).collect();
    assert_eq!(versions, ["9.0.0", "1.9.0", "1.0.1", "1.0.0", "0.9.9"]);
    let parse = |text| semver::Version::parse(text).unwrap();
    assert!(parse("1.10.0") > parse("1.9.0") && parse("1.0.0-rc.2") < parse("1.0.0-rc.10"));
    assert!(parse("1.0.0-rc.10") < parse("1.0.0"));
}

#[test]
fn a_component_means_its_plugin_whoever_comes_first() {
    let root = tempfile::tempdir().unwrap();
    library(&root.path().join("a.so"), "acme", "1.0.0");
    library(&root.path().join("b.so"), "beta", "9.0.0");
    let catalog = Catalog::read(&[place(root.path(), Origin::User)], &NoLog);
    let beta = format!("{:-<20}", "beta");
    assert_eq!(flavors(&catalog), ["acme 1.0.0 available", "beta 9.0.0 shadowed"]);
    let flavor = catalog.flavor_of(&beta, "artifact-store", "local").unwrap();
    assert_eq!((flavor.plugin.version.as_str(), flavor.state), ("9.0.0", State::Available));
    assert!(catalog.flavor_of("gamma", "artifact-store", "local").is_none());
}

#[test]
fn one_file_is_one_library_by_whatever_name_it_is_found() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("plugins");
    library(&folder.join("a.so"), "acme", "1.0.0");
    fs::hard_link(folder.join("a.so"), folder.join("b.so")).unwrap();
    symlink(folder.join("a.so"), folder.join("c.so")).unwrap();
    symlink(&folder, root.path().join("link")).unwrap();
    symlink(folder.join("gone"), folder.join("dangling.so")).unwrap();
    let places = [
        place(&folder, Origin::Option),
        place(&folder, Origin::Environment),
        place(&root.path().join("link"), Origin::User),
        place(&folder.join("."), Origin::System),
    ];
    let catalog = Catalog::read(&places, &NoLog);
    assert_eq!(flavors(&catalog), ["acme 1.0.0 available"]);
    let dangling: Vec<_> = catalog.broken().map(|(library, _)| library.path.clone()).collect();
    // A link that leads nowhere is no file, so it is told once for each way to it.
    assert!(dangling.contains(&folder.join("dangling.so")));
    // A library may be named itself, too.
    let places = [place(&folder.join("a.so"), Origin::Option)];
    assert_eq!(flavors(&Catalog::read(&places, &NoLog)), ["acme 1.0.0 available"]);
}

#[test]
fn only_libraries_are_looked_at_and_not_everywhere() {
    let root = tempfile::tempdir().unwrap();
    for found in ["a.so", "x/b.dylib", "x/y/c.dll"] {
        library(&root.path().join(found), "acme", "1.0.0");
    }
    for passed_over in [
        "notes.txt",
        "so",
        "a.so.bak",
        ".hidden/a.so",
        "target/a.so",
        "x/template/a.so",
        "x/y/z/a.so",
    ] {
        library(&root.path().join(passed_over), "acme", "1.0.0");
    }
    let catalog = Catalog::read(&[place(root.path(), Origin::User)], &NoLog);
    let expected = ["a.so", "x/b.dylib", "x/y/c.dll"].map(Path::new);
    assert_eq!(paths(&catalog, root.path()), expected);
}

#[test]
fn a_folder_that_cannot_be_read_is_told_if_somebody_may_miss_it() {
    let root = tempfile::tempdir().unwrap();
    let (missing, circle) = (root.path().join("missing"), root.path().join("circle"));
    symlink(&circle, &circle).unwrap();
    let places = [
        place(&missing, Origin::User),
        place(&missing.join("2"), Origin::Option),
        place(&missing.join("3"), Origin::Environment),
        place(&circle, Origin::User),
    ];
    let catalog = Catalog::read(&places, &NoLog);
    let told = |path: &PathBuf, origin, reason: &str| UnreadableFolder {
        path: path.clone(),
        origin,
        reason: reason.to_owned(),
    };
    assert_eq!(
        catalog.unreadable,
        [
            told(&missing.join("2"), Origin::Option, "does not exist"),
            told(&missing.join("3"), Origin::Environment, "does not exist"),
            told(
                &circle,
                Origin::User,
                "cannot be read: Too many levels of symbolic links (os error 40)"
            ),
        ]
    );
}

/// A log with one library in quarantine.
struct Quarantine(Probe);

impl ProbeLog for Quarantine {
    fn quarantined(&self) -> Vec<Probe> {
        vec![self.0.clone()]
    }
    fn verdict(&self, _: &str) -> Option<Verdict> {
        None
    }
    fn record(&self, _: &Probe) {}
    fn forget(&self, _: &str) {}
}

#[test]
fn quarantine_is_of_a_content_and_shadows_nobody() {
    let root = tempfile::tempdir().unwrap();
    let (bad, good) = (root.path().join("bad.so"), root.path().join("good.so"));
    library(&bad, "acme", "2.0.0");
    library(&good, "acme", "1.0.0");
    let probe = Probe {
        digest: "d".to_owned(),
        path: bad.clone(),
        fingerprint: Fingerprint::of(&fs::metadata(&bad).unwrap()),
        verdict: Verdict::Failed { reason: "it hangs".to_owned() },
    };
    let log = Quarantine(probe);
    let places = [place(root.path(), Origin::User)];
    let catalog = Catalog::read(&places, &log);
    assert_eq!(flavors(&catalog), ["acme 2.0.0 quarantined", "acme 1.0.0 available"]);
    assert_eq!(catalog.flavors()[0].state.reason().unwrap(), "it hangs");
    assert_eq!(catalog.flavor("artifact-store", "local").unwrap().library.path, good);
    // Another content at the same path has done nothing yet.
    let mut bytes = fs::read(&bad).unwrap();
    bytes.push(0);
    fs::write(&bad, bytes).unwrap();
    assert_eq!(flavors(&Catalog::read(&places, &log))[0], "acme 2.0.0 available");
}
