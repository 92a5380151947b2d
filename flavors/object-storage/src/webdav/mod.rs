//! The `webdav` artifact store: a folder on a WebDAV server.

mod fault;
mod lock;
mod publish;
mod request;
mod store;

use std::num::NonZeroU32;

use opendal::Operator;
use reqwest::Url;
use sundae_plugin_api::{Component, Config, Error, ErrorKind, Host, Secret};

use crate::client::client;
use crate::listing::Cursors;
use crate::place::{Place, trimmed};
use crate::remote::{Effort, Remote, Sameness};
use crate::tree::Walk;
use request::Requests;

/// How a `webdav` artifact store is configured.
#[derive(serde::Deserialize, Config)]
pub struct WebdavConfig {
    /// The address of the server, as in https://dav.example.com/remote.php/dav/files/me.
    endpoint: String,
    /// The folder below that address in which the artifacts are kept; made if it does not exist. Default: the address itself.
    folder: Option<String>,
    /// The user.
    username: Option<String>,
    /// The user's password: `{secret.NAME}`.
    password: Option<Secret>,
    /// A token, in place of user and password: `{secret.NAME}`.
    token: Option<Secret>,
    /// How often one request is made at most, with growing pauses, if the server is busy or the connection breaks.
    #[config(default = 5)]
    attempts: NonZeroU32,
    /// How many seconds one request may take, not counting the time for the content of a long file.
    #[config(default = 60)]
    timeout_seconds: NonZeroU32,
}

/// Keeps artifacts in a folder on a WebDAV server.
pub struct Webdav {
    /// What looks and reads.
    remote: Remote,
    /// What writes.
    requests: Requests,
    cursors: Cursors<Walk>,
}

impl Component for Webdav {
    type Config = WebdavConfig;

    fn open(config: WebdavConfig, host: Host) -> Result<Self, Error> {
        let endpoint = Url::parse(&config.endpoint)
            .ok()
            .filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host())
            .ok_or_else(|| {
                invalid("`endpoint` must be an address such as https://dav.example.com/files")
            })?;
        if config.username.is_some() && config.token.is_some() {
            return Err(invalid("`username` and `token` are both given: give one"));
        }
        let place = place(&config);
        let operator = operator(&config)?;
        let effort = Effort {
            parallel: NonZeroU32::MIN,
            attempts: config.attempts,
            timeout_seconds: config.timeout_seconds,
        };
        let remote =
            Remote::new(operator, place.clone(), host.clone(), Sameness::OneStream, effort)?;
        let requests = Requests::new(client()?, &endpoint, config, place, host);
        Ok(Self { remote, requests, cursors: Cursors::default() })
    }
}

fn place(config: &WebdavConfig) -> Place {
    let folder = trimmed(config.folder.as_deref());
    let endpoint = config.endpoint.trim_end_matches('/').to_owned();
    Place {
        holder: "folder",
        name: format!("/{folder}"),
        field: "folder",
        location: format!("{endpoint}/{folder}").trim_end_matches('/').to_owned(),
        endpoint,
        credentials: "check `username` and `password`, or `token`",
        permissions: "the user must be allowed to read and write in `folder`",
    }
}

fn operator(config: &WebdavConfig) -> Result<Operator, Error> {
    let mut builder = opendal::services::Webdav::default()
        .endpoint(config.endpoint.trim_end_matches('/'))
        .root(trimmed(config.folder.as_deref()));
    if let Some(user) = &config.username {
        builder = builder.username(user);
    }
    if let Some(password) = &config.password {
        builder = builder.password(password.reveal());
    }
    if let Some(token) = &config.token {
        builder = builder.token(token.reveal());
    }
    Operator::new(builder)
        .map_err(|error| invalid(&format!("`webdav` cannot be configured so: {}", error.message())))
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}
