//! Where plugins are looked for, and in which order.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// Why a folder is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// `--plugin-dir`.
    Option,
    /// `SUNDAE_PLUGIN_PATH`.
    Environment,
    /// `.sundae/plugins` of the project.
    Project,
    /// `plugins` in the user's data folder.
    User,
    /// The folder of this machine.
    System,
    /// What came with the binary.
    Distribution,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Option => "option",
            Self::Environment => "environment",
            Self::Project => "project",
            Self::User => "user",
            Self::System => "system",
            Self::Distribution => "distribution",
        })
    }
}

/// A folder in which plugins are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder; it need not exist.
    pub folder: PathBuf,
    /// Why it is looked into.
    pub origin: Origin,
}

/// The plugins of this machine, installed by its administrator.
const SYSTEM: &str = "/usr/lib/sundae/plugins";

/// All places, the first that has a flavor wins.
///
/// Reads `SUNDAE_PLUGIN_PATH` (folders, parted like `PATH`) and the place of the running binary.
#[must_use]
pub fn places(options: &[PathBuf], project: Option<&Path>, user: &Path) -> Vec<Place> {
    let at = |folder: PathBuf, origin| Place { folder, origin };
    let mut places: Vec<_> = options.iter().map(|dir| at(dir.clone(), Origin::Option)).collect();
    if let Some(path) = std::env::var_os("SUNDAE_PLUGIN_PATH") {
        let folders = std::env::split_paths(&path).filter(|folder| !folder.as_os_str().is_empty());
        places.extend(folders.map(|folder| at(folder, Origin::Environment)));
    }
    places.extend(project.map(|root| at(root.join(".sundae/plugins"), Origin::Project)));
    places.push(at(user.to_owned(), Origin::User));
    places.push(at(PathBuf::from(SYSTEM), Origin::System));
    places.extend(distribution().map(|folder| at(folder, Origin::Distribution)));
    places
}

/// `plugins-dist` beside the binary, in a `lib/sundae` beside its folder, or at the root of the checkout that it was built in.
fn distribution() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?.canonicalize().ok()?;
    let folder = binary.parent()?;
    let beside = folder.join("plugins-dist");
    let installed = folder.parent().map(|prefix| prefix.join("lib/sundae/plugins-dist"));
    // CHECKOUT/target/release/sundae; one deeper when built for a named target.
    let checkouts = folder.ancestors().skip(2).take(2).map(|root| root.join("plugins-dist"));
    std::iter::once(beside).chain(installed).chain(checkouts).find(|place| place.is_dir())
}
