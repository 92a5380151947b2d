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
    /// The folder, which need not exist; or one library.
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

/// What came with this binary.
fn distribution() -> Option<PathBuf> {
    distribution_of(&std::env::current_exe().ok()?.canonicalize().ok()?)
}

/// `plugins-dist` beside the binary, in a `lib/sundae` beside its folder, or at the root of the checkout that it was built in.
fn distribution_of(binary: &Path) -> Option<PathBuf> {
    let folder = binary.parent()?;
    let beside = folder.join("plugins-dist");
    let installed = folder.parent().map(|prefix| prefix.join("lib/sundae/plugins-dist"));
    // CHECKOUT/target/release/sundae; one deeper when built for a named target. Nothing else above the binary is looked
    // at: whoever may write there is not always whoever installed it.
    let mut above = folder.ancestors().skip(1).take(2);
    let target = above.find(|folder| folder.file_name().is_some_and(|name| name == "target"));
    let checkout =
        target.and_then(Path::parent).filter(|root| root.join("host/Cargo.toml").is_file());
    let built = checkout.map(|root| root.join("plugins-dist"));
    std::iter::once(beside).chain(installed).chain(built).find(|place| place.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    #[test]
    fn a_binary_finds_what_came_with_it_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        let found = |binary: &str| distribution_of(&at(binary));
        create_dir_all(at("plugins-dist")).unwrap();
        for binary in [
            "target/release/sundae",
            "target/TRIPLE/release/sundae",
            "a/sundae",
            "sundae-1/b/c/sundae",
        ] {
            assert_eq!(found(binary), None, "{binary}: it is not a checkout");
        }
        create_dir_all(at("host")).unwrap();
        write(at("host/Cargo.toml"), "").unwrap();
        for binary in ["target/release/sundae", "target/TRIPLE/debug/sundae"] {
            assert_eq!(found(binary), Some(at("plugins-dist")), "{binary}");
        }
        assert_eq!(found("build/release/sundae"), None);
        create_dir_all(at("usr/lib/sundae/plugins-dist")).unwrap();
        assert_eq!(found("usr/bin/sundae"), Some(at("usr/lib/sundae/plugins-dist")));
        create_dir_all(at("usr/bin/plugins-dist")).unwrap();
        assert_eq!(found("usr/bin/sundae"), Some(at("usr/bin/plugins-dist")));
    }

    #[test]
    fn what_is_asked_for_comes_before_what_is_usual() {
        let options = [PathBuf::from("/o1"), PathBuf::from("/o2")];
        let places = places(&options, Some(Path::new("/p")), Path::new("/u"));
        let mut sorted = places.clone();
        sorted.sort_by_key(|place| place.origin);
        assert_eq!(places, sorted);
        let folder = |origin| places.iter().filter(move |place| place.origin == origin);
        let of = |origin| folder(origin).map(|place| place.folder.clone()).collect::<Vec<_>>();
        assert_eq!(of(Origin::Option), options);
        assert_eq!(of(Origin::Project), [PathBuf::from("/p/.sundae/plugins")]);
        assert_eq!(of(Origin::User), [PathBuf::from("/u")]);
        assert_eq!(of(Origin::System), [PathBuf::from(SYSTEM)]);
    }
}
