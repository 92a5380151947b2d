//! From a registered component to one that works: find its library, check, probe, load, open.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sundae_plugin_api::abi::{self, Mismatch, Root};
use sundae_plugin_api::{ArtifactStore, ComponentKind, Error, Host, Identity, Orchestrator};

use super::catalog::{Catalog, Flavor, State};
use super::image;
use super::load;
use super::probe::{Fingerprint, Probe, ProbeLog, Verdict, probe};

/// Which component is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its kind.
    pub kind: ComponentKind,
    /// Its own name, for errors.
    pub component: &'a str,
    /// The plugin that it was registered with.
    pub plugin: &'a str,
    /// The name of its flavor.
    pub flavor: &'a str,
    /// Its configuration, as it was registered.
    pub config: &'a Map<String, Value>,
}

/// Why a component cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing that is installed has the flavor.
    #[error(
        "{kind} `{component}` needs the flavor {kind}/{flavor} of the plugin `{plugin}`, which is not installed"
    )]
    Missing {
        /// The kind.
        kind: ComponentKind,
        /// The component's name.
        component: String,
        /// The plugin that it was registered with.
        plugin: String,
        /// The flavor's name.
        flavor: String,
        /// Another plugin that has a flavor of this name.
        alternative: Option<String>,
    },
    /// The library is there, and does not fit.
    #[error("the plugin {} cannot be used: {reason}", path.display())]
    Unusable {
        /// The library.
        path: PathBuf,
        /// In words, with the cure.
        reason: String,
    },
    /// The library failed its probe, now or earlier.
    #[error("the plugin {} is in quarantine: {reason}", path.display())]
    Quarantined {
        /// The library.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// The flavor refused.
    #[error("{kind} `{component}` cannot be opened: {error}")]
    Refused {
        /// The kind.
        kind: ComponentKind,
        /// The component's name.
        component: String,
        /// What the flavor says.
        error: Error,
    },
}

/// Loads libraries, each once, and opens components.
pub struct Loader<'a> {
    catalog: &'a Catalog,
    probes: &'a dyn ProbeLog,
    /// The binary that probes.
    binary: PathBuf,
    loaded: RefCell<HashMap<PathBuf, &'static Root>>,
}

impl<'a> Loader<'a> {
    /// A loader for what the catalog knows. `binary` must know [`super::probe::COMMAND`]; it is usually the running one.
    #[must_use]
    pub fn new(catalog: &'a Catalog, probes: &'a dyn ProbeLog, binary: PathBuf) -> Self {
        Self { catalog, probes, binary, loaded: RefCell::default() }
    }

