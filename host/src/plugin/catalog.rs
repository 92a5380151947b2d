//! What is installed: every library in every place, and which of them has which flavor. Made without loading any.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sundae_plugin_api::{ConfigSchema, FlavorIdentity, Identity};
use walkdir::WalkDir;

use super::compatibility::{Machine, fault_of_flavor, fault_of_library};
use super::image::{self, Unreadable};
use super::place::{Origin, Place};
use super::probe::{Fingerprint, ProbeLog};

/// The libraries of all places, in the order in which they win.
#[derive(Debug, Default)]
pub struct Catalog {
    /// Every library file, readable or not.
    pub libraries: Vec<Library>,
}

/// A file that looks like a library.
#[derive(Debug)]
pub struct Library {
    /// Where it is.
    pub path: PathBuf,
    /// Why it was looked for there.
    pub origin: Origin,
    /// What tells one content from another without reading it.
    pub fingerprint: Fingerprint,
    /// What it says of itself.
    pub identity: Result<Identity, Unreadable>,
    /// Why it cannot be used although it can be read.
    pub fault: Option<String>,
    /// Why it was put into quarantine.
    pub quarantine: Option<String>,
}

/// A flavor of a library, and whether it can be used.
#[derive(Debug, Clone)]
pub struct Flavor<'a> {
    /// The library that has it.
    pub library: &'a Library,
    /// The library's identity.
    pub plugin: &'a Identity,
    /// The flavor's part of it.
    pub identity: &'a FlavorIdentity,
    /// Whether it can be used.
    pub state: State,
}

/// Whether a flavor can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It can.
    Available,
    /// Another library has the same flavor, and comes first.
    Shadowed {
        /// Which.
        by: PathBuf,
    },
    /// It does not fit this host or machine.
    Incompatible {
        /// In words, with the cure.
        reason: String,
    },
    /// Loading it went wrong once, and it is not tried again until somebody says so.
    Quarantined {
        /// What went wrong.
        reason: String,
    },
}

impl State {
    /// The state in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Shadowed { .. } => "shadowed",
            Self::Incompatible { .. } => "incompatible",
            Self::Quarantined { .. } => "quarantined",
        }
    }

    /// Why it is not available.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Available => None,
            Self::Shadowed { by } => Some(format!("{} comes first", by.display())),
            Self::Incompatible { reason } | Self::Quarantined { reason } => Some(reason.clone()),
        }
    }
}

impl Flavor<'_> {
    /// How components of it are configured.
    #[must_use]
    pub fn schema(&self) -> &ConfigSchema {
        &self.identity.config
    }
}

impl Catalog {
    /// Looks into every place.
    #[must_use]
    pub fn read(places: &[Place], probes: &dyn ProbeLog) -> Self {
        let machine = Machine::here();
        let quarantine: HashMap<_, _> =
            probes.quarantined().into_iter().map(|probe| (probe.path.clone(), probe)).collect();
        let mut libraries = Vec::new();
        for place in places {
            let mut here: Vec<_> = library_files(&place.folder)
                .filter(|path| !libraries.iter().any(|known: &Library| known.path == *path))
                .map(|path| Library::read(path, place.origin, &machine))
                .collect();
            for library in &mut here {
                let probe = quarantine.get(&library.path);
                let probe = probe.filter(|probe| probe.fingerprint == library.fingerprint);
                library.quarantine = probe.and_then(|probe| probe.verdict.reason());
            }
            // Within one place the higher version wins, then the name decides, so that the order is always the same.
            here.sort_by(|a, b| version(b).cmp(&version(a)).then_with(|| a.path.cmp(&b.path)));
            libraries.extend(here);
        }
        Self { libraries }
    }

