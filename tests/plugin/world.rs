//! A folder of plugins, a log of probes, and the host that looks at them.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::{Map, Value};
use sundae::plugin::services::Services;
use sundae::plugin::{Catalog, LoadError, Loader, Origin, Place, Probe, ProbeLog, Verdict, Wanted};
use sundae_plugin_api::{ArtifactStore, ComponentKind, Host, Orchestrator};
use tempfile::TempDir;

use crate::support::plugins::library;

/// The binary that probes.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_sundae");

/// The name of the hostile plugin, and of its flavors.
pub(crate) const PLUGIN: &str = "hostile-plugin";
pub(crate) const FLAVOR: &str = "hostile";

/// A log of probes in memory, which counts.
#[derive(Default)]
pub(crate) struct Memory {
    probes: RefCell<Vec<Probe>>,
}

impl Memory {
    /// Path and verdict of all probes, in the order in which they were made.
    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        self.probes.borrow().iter().map(|probe| probe.verdict.clone()).collect()
    }
}

impl ProbeLog for Memory {
    fn quarantined(&self) -> Vec<Probe> {
        let probes = self.probes.borrow();
        probes.iter().filter(|probe| probe.verdict != Verdict::Passed).cloned().collect()
    }

    fn verdict(&self, digest: &str) -> Option<Verdict> {
        let probes = self.probes.borrow();
        probes.iter().find(|probe| probe.digest == digest).map(|probe| probe.verdict.clone())
    }

    fn record(&self, probe: &Probe) {
        let mut probes = self.probes.borrow_mut();
        probes.retain(|known| known.digest != probe.digest || known.path != probe.path);
        probes.push(probe.clone());
    }

    fn forget(&self, digest: &str) {
        self.probes.borrow_mut().retain(|probe| probe.digest != digest);
    }
}

/// A plugin folder of a test, and what the host remembers of it.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) log: Memory,
    pub(crate) limit: Duration,
    /// What tries libraries out.
    pub(crate) program: PathBuf,
}

impl World {
    /// A plugin folder with nothing in it.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (limit, program) = (Duration::from_secs(60), PathBuf::from(BINARY));
        Self { folder, log: Memory::default(), limit, program }
    }

    pub(crate) fn plugins(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file there.
    pub(crate) fn add(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        // Aside and in one step, as every installer should: another process may have the old one loaded.
        let aside = path.with_extension("new");
        fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, &path)).unwrap();
        path
    }

    /// Puts the hostile plugin there, with an order.
    pub(crate) fn add_hostile(&self, order: &str) -> PathBuf {
        self.add("hostile.so", &hostile(order))
    }

    pub(crate) fn catalog(&self) -> Catalog {
        let place = Place { folder: self.folder.path().to_owned(), origin: Origin::Option };
        Catalog::read(&[place], &self.log)
    }

    /// Does something with a loader for what is there now.
    pub(crate) fn with_loader<T>(&self, action: impl FnOnce(&Loader<'_>) -> T) -> T {
        let catalog = self.catalog();
        let loader = Loader::new(&catalog, &self.log, self.program.clone());
        action(&loader.with_time_limit(self.limit))
    }

    pub(crate) fn host(&self) -> Host {
        let services = Services {
            component: "tested".to_owned(),
            data_folder: self.folder.path().join("data"),
            scratch_folder: self.folder.path().join("scratch"),
            log: Arc::new(|_, _, _| ()),
            cancelled: Arc::new(AtomicBool::new(false)),
            secrets: std::collections::BTreeMap::new(),
        };
        services.lend()
    }

    /// Opens the hostile artifact store.
    pub(crate) fn store(&self) -> Result<Box<dyn ArtifactStore>, LoadError> {
        let config = Map::new();
        let wanted = wanted(ComponentKind::ArtifactStore, &config);
        self.with_loader(|loader| loader.artifact_store(&wanted, self.host()))
    }

    /// Opens the hostile orchestrator.
    pub(crate) fn orchestrator(&self) -> Result<Box<dyn Orchestrator>, LoadError> {
        let config = Map::new();
        let wanted = wanted(ComponentKind::Orchestrator, &config);
        self.with_loader(|loader| loader.orchestrator(&wanted, self.host()))
    }

    /// Why the hostile artifact store cannot be opened.
    pub(crate) fn refusal(&self) -> LoadError {
        self.store().map(|_| ()).expect_err("it must not be opened")
    }

    /// State and reason of the hostile artifact store, as a listing shows them.
    pub(crate) fn row(&self) -> (&'static str, Option<String>) {
        let catalog = self.catalog();
        let flavors = catalog.flavors();
        let flavor = flavors.iter().find(|flavor| flavor.identity.kind == "artifact-store");
        let flavor = flavor.expect("its identity is read without loading it");
        (flavor.state.word(), flavor.state.reason())
    }
}

/// A component `c` of the hostile flavor of a kind.
pub(crate) fn wanted(kind: ComponentKind, config: &Map<String, Value>) -> Wanted<'_> {
    Wanted { kind, component: "c", plugin: PLUGIN, flavor: FLAVOR, config }
}

/// The hostile plugin, with an order.
pub(crate) fn hostile(order: &str) -> Vec<u8> {
    const SIGN: &str = "SUNDAE-HOSTILE-ORDER:";
    let order = format!("{SIGN}{order:43}");
    assert_eq!(order.len(), 64, "an order has 43 letters at most");
    patched(SIGN.as_bytes(), 0, order.as_bytes())
}

/// The hostile plugin, with the `nth` place where `sign` stands overwritten.
pub(crate) fn patched(sign: &[u8], nth: usize, bytes: &[u8]) -> Vec<u8> {
    let mut library = fs::read(library("sundae-hostile-plugin")).unwrap();
    let position = positions(&library, sign).nth(nth);
    let at = position.unwrap_or_else(|| panic!("{} is not there", String::from_utf8_lossy(sign)));
    library[at..at + bytes.len()].copy_from_slice(bytes);
    library
}

/// Where a text stands in a library.
pub(crate) fn positions<'a>(library: &'a [u8], sign: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    // Going by the first byte is a good deal faster than comparing at every place.
    let starts = library.iter().enumerate().filter(|(_, byte)| **byte == sign[0]);
    starts.map(|(at, _)| at).filter(|at| library[*at..].starts_with(sign))
}
