//! From a registered component to one that works: find its library, check, probe, load, open.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use sundae_plugin_api::abi::{self, Mismatch, Root};
use sundae_plugin_api::{
    ArtifactStore, ComponentKind, Error, FlavorIdentity, Host, Identity, Orchestrator,
};

use super::catalog::{Catalog, Flavor, State};
use super::image;
use super::load;
use super::probe::{Fingerprint, Found, Probe, ProbeLog, Verdict, probe, time_limit};

/// So much of a library is read and hashed at once.
const PIECE: usize = 256 << 10;

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
    /// The flavor refused the configuration.
    #[error("{kind} `{component}` cannot be opened: {error}")]
    Refused {
        /// The kind.
        kind: ComponentKind,
        /// The component's name.
        component: String,
        /// What the flavor says.
        error: Error,
    },
    /// The component is sound, and what it needs is not there now: a service, a right, a mount.
    #[error("{kind} `{component}` cannot work now: {error}")]
    CannotWork {
        /// The kind.
        kind: ComponentKind,
        /// The component's name.
        component: String,
        /// What the component says.
        error: Error,
    },
}

impl LoadError {
    /// What to do about it, where the error itself does not say so.
    #[must_use]
    pub fn cure(&self) -> Option<String> {
        match self {
            Self::Missing { plugin, alternative: None, .. } => Some(format!(
                "put the library of the plugin `{plugin}` into a plugin folder; `sundae flavor --list` shows what is there"
            )),
            Self::Missing { kind, component, flavor, alternative: Some(alternative), .. } => {
                Some(format!(
                    "the plugin `{alternative}` has a flavor of this name; to use it, delete {kind} `{component}` and \
                     register it again with --flavor={flavor}"
                ))
            }
            Self::Quarantined { path, .. } => Some(format!(
                "install another build of the plugin, or try this one again with `sundae flavor retry {}`",
                path.display()
            )),
            Self::Unusable { .. } | Self::Refused { .. } | Self::CannotWork { .. } => None,
        }
    }
}

/// Loads libraries, each once, and opens components.
pub struct Loader<'a> {
    catalog: &'a Catalog,
    probes: &'a dyn ProbeLog,
    /// The binary that probes.
    binary: PathBuf,
    limit: Duration,
    loaded: RefCell<HashMap<PathBuf, &'static Root>>,
}

impl<'a> Loader<'a> {
    /// A loader for what the catalog knows. `binary` must know [`super::probe::COMMAND`]; it is usually the running one.
    #[must_use]
    pub fn new(catalog: &'a Catalog, probes: &'a dyn ProbeLog, binary: PathBuf) -> Self {
        Self { catalog, probes, binary, limit: time_limit(), loaded: RefCell::default() }
    }

    /// Gives libraries that long to load, whatever the environment says.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
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
            .map_err(|mismatch| unusable(path, &mismatch, abi::artifact_store::INTERFACE))?;
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
            .map_err(|mismatch| unusable(path, &mismatch, abi::orchestrator::INTERFACE))?;
        factory.open(wanted.flavor, &config_text(wanted), host).map_err(|e| refused(wanted, e))
    }

    /// Opens a component only to hear whether it accepts its configuration and can work. A kind without interface accepts
    /// everything.
    ///
    /// # Errors
    /// [`LoadError`]; [`LoadError::CannotWork`] if only what it needs is not there now.
    pub fn check(&self, wanted: &Wanted<'_>, host: Host) -> Result<(), LoadError> {
        let found = match wanted.kind {
            ComponentKind::ArtifactStore => self.artifact_store(wanted, host)?.check(),
            ComponentKind::Orchestrator => self.orchestrator(wanted, host)?.check(),
            _ => Ok(()),
        };
        found.map_err(|error| {
            let component = wanted.component.to_owned();
            LoadError::CannotWork { kind: wanted.kind, component, error }
        })
    }

    /// Loads a library only to hear whether it can be loaded. What is known of its content is believed.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn try_library(&self, path: &Path) -> Result<(), LoadError> {
        self.load(path).map(drop)
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
        let unread = |error: std::io::Error| broken(format!("it cannot be read: {error}"));
        let (file, metadata) =
            image::open(path).map_err(|error| broken(format!("{error}; {}", error.cure())))?;
        let digest = digest_of(&file).map_err(unread)?;
        let probed = |verdict| Probe {
            digest: digest.clone(),
            path: path.to_owned(),
            fingerprint: Fingerprint::of(&metadata),
            verdict,
        };
        match self.probes.verdict(&digest) {
            Some(Verdict::Passed) => {}
            Some(Verdict::Failed { reason }) => {
                // It may have failed in another place; now this one is known to have it, too.
                self.probes.record(&probed(Verdict::Failed { reason: reason.clone() }));
                return Err(LoadError::Quarantined { path: path.to_owned(), reason });
            }
            None => match probe(&self.binary, path, &file, self.limit) {
                Ok(Found::Sound) => self.probes.record(&probed(Verdict::Passed)),
                // Not kept: what is wrong may be mended without a change of the file, and the next load finds out.
                Ok(Found::Unfit { reason }) => return Err(broken(reason)),
                Ok(Found::Dangerous { reason }) => {
                    self.probes.record(&probed(Verdict::Failed { reason: reason.clone() }));
                    return Err(LoadError::Quarantined { path: path.to_owned(), reason });
                }
                Err(error) => return Err(broken(format!("it could not be tried: {error}"))),
            },
        }
        load_once(file, path, &digest).map_err(broken)
    }
}

