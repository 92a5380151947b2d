//! The `sftp` artifact store: a folder on a server that is reached by SSH.

mod connection;
mod fault;
mod files;
mod store;

use std::num::NonZeroU32;
use std::path::PathBuf;

use sundae_plugin_api::{Component, Config, Error, ErrorKind, Host, Secret};

use crate::listing::Cursors;
use crate::place::Place;
use crate::tree::Walk;
use connection::Connection;

/// How an `sftp` artifact store is configured.
#[derive(serde::Deserialize, Config)]
pub struct SftpConfig {
    /// The server, as `ssh` takes it: a host of `~/.ssh/config`, `user@host`, or `ssh://user@host:port`.
    endpoint: String,
    /// The folder on the server in which the artifacts are kept; made if it does not exist. Without `/` at its start it is in the user's home.
    folder: String,
    /// The private key, as text: `{secret.NAME}`. Default: what `ssh` finds: the agent, `~/.ssh/config`, the usual files.
    private_key: Option<Secret>,
    /// A file with the private key, on every machine that uses the store.
    key_file: Option<PathBuf>,
    /// A file with the keys of known servers, in the place of `~/.ssh/known_hosts`.
    known_hosts_file: Option<PathBuf>,
    /// How often an operation is tried at most, with growing pauses, if the connection breaks.
    #[config(default = 4)]
    attempts: NonZeroU32,
    /// How many seconds one request may take: connecting, or reading or writing a block.
    #[config(default = 60)]
    timeout_seconds: NonZeroU32,
}

/// Keeps artifacts in a folder on an SFTP server.
pub struct Sftp {
    connection: Connection,
    place: Place,
    host: Host,
    root: String,
    cursors: Cursors<Walk>,
}

impl Component for Sftp {
    type Config = SftpConfig;

    fn open(config: SftpConfig, host: Host) -> Result<Self, Error> {
        if config.endpoint.is_empty() || config.endpoint.starts_with('-') {
            let message = "`endpoint` must be a host as `ssh` takes it: `user@host`";
            return Err(Error::new(ErrorKind::InvalidConfig, message));
        }
        if config.private_key.is_some() && config.key_file.is_some() {
            let message = "`private_key` and `key_file` are both given: give one";
            return Err(Error::new(ErrorKind::InvalidConfig, message));
        }
        let root = match config.folder.trim_end_matches('/') {
            "" if config.folder.starts_with('/') => {
                let message = "`folder` must not be the root of the server: name a folder in it";
                return Err(Error::new(ErrorKind::InvalidConfig, message));
            }
            "" => return Err(Error::new(ErrorKind::InvalidConfig, "`folder` must not be empty")),
            folder => folder.to_owned(),
        };
        let place = place(&config.endpoint, &root);
        let connection = Connection::new(config, place.clone(), host.clone());
        Ok(Self { connection, place, host, root, cursors: Cursors::default() })
    }
}

fn place(endpoint: &str, folder: &str) -> Place {
    let bare = endpoint.trim_start_matches("ssh://").trim_start_matches("sftp://");
    Place {
        holder: "folder",
        name: folder.to_owned(),
        field: "folder",
        endpoint: bare.to_owned(),
        credentials: "try `ssh` with the same host; keys come from `private_key`, `key_file`, the agent or `~/.ssh/config`",
        permissions: "the user must be allowed to read and write in `folder`",
        location: format!("sftp://{bare}/{}", folder.trim_start_matches('/')),
    }
}
