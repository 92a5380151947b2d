//! Rules that a machine can check: who may know whom, where `unsafe` may stand, what every file starts with.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// The modules of the host, and which of the others each may name. The picture is in ARCHITECTURE.md.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("lock", &[]),
    ("nearest", &[]),
    ("artifact", &["lock"]),
    ("drawing", &[]),
    ("pipeline", &["nearest"]),
    ("project", &["nearest"]),
    ("secret", &[]),
    ("shipping", &["artifact"]),
    ("stack", &["nearest"]),
    ("plugin", &[]),
    ("keeping", &["artifact"]),
    ("worker", &["artifact", "pipeline", "secret", "shipping"]),
    ("engine", &["artifact", "nearest", "pipeline", "shipping", "worker"]),
    ("metadata", &["artifact", "engine", "lock", "plugin", "stack"]),
    ("view", &["artifact", "engine", "keeping", "metadata", "nearest", "plugin", "stack"]),
    (
        "cli",
        &[
            "artifact", "drawing", "engine", "keeping", "metadata", "nearest", "pipeline",
            "plugin", "project", "secret", "shipping", "stack", "view", "worker",
        ],
    ),
];

/// The only files with `unsafe` code.
const UNSAFE: &[&str] =
    &["plugin-api/src/abi/", "plugin-api/src/export.rs", "host/src/plugin/load.rs"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The Rust files below a folder of the repository, with their paths relative to its root.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    WalkDir::new(root().join(folder))
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.file_name() != "target")
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            (name, text)
        })
        .collect()
}

fn all_rust_files() -> Vec<(String, String)> {
    ["host", "plugin-api", "flavors", "plugins-dist", "tests"]
        .into_iter()
        .flat_map(rust_files)
        .collect()
}

/// The module of the host that a file belongs to: `host/src/cli/stack/list.rs` gives `cli`.
fn module_of(file: &str) -> Option<&str> {
    let below = file.strip_prefix("host/src/")?;
    let first = below.split('/').next()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (!["lib", "main"].contains(&module)).then_some(module)
}

/// The modules that a line names behind `crate::`.
fn named_in(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}

#[test]
fn modules_know_only_those_that_they_may() {
    let modules: BTreeSet<_> = MAY_KNOW.iter().map(|(module, _)| *module).collect();
    let mut found = Vec::new();
    for (file, text) in rust_files("host/src") {
        let Some(module) = module_of(&file) else { continue };
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(name, _)| *name == module) else {
            found.push(format!(
                "{file}: the module `{module}` is not in the table of tests/tidy.rs"
            ));
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for other in named_in(line).filter(|other| modules.contains(other) && *other != module)
            {
                if !allowed.contains(&other) {
                    found
                        .push(format!("{file}:{}: `{module}` must not know `{other}`", number + 1));
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "{}\na new edge is a decision: change MAY_KNOW and ARCHITECTURE.md in the same commit, and say why",
        found.join("\n")
    );
}

#[test]
fn every_file_says_what_it_answers_for() {
    let silent: Vec<_> = all_rust_files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!") && !text.starts_with("#![doc = include_str!"))
        .map(|(file, _)| file)
        .collect();
    assert!(silent.is_empty(), "these files do not start with a `//!` sentence: {silent:#?}");
}

#[test]
fn unsafe_code_stands_where_it_is_expected() {
    let mut found = Vec::new();
    for (file, text) in all_rust_files() {
        let is_ours = file != "tests/tidy.rs" && !file.starts_with("tests/hostile-plugin/");
        if !is_ours || UNSAFE.iter().any(|place| file.starts_with(place)) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            if words.clone().any(|word| word == "unsafe") && !code.contains("\"unsafe\"") {
                found.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "`unsafe` outside of the files that may have it:\n{}",
        found.join("\n")
    );
}

#[test]
fn flavors_and_the_plugin_api_know_nothing_of_the_host() {
    let manifests = [
        "flavors/local-artifact-store",
        "flavors/local-orchestrator",
        "flavors/object-storage",
        "flavors/slurm",
        "plugin-api",
        "plugin-api/derive",
    ];
    for folder in manifests {
        let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        let dependencies = manifest["dependencies"].as_table().unwrap();
        assert!(!dependencies.contains_key("sundae"), "{folder} depends on the host");
        let only_in_plugin_api = folder == "plugin-api" || !dependencies.contains_key("abi_stable");
        assert!(
            only_in_plugin_api,
            "{folder} depends on abi_stable, which only plugin-api/src/abi may name"
        );
    }
    let leaks: Vec<_> = all_rust_files()
        .into_iter()
        .filter(|(file, _)| !file.starts_with("plugin-api/src/abi/") && file != "tests/tidy.rs")
        .filter(|(_, text)| {
            text.lines()
                .any(|line| line.contains("abi_stable::") && !line.trim_start().starts_with("//"))
        })
        .map(|(file, _)| file)
        .collect();
    assert!(leaks.is_empty(), "these files name types of abi_stable: {leaks:?}");
}

#[test]
fn every_flavor_has_a_readme_and_runs_the_behaviour_suite() {
    for entry in fs::read_dir(root().join("flavors")).unwrap() {
        let folder: PathBuf = entry.unwrap().path();
        for file in ["README.md", "tests/behavior.rs"] {
            assert!(folder.join(file).is_file(), "{} has no {file}", folder.display());
        }
    }
}

#[test]
fn every_kind_with_an_interface_has_its_files() {
    for kind in sundae_plugin_api::ComponentKind::ALL {
        if kind.interfaces().is_empty() {
            continue;
        }
        let file = format!("{}.rs", kind.as_str().replace('-', "_"));
        for folder in ["plugin-api/src", "plugin-api/src/abi", "plugin-api/testkit/src"] {
            let path = root().join(folder);
            let exists =
                path.join(&file).is_file() || path.join(file.trim_end_matches(".rs")).is_dir();
            assert!(exists, "{folder} has no {file}");
        }
    }
}

#[test]
fn every_exit_code_is_documented() {
    let codes = fs::read_to_string(root().join("host/src/cli/exit_code.rs")).unwrap();
    let page = fs::read_to_string(root().join("docs/compatibility.md")).unwrap();
    for line in codes.lines().filter(|line| line.starts_with("pub")) {
        let code = line.rsplit("= ").next().unwrap().trim_end_matches(';');
        assert!(
            page.contains(&format!("| {code} |")),
            "docs/compatibility.md does not list exit code {code}"
        );
    }
}