/// Loads a library, unless this process has loaded the same content before.
fn load_once(file: File, path: &Path, digest: &str) -> Result<&'static Root, String> {
    // Each load keeps a descriptor for ever, so a process that lives long must not load for each of its catalogs.
    static LOADED: Mutex<Vec<(String, &'static Root)>> = Mutex::new(Vec::new());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, root)) = loaded.iter().find(|(known, _)| known == digest) {
        return Ok(root);
    }
    let root = load::load(file, path).map_err(|error| with_cure(&error))?;
    loaded.push((digest.to_owned(), root));
    Ok(root)
}

/// Loads a library and nothing more, for benchmarks: what the dynamic linker takes is the floor of everything else.
///
/// # Errors
/// What the dynamic linker says.
#[doc(hidden)]
pub fn load_only(path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    load::load(file, path).map(|_| ())
}

/// What the dynamic linker says, and what can be done about it.
fn with_cure(error: &str) -> String {
    let cures = [
        ("cannot open shared object file", "install the library that it names"),
        ("failed to map segment", "its folder may be mounted `noexec`; move the plugin to another"),
        ("undefined symbol", "it was linked with a library that is not here; ask its author"),
    ];
    match cures.iter().find(|(sign, _)| error.contains(sign)) {
        Some((_, cure)) => format!("{error}; {cure}"),
        None => error.to_owned(),
    }
}

/// Loads an open library in this process and asks it for the interfaces of its flavors; for the probe's child only.
///
/// # Errors
/// Why that cannot be done, in words.
pub(super) fn try_load(file: File, path: &Path) -> Result<(), String> {
    let unread = |error: std::io::Error| format!("it cannot be read: {error}");
    let length = file.metadata().map_err(unread)?.len();
    let image = image::read(file.try_clone().map_err(unread)?, length)
        .map_err(|error| format!("{error}; {}", error.cure()))?;
    let root = load::load(file, path).map_err(|error| with_cure(&error))?;
    for interface in spoken_by(&image.identity) {
        match interface {
            abi::artifact_store::INTERFACE => abi::artifact_store::Factory::connect(root).map(drop),
            abi::orchestrator::INTERFACE => abi::orchestrator::Factory::connect(root).map(drop),
            _ => Ok(()),
        }
        .map_err(|mismatch| sentence(&mismatch, interface))?;
    }
    Ok(())
}

/// The interfaces of a plugin that this host speaks, too.
fn spoken_by(identity: &Identity) -> BTreeSet<&'static str> {
    let of_flavor = |flavor: &FlavorIdentity| {
        let ours = flavor.kind.parse().map_or(&[][..], ComponentKind::interfaces);
        let theirs = flavor.interfaces.clone();
        ours.iter().copied().filter(move |ours| theirs.iter().any(|theirs| theirs == ours))
    };
    identity.flavors.iter().flat_map(of_flavor).collect()
}

/// BLAKE3 of an open file.
fn digest_of(mut file: &File) -> std::io::Result<String> {
    // In pieces as large as they can be hashed at full speed, and no larger: memory that is new must be made, too.
    let mut buffer = vec![0; PIECE];
    let mut hasher = blake3::Hasher::new();
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().to_hex().to_string()),
            Ok(length) => drop(hasher.update(&buffer[..length])),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn config_text(wanted: &Wanted<'_>) -> String {
    Value::Object(wanted.config.clone()).to_string()
}

fn refused(wanted: &Wanted<'_>, error: Error) -> LoadError {
    LoadError::Refused { kind: wanted.kind, component: wanted.component.to_owned(), error }
}

fn unusable(path: &Path, mismatch: &Mismatch, interface: &str) -> LoadError {
    LoadError::Unusable { path: path.to_owned(), reason: sentence(mismatch, interface) }
}

fn sentence(mismatch: &Mismatch, interface: &str) -> String {
    match mismatch {
        Mismatch::Boundary => {
            "it was built with another generation of the plugin boundary; install a newer build"
                .to_owned()
        }
        Mismatch::NotSpoken => format!(
            "its identity names the interface {interface}, and it does not answer for it; ask its author for a \
             sound build"
        ),
        Mismatch::Layout(difference) => format!(
            "it lays out the interface {interface} otherwise than this host does ({difference}); install a build that \
             was made with a released sundae-plugin-api"
        ),
    }
}
