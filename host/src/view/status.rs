//! What a command given here and now would work with.

use serde::Serialize;

use crate::plugin::{Catalog, Place};

/// What a command given here and now would work with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusView {
    /// The version of the host.
    pub version: String,
    /// The user's data folder.
    pub home: String,
    /// The local database.
    pub database: String,
    /// The workspace.
    pub workspace: String,
    /// The project that the current folder is in.
    pub project: Option<ProjectView>,
    /// The stack that a run would use, and who says so.
    pub active_stack: Option<ActiveNameView>,
    /// The folders in which plugins are looked for; the first that has a flavor wins.
    pub plugin_folders: Vec<PlaceView>,
    /// What does not work, in words.
    pub problems: Vec<String>,
}

/// A project, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProjectView {
    /// What it is called.
    pub name: String,
    /// Its file.
    pub file: String,
    /// The stack that it names.
    pub stack: Option<String>,
}

/// The name of the active stack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActiveNameView {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Who says so: `global` or `project`.
    pub scope: String,
}

/// A folder in which plugins are looked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceView {
    /// The folder.
    pub folder: String,
    /// Why it is looked into: `option`, `environment`, `project`, `user`, `system`, `distribution`.
    pub origin: String,
    /// Whether it is there.
    pub exists: bool,
    /// How many plugins are in it, the unreadable ones not counted.
    pub plugins: usize,
}

impl PlaceView {
    /// A folder with what a catalog has of it.
    #[must_use]
    pub fn new(place: &Place, catalog: &Catalog) -> Self {
        let plugins = catalog.libraries.iter().filter(|library| {
            library.identity.is_ok()
                && library.origin == place.origin
                && library.path.starts_with(&place.folder)
        });
        Self {
            folder: place.folder.display().to_string(),
            origin: place.origin.to_string(),
            exists: place.folder.is_dir(),
            plugins: plugins.count(),
        }
    }
}
