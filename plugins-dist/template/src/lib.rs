//! A Sundae plugin with one flavor, the artifact store `team-folder`: objects are plain files in a folder that a team shares.
//!
//! A flavor is three things: a configuration, a type that can be opened with it ([`Component`]), and the methods of its kind
//! (here [`ArtifactStore`](sundae_plugin_api::ArtifactStore), in `store.rs`). `export_plugin!` makes a plugin of them.

mod store;

use std::fs;
use std::path::{Path, PathBuf};

use sundae_plugin_api::{Component, Config, Error, ErrorKind, Host, Secret, export_plugin};

/// Each field is an option of `sundae artifact-store register NAME --flavor=team-folder`, and its comment the help of that
/// option. Sundae checks what people give against the types before this plugin sees it; it is all in the library file.
#[derive(serde::Deserialize, Config)]
pub struct TeamFolderConfig {
    /// The folder that the team shares. It must exist: a mount that is missing is not to be made up for.
    path: PathBuf,
    /// The largest object that is taken, in MiB.
    #[config(default = 4096)]
    largest_mib: u64,
    /// `fast` leaves it to the system when objects reach the disk, `safe` waits for it.
    #[config(default = "fast")]
    durability: Durability,
    /// Must be what stands in the file `.token` of the folder, if there is one; so no folder is used by mistake.
    token: Option<Secret>,
}

/// A field that takes one of a few words is an enum.
#[derive(Clone, Copy, PartialEq, serde::Deserialize, Config)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    Fast,
    Safe,
}

/// The component: what is needed to answer calls. Calls come from many threads, so what changes would be behind a lock.
pub struct TeamFolder {
    folder: PathBuf,
    largest: u64,
    durability: Durability,
    /// For what has to be said to people. A plugin never prints.
    host: Host,
}

impl Component for TeamFolder {
    type Config = TeamFolderConfig;

    /// Called by every command that uses the component, also by those that only look: quick checks, and no more.
    fn open(config: TeamFolderConfig, host: Host) -> Result<Self, Error> {
        let TeamFolderConfig { path, largest_mib, durability, token } = config;
        check_token(&path, token.as_ref())?;
        Ok(Self { folder: path, largest: largest_mib.saturating_mul(1 << 20), durability, host })
    }
}

fn check_token(folder: &Path, given: Option<&Secret>) -> Result<(), Error> {
    let file = folder.join(".token");
    let wanted = match fs::read_to_string(&file) {
        Ok(text) => text,
        // No token is asked for. Whether the folder is there is a question for `check`.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("read", &file, &error)),
    };
    // An error says what to change, and never what the secret is.
    match given {
        Some(token) if token.reveal() == wanted.trim() => Ok(()),
        Some(_) => Err(Error::new(
            ErrorKind::PermissionDenied,
            format!("the token is not that of {}", folder.display()),
        )),
        None => Err(Error::new(
            ErrorKind::InvalidConfig,
            format!("{} asks for a token: give `token`", folder.display()),
        )),
    }
}

export_plugin! {
    /// Keeps artifacts in a folder that a team shares
    artifact_store "team-folder" = TeamFolder;
}
