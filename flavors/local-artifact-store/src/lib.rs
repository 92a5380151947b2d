//! The `local` artifact store: objects are read-only files in a folder of this machine.

mod files;
mod listing;
mod store;

use std::path::PathBuf;

use sundae_plugin_api::{Component, Config, Error, ErrorKind, Host, export_plugin};

/// How a `local` artifact store is configured.
#[derive(Debug, serde::Deserialize, Config)]
pub struct LocalArtifactStoreConfig {
    /// The folder in which the artifacts are kept; made if it does not exist. Default: a folder of its own beside the local database.
    path: Option<PathBuf>,
    /// Whether other machines reach the folder by the same path, as it lies on a file system that they share: then steps may run
    /// on them.
    #[serde(default)]
    #[config(default = false)]
    shared: bool,
}

/// Keeps artifacts in a folder.
pub struct LocalArtifactStore {
    root: PathBuf,
    /// What is being written, on the same file system as the objects.
    staging: PathBuf,
    is_shared: bool,
}

/// Where unfinished files are, below the root: no key starts with a dot.
const STAGING: &str = ".staging";

impl Component for LocalArtifactStore {
    type Config = LocalArtifactStoreConfig;

    fn open(config: LocalArtifactStoreConfig, host: Host) -> Result<Self, Error> {
        let root = match config.path {
            Some(path) if path.is_absolute() => path,
            Some(path) => {
                return Err(Error::new(
                    ErrorKind::InvalidConfig,
                    format!("`path` must be absolute, and {} is not", path.display()),
                ));
            }
            None => host.data_folder()?,
        };
        // What a process that is gone has left is told by its lock, which another machine may not see.
        let staging = match config.shared {
            true => root.join(format!("{STAGING}-{}", machine())),
            false => root.join(STAGING),
        };
        std::fs::create_dir_all(&staging).map_err(|e| Error::io("create", &staging, &e))?;
        Ok(Self { root, staging, is_shared: config.shared })
    }
}

/// What this machine is called, as the name of a folder.
fn machine() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

export_plugin! {
    /// Keeps artifacts in a folder of this machine
    artifact_store "local" = LocalArtifactStore;
}
