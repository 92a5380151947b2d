//! What it costs to know a thousand plugins, and to load one.
//!
//! `cargo bench -p sundae --bench plugin`. The promises: a thousand identities in 20 ms, the files in the page cache; and the
//! first use of a plugin, its probe aside, within 1 ms more than `dlopen` takes.

#![allow(clippy::unwrap_used, reason = "in a benchmark a panic is a finding")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use divan::Bencher;
use serde_json::{Map, Value};
use sundae::plugin::loader::load_only;
use sundae::plugin::probe::NoLog;
use sundae::plugin::services::Services;
use sundae::plugin::{Catalog, Loader, Origin, Place, Probe, ProbeLog, Verdict, Wanted};
use sundae_plugin_api::{ArtifactStore, ComponentKind};
use tempfile::TempDir;

fn main() {
    divan::main();
}

/// The library of the local artifact store, as cargo has built it for this profile.
fn library() -> PathBuf {
    let bench = std::env::current_exe().unwrap();
    bench.parent().unwrap().join("libsundae_local_artifact_store.so")
}

/// Identities and states of libraries that are installed.
#[divan::bench(args = [10, 100, 1000])]
fn catalog(bencher: Bencher<'_, '_>, count: usize) {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        sparse_copy(&library(), &folder.path().join(format!("plugin-{number}.so")));
    }
    let places = [Place { folder: folder.path().to_owned(), origin: Origin::Option }];
    bencher.bench_local(|| {
        let catalog = Catalog::read(&places, &NoLog);
        assert_eq!(catalog.flavors().len(), count);
        catalog
    });
}

/// A copy that takes little room: only what is read of it is there, and the rest is a hole.
fn sparse_copy(library: &Path, copy: &Path) {
    let bytes = fs::read(library).unwrap();
    let number = |at: usize| {
        usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap()
    };
    let headers = (0..usize::from(bytes[56])).map(|index| number(32) + index * 56);
    let dynamic = headers.into_iter().find(|header| bytes[*header] == 2).unwrap();
    let (offset, size) = (number(dynamic + 8), number(dynamic + 32));
    let file = File::create(copy).unwrap();
    file.write_all_at(&bytes[..16 << 10], 0).unwrap();
    file.write_all_at(&bytes[offset..offset + size], offset as u64).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
}

/// Every library has passed its probe.
struct Passed;

impl ProbeLog for Passed {
    fn quarantined(&self) -> Vec<Probe> {
        Vec::new()
    }
    fn verdict(&self, _: &str) -> Option<Verdict> {
        Some(Verdict::Passed)
    }
    fn record(&self, _: &Probe) {}
    fn forget(&self, _: &str) {}
}

/// A copy of the library with content of its own, so that it is not loaded yet.
fn new_library() -> (TempDir, PathBuf) {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("plugin.so");
    fs::copy(library(), &copy).unwrap();
    let mut file = File::options().append(true).open(&copy).unwrap();
    file.write_all(&COUNTER.fetch_add(1, Ordering::Relaxed).to_le_bytes()).unwrap();
    (folder, copy)
}

/// The floor: what the dynamic linker takes.
#[divan::bench(sample_size = 1, sample_count = 50)]
fn load_bare(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(new_library).bench_local_refs(|(_, path)| load_only(path).unwrap());
}

/// From a folder to an answer of the component: read, hash, load, check the layout, open, ask.
#[divan::bench(sample_size = 1, sample_count = 50)]
fn load_and_use(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(new_library).bench_local_refs(|(folder, _)| {
        let place = Place { folder: folder.path().to_owned(), origin: Origin::Option };
        let catalog = Catalog::read(&[place], &Passed);
        let store = store(&catalog, folder.path());
        assert!(store.list("", None, 1).unwrap().is_empty());
    });
}

fn store(catalog: &Catalog, folder: &Path) -> Box<dyn ArtifactStore> {
    let config: Map<String, Value> =
        Map::from_iter([("path".to_owned(), folder.join("objects").to_str().into())]);
    let wanted = Wanted {
        kind: ComponentKind::ArtifactStore,
        component: "c",
        plugin: "local-artifact-store",
        flavor: "local",
        config: &config,
    };
    let services = Services {
        component: "c".to_owned(),
        data_folder: folder.join("data"),
        scratch_folder: folder.join("scratch"),
        log: Arc::new(|_, _, _| ()),
        cancelled: Arc::new(AtomicBool::new(false)),
        secrets: std::collections::BTreeMap::new(),
    };
    let loader = Loader::new(catalog, &Passed, PathBuf::from("no binary is needed"));
    loader.artifact_store(&wanted, services.lend()).unwrap()
}