    /// Every flavor of every readable library. Of the usable ones of the same name all but the first are shadowed.
    #[must_use]
    pub fn flavors(&self) -> Vec<Flavor<'_>> {
        let mut winners: HashMap<(&str, &str), &Path> = HashMap::new();
        let mut flavors = Vec::new();
        for library in &self.libraries {
            let Ok(plugin) = &library.identity else { continue };
            for identity in &plugin.flavors {
                let name = (identity.kind.as_str(), identity.name.as_str());
                let state = match library.state_of(identity) {
                    State::Available => match winners.get(&name) {
                        Some(winner) => State::Shadowed { by: winner.to_path_buf() },
                        None => {
                            winners.insert(name, &library.path);
                            State::Available
                        }
                    },
                    unusable => unusable,
                };
                flavors.push(Flavor { library, plugin, identity, state });
            }
        }
        flavors
    }

    /// The flavor that this name stands for: the available one, else the first that is there for a reason.
    #[must_use]
    pub fn flavor(&self, kind: &str, name: &str) -> Option<Flavor<'_>> {
        let mut named: Vec<_> = self
            .flavors()
            .into_iter()
            .filter(|flavor| flavor.identity.kind == kind && flavor.identity.name == name)
            .collect();
        let winner = named.iter().position(|flavor| flavor.state == State::Available).unwrap_or(0);
        (winner < named.len()).then(|| named.swap_remove(winner))
    }

    /// The flavor as one plugin offers it: what a registered component means, whatever else is installed.
    #[must_use]
    pub fn flavor_of(&self, plugin: &str, kind: &str, name: &str) -> Option<Flavor<'_>> {
        let mut unusable = None;
        for library in &self.libraries {
            let Some(identity) = library.identity.as_ref().ok().filter(|i| i.name == plugin) else {
                continue;
            };
            let named = |flavor: &&FlavorIdentity| flavor.kind == kind && flavor.name == name;
            let Some(flavor) = identity.flavors.iter().find(named) else { continue };
            let state = library.state_of(flavor);
            let is_usable = state == State::Available;
            let found = Flavor { library, plugin: identity, identity: flavor, state };
            if is_usable {
                return Some(found);
            }
            unusable.get_or_insert(found);
        }
        unusable
    }

    /// The files that are no plugins, or no whole ones.
    pub fn broken(&self) -> impl Iterator<Item = (&Library, &Unreadable)> {
        self.libraries
            .iter()
            .filter_map(|library| Some((library, library.identity.as_ref().err()?)))
    }
}

impl Library {
    fn read(path: PathBuf, origin: Origin, machine: &Machine) -> Self {
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
        let (fingerprint, image) = match opened {
            Ok((metadata, file)) => (Fingerprint::of(&metadata), image::read(file)),
            Err(error) => (Fingerprint::default(), Err(Unreadable::Io(error.to_string()))),
        };
        let fault = image.as_ref().ok().and_then(|image| fault_of_library(image, machine));
        let identity = image.map(|image| image.identity);
        Self { path, origin, fingerprint, identity, fault, quarantine: None }
    }

    /// The state of a flavor of this library, others left aside.
    fn state_of(&self, flavor: &FlavorIdentity) -> State {
        if let Some(reason) = self.fault.clone().or_else(|| fault_of_flavor(flavor)) {
            return State::Incompatible { reason };
        }
        match &self.quarantine {
            Some(reason) => State::Quarantined { reason: reason.clone() },
            None => State::Available,
        }
    }
}

impl Fingerprint {
    /// That of a file.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let modified =
            metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified_ns =
            modified.and_then(|time| i64::try_from(time.as_nanos()).ok()).unwrap_or(0);
        Self { size: metadata.len(), modified_ns }
    }
}

/// The version for comparison: numbers by value; a pre-release comes before its release.
fn version(library: &Library) -> (Vec<u64>, bool) {
    let text = library.identity.as_ref().map_or("", |identity| &identity.version);
    let release = text.split(['-', '+']).next().unwrap_or("");
    let numbers = release.split('.').map(|number| number.parse().unwrap_or(0)).collect();
    (numbers, !text.contains('-'))
}

/// Files below a folder that are libraries by their name, on any system. Folders that cannot be read have none.
fn library_files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    // `template` is a crate to copy, with a target folder of its own; hidden folders are somebody's work in progress.
    let skipped = ["target", "template"];
    WalkDir::new(folder)
        .max_depth(3)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(move |entry| {
            let name = entry.file_name().to_string_lossy();
            entry.depth() == 0
                || !(entry.file_type().is_dir()
                    && (name.starts_with('.') || skipped.contains(&&*name)))
        })
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_type().is_dir())
        .map(walkdir::DirEntry::into_path)
        .filter(|path| {
            path.extension().is_some_and(|end| end == "so" || end == "dylib" || end == "dll")
        })
}
