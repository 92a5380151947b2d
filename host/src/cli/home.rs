//! Where the data of a user is: the database, plugins, what components keep.

use std::path::PathBuf;

use super::Failure;

/// The variable that moves it.
pub(super) const VARIABLE: &str = "SUNDAE_HOME";

/// A user's data folder. Nothing in it is made before it is needed.
#[derive(Debug, Clone)]
pub(super) struct Home {
    /// The folder, absolute.
    pub folder: PathBuf,
}

impl Home {
    /// `SUNDAE_HOME`, else `sundae` in `XDG_DATA_HOME`, else `~/.local/share/sundae`.
    ///
    /// # Errors
    /// None of them is set.
    pub(super) fn find() -> Result<Self, Failure> {
        let variable = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let folder = variable(VARIABLE)
            .or_else(|| {
                Some(variable("XDG_DATA_HOME").filter(|dir| dir.is_absolute())?.join("sundae"))
            })
            .or_else(|| Some(variable("HOME")?.join(".local/share/sundae")));
        let Some(folder) = folder else {
            return Err(Failure::new("there is no place for the local database: HOME is not set")
                .hint(format!("set {VARIABLE} to a folder")));
        };
        let absolute = std::path::absolute(&folder)
            .map_err(|error| Failure::new(format!("{VARIABLE} cannot be used: {error}")))?;
        Ok(Self { folder: absolute })
    }

    /// The local database.
    #[must_use]
    pub(super) fn database(&self) -> PathBuf {
        self.folder.join("sundae.db")
    }

    /// The key that secrets are sealed with.
    #[must_use]
    pub(super) fn secret_key(&self) -> PathBuf {
        self.folder.join("secret.key")
    }

    /// The user's plugins.
    #[must_use]
    pub(super) fn plugins(&self) -> PathBuf {
        self.folder.join("plugins")
    }

    /// What a component keeps, by its id.
    #[must_use]
    pub(super) fn component_data(&self, id: &str) -> PathBuf {
        self.folder.join("components").join(id)
    }

    /// What a component may lose between commands, by its id.
    #[must_use]
    pub(super) fn component_scratch(&self, id: &str) -> PathBuf {
        self.folder.join("scratch").join(id)
    }

    /// The locks that say which runs are under way.
    #[must_use]
    pub(super) fn run_locks(&self) -> PathBuf {
        self.folder.join("runs")
    }

    /// What a detached run says, by its id.
    #[must_use]
    pub(super) fn narration(&self, run: &str) -> PathBuf {
        self.folder.join("narration").join(format!("{run}.txt"))
    }

    /// Where attempts are made when the artifact store has no place for them.
    #[must_use]
    pub(super) fn staging(&self) -> PathBuf {
        self.folder.join("staging")
    }
}