    /// Opens an artifact store.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn artifact_store(
        &self,
        wanted: &Wanted<'_>,
        host: Host,
    ) -> Result<Box<dyn ArtifactStore>, LoadError> {
        let (root, path) = self.root(wanted)?;
        let factory = abi::artifact_store::Factory::connect(root)
            .map_err(|mismatch| unusable(path, &mismatch))?;
        factory.open(wanted.flavor, &config_text(wanted), host).map_err(|e| refused(wanted, e))
    }

    /// Opens an orchestrator.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn orchestrator(
        &self,
        wanted: &Wanted<'_>,
        host: Host,
    ) -> Result<Box<dyn Orchestrator>, LoadError> {
        let (root, path) = self.root(wanted)?;
        let factory = abi::orchestrator::Factory::connect(root)
            .map_err(|mismatch| unusable(path, &mismatch))?;
        factory.open(wanted.flavor, &config_text(wanted), host).map_err(|e| refused(wanted, e))
    }

    /// Opens a component only to hear whether it accepts its configuration. A kind without interface accepts everything.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn check(&self, wanted: &Wanted<'_>, host: Host) -> Result<(), LoadError> {
        match wanted.kind {
            ComponentKind::ArtifactStore => self.artifact_store(wanted, host).map(drop),
            ComponentKind::Orchestrator => self.orchestrator(wanted, host).map(drop),
            _ => Ok(()),
        }
    }

    /// The root of the library that has the wanted flavor.
    fn root(&self, wanted: &Wanted<'_>) -> Result<(&'static Root, &'a Path), LoadError> {
        let flavor = self.find(wanted)?;
        let path = flavor.library.path.as_path();
        if let Some(root) = self.loaded.borrow().get(path) {
            return Ok((root, path));
        }
        let root = self.load(path)?;
        self.loaded.borrow_mut().insert(path.to_owned(), root);
        Ok((root, path))
    }

    /// The wanted flavor, if it can be used.
    ///
    /// # Errors
    /// [`LoadError`], without loading anything.
    pub fn find(&self, wanted: &Wanted<'_>) -> Result<Flavor<'a>, LoadError> {
        let kind = wanted.kind.as_str();
        let Some(flavor) = self.catalog.flavor_of(wanted.plugin, kind, wanted.flavor) else {
            let alternative = self.catalog.flavor(kind, wanted.flavor);
            return Err(LoadError::Missing {
                kind: wanted.kind,
                component: wanted.component.to_owned(),
                plugin: wanted.plugin.to_owned(),
                flavor: wanted.flavor.to_owned(),
                alternative: alternative.map(|flavor| flavor.plugin.name.clone()),
            });
        };
        let path = flavor.library.path.clone();
        match flavor.state {
            State::Available | State::Shadowed { .. } => Ok(flavor),
            State::Incompatible { reason } => Err(LoadError::Unusable { path, reason }),
            State::Quarantined { reason } => Err(LoadError::Quarantined { path, reason }),
        }
    }

    /// Loads a library whose content has passed the probe, or passes it now.
    fn load(&self, path: &Path) -> Result<&'static Root, LoadError> {
        let broken = |reason: String| LoadError::Unusable { path: path.to_owned(), reason };
        let file =
            File::open(path).map_err(|error| broken(format!("it cannot be read: {error}")))?;
        let metadata = file.metadata().map_err(|e| broken(format!("it cannot be read: {e}")))?;
        let digest = digest_of(&file).map_err(|e| broken(format!("it cannot be read: {e}")))?;
        let verdict = match self.probes.verdict(&digest) {
            Some(verdict) => verdict,
            None => {
                let verdict = probe(&self.binary, path)
                    .map_err(|error| broken(format!("it could not be tried: {error}")))?;
                // The child opened the path again; if the file changed meanwhile, its verdict is on something else.
                let now = File::open(path).and_then(|file| digest_of(&file));
                if now.is_ok_and(|now| now == digest) {
                    let fingerprint = Fingerprint::of(&metadata);
                    let verdict = verdict.clone();
                    self.probes.record(&Probe {
                        digest,
                        path: path.to_owned(),
                        fingerprint,
                        verdict,
                    });
                } else {
                    return Err(broken(
                        "it changed while it was being loaded; try again".to_owned(),
                    ));
                }
                verdict
            }
        };
        match verdict {
            Verdict::Passed => load::load(file, path).map_err(broken),
            Verdict::Failed { reason } => {
                Err(LoadError::Quarantined { path: path.to_owned(), reason })
            }
        }
    }
}

/// Loads a library in this process and asks it for the interfaces of its flavors; for the probe's child only.
///
/// # Errors
/// Why that cannot be done, in words.
pub fn try_load(path: &Path) -> Result<(), String> {
    let open = || File::open(path).map_err(|error| format!("it cannot be read: {error}"));
    let image = image::read(open()?).map_err(|error| error.to_string())?;
    let root = load::load(open()?, path)?;
    for kind in kinds_of(&image.identity) {
        match kind {
            ComponentKind::ArtifactStore => abi::artifact_store::Factory::connect(root).map(drop),
            ComponentKind::Orchestrator => abi::orchestrator::Factory::connect(root).map(drop),
            _ => Ok(()),
        }
        .map_err(|mismatch| sentence(&mismatch))?;
    }
    Ok(())
}

fn kinds_of(identity: &Identity) -> impl Iterator<Item = ComponentKind> {
    identity.flavors.iter().filter_map(|flavor| flavor.kind.parse().ok())
}

/// BLAKE3 of an open file.
fn digest_of(file: &File) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn config_text(wanted: &Wanted<'_>) -> String {
    Value::Object(wanted.config.clone()).to_string()
}

fn refused(wanted: &Wanted<'_>, error: Error) -> LoadError {
    LoadError::Refused { kind: wanted.kind, component: wanted.component.to_owned(), error }
}

fn unusable(path: &Path, mismatch: &Mismatch) -> LoadError {
    LoadError::Unusable { path: path.to_owned(), reason: sentence(mismatch) }
}

fn sentence(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Boundary => {
            "it was built with another generation of the plugin boundary; install a newer build"
                .to_owned()
        }
        Mismatch::NotSpoken => {
            "its identity names an interface that it does not answer for; ask its author".to_owned()
        }
        Mismatch::Layout(report) => {
            // The report names every type between the root and the difference; the first line says which.
            let first = report.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
            format!(
                "it lays out its interface otherwise than this host does ({first}); install a newer build"
            )
        }
    }
}
