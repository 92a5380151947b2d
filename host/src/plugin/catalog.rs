//! What is installed: every library in every place, and which of them has which flavor. Made without loading any.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::io;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use semver::Version;
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
    /// The folders that could not be looked into.
    pub unreadable: Vec<UnreadableFolder>,
}

/// A folder that should have been looked into, so that somebody may miss what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableFolder {
    /// Where it is.
    pub path: PathBuf,
    /// Why it was to be looked into.
    pub origin: Origin,
    /// In words that follow its path.
    pub reason: String,
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
        let quarantined = probes.quarantined();
        let quarantine: HashMap<_, _> = quarantined
            .iter()
            .map(|probe| ((probe.path.as_path(), probe.fingerprint), &probe.verdict))
            .collect();
        let mut catalog = Self::default();
        let mut seen = Seen::default();
        for place in places {
            if !seen.is_new_folder(&place.folder) {
                continue;
            }
            let mut files = library_files(place, &mut catalog.unreadable);
            files.retain(|path| seen.is_new_path(path));
            let read = |path: &PathBuf| Library::read(path.clone(), place.origin, &machine);
            let mut here: Vec<_> = side_by_side(&files, read)
                .into_iter()
                .filter_map(|(library, id)| seen.is_new_file(id).then_some(library))
                .collect();
            for library in &mut here {
                let verdict = quarantine.get(&(library.path.as_path(), library.fingerprint));
                library.quarantine = verdict.and_then(|verdict| verdict.reason());
            }
            // Within one place of two versions of a plugin the higher one wins; otherwise the order only has to stay the same.
            here.sort_by_cached_key(|library| {
                let identity = library.identity.as_ref().ok();
                let name = identity.map(|identity| identity.name.clone());
                let version = identity.and_then(|identity| Version::parse(&identity.version).ok());
                (name, Reverse(version), library.path.clone())
            });
            catalog.libraries.extend(here);
        }
        catalog
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
    /// Reads a library file, and tells which file it is by whatever name.
    fn read(path: PathBuf, origin: Origin, machine: &Machine) -> (Self, Option<FileId>) {
        let (fingerprint, id, image) = match image::open(&path) {
            Ok((file, metadata)) => {
                let image = image::read(file, metadata.len());
                (Fingerprint::of(&metadata), file_id(&metadata), image)
            }
            Err(error) => (Fingerprint::default(), None, Err(error)),
        };
        let fault = image.as_ref().ok().and_then(|image| fault_of_library(image, machine));
        let identity = image.map(|image| image.identity);
        (Self { path, origin, fingerprint, identity, fault, quarantine: None }, id)
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

/// A file as the file system knows it: the same for all of its names.
type FileId = (u64, u64);

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
fn file_id(metadata: &Metadata) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn file_id(_: &Metadata) -> Option<FileId> {
    None
}

/// What has been met already. A file that is found through two places, or by two names, is one library.
#[derive(Default)]
struct Seen {
    folders: HashSet<PathBuf>,
    paths: HashSet<PathBuf>,
    files: HashSet<FileId>,
}

impl Seen {
    fn is_new_folder(&mut self, folder: &Path) -> bool {
        self.folders.insert(folder.to_owned())
    }

    /// Whether a path was not met before.
    fn is_new_path(&mut self, path: &Path) -> bool {
        self.paths.insert(path.to_owned())
    }

    /// Whether a file was not met before under another name. What cannot be told apart is new.
    fn is_new_file(&mut self, id: Option<FileId>) -> bool {
        id.is_none_or(|id| self.files.insert(id))
    }
}

/// Does the same with each of many things, on as many threads as help; what comes of it is in the order of the things.
fn side_by_side<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    // A library takes some microseconds, and a thread some tens.
    const WORTH_A_THREAD: usize = 128;
    let most = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = (things.len() / WORTH_A_THREAD).clamp(1, most.min(8));
    if threads == 1 {
        return things.iter().map(work).collect();
    }
    let work = &work;
    std::thread::scope(|scope| {
        let parts = things.chunks(things.len().div_ceil(threads));
        let running: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<_>>()))
            .collect();
        let ended = running.into_iter().map(|thread| thread.join());
        ended.flat_map(|part| part.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// Files of a place that are libraries by their name, on any system, in the order of their paths.
fn library_files(place: &Place, unreadable: &mut Vec<UnreadableFolder>) -> Vec<PathBuf> {
    // `template` is a crate to copy, with a target folder of its own; hidden folders are somebody's work in progress.
    let skipped = ["target", "template"];
    let entries =
        WalkDir::new(&place.folder).max_depth(3).sort_by_file_name().into_iter().filter_entry(
            move |entry| {
                let name = entry.file_name().to_string_lossy();
                entry.depth() == 0
                    || !(entry.file_type().is_dir()
                        && (name.starts_with('.') || skipped.contains(&&*name)))
            },
        );
    let mut files = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if is_library_name(entry.path()) => files.push(entry.into_path()),
            Ok(_) => {}
            Err(error) => unreadable.extend(fault_of_folder(place, &error)),
        }
    }
    files
}

fn is_library_name(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "so" || end == "dylib" || end == "dll")
}

/// What is to be told of a folder that could not be read. That one of the usual places does not exist is nothing.
fn fault_of_folder(place: &Place, error: &walkdir::Error) -> Option<UnreadableFolder> {
    let is_missing = error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
    let was_asked_for = matches!(place.origin, Origin::Option | Origin::Environment);
    if is_missing && (error.depth() > 0 || !was_asked_for) {
        return None;
    }
    let reason = match error.io_error() {
        _ if is_missing => "does not exist".to_owned(),
        Some(error) => format!("cannot be read: {error}"),
        None => "cannot be read: its links lead in a circle".to_owned(),
    };
    let path = error.path().unwrap_or(&place.folder).to_owned();
    Some(UnreadableFolder { path, origin: place.origin, reason })
}

#[cfg(test)]
mod tests;
