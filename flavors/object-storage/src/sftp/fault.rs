//! What goes wrong with an SFTP server, in words.

use openssh_sftp_client::Error as Fault;
use openssh_sftp_client::error::SftpErrorKind;
use sundae_plugin_api::{Error, ErrorKind, Key};

use crate::fault::missing;
use crate::place::Place;

/// Why something could not be done on the server.
pub(crate) enum Failure {
    /// There is no such file or folder.
    Missing,
    /// The user may not.
    Denied,
    /// The server says no, and not why: SFTP has one word for "exists", "is a folder", "no room" and all else.
    Refused(String),
    /// The server does not know the request.
    Unsupported(String),
    /// The connection is gone, or could not be made now.
    Lost(String),
    /// It took too long.
    Slow,
    /// It has nothing to do with the server.
    Ours(Error),
}

impl From<Fault> for Failure {
    fn from(error: Fault) -> Self {
        match &error {
            Fault::SftpError(SftpErrorKind::NoSuchFile, _) => Self::Missing,
            Fault::SftpError(SftpErrorKind::PermDenied, _) => Self::Denied,
            Fault::SftpError(SftpErrorKind::OpUnsupported, text) => {
                Self::Unsupported(text.to_string())
            }
            Fault::SftpError(_, text) => Self::Refused(text.to_string()),
            Fault::UnsupportedExtension(name) => Self::Unsupported((**name).to_owned()),
            _ => Self::Lost(error.to_string()),
        }
    }
}

impl Failure {
    /// As an error of the store, while `doing` something to an object.
    pub(crate) fn explain(self, place: &Place, doing: &str, key: &str) -> Error {
        let what = if key.is_empty() { doing.to_owned() } else { format!("{doing} {key}") };
        let at = place.text();
        let failed = |kind, why: String| Error::new(kind, format!("cannot {what} in {at}: {why}"));
        match self {
            Self::Missing => missing(place, key),
            Self::Denied => {
                let why = format!("permission is denied: {}", place.permissions);
                failed(ErrorKind::PermissionDenied, why)
            }
            Self::Refused(said) if said.contains("space") || said.contains("quota") => {
                failed(ErrorKind::OutOfSpace, said)
            }
            Self::Refused(said) => {
                let why = format!("the server refuses ({said}); is there room left?");
                failed(ErrorKind::Other, why)
            }
            Self::Unsupported(said) => {
                failed(ErrorKind::Unsupported, format!("the server cannot do that ({said})"))
            }
            Self::Lost(why) => failed(ErrorKind::Unavailable, why).retryable(),
            Self::Slow => {
                let why = "no answer in time: raise `timeout_seconds` for a slow network";
                failed(ErrorKind::Timeout, why.to_owned()).retryable()
            }
            Self::Ours(error) => error,
        }
    }

    /// As [`explain`](Self::explain), for an object.
    pub(crate) fn of(self, place: &Place, doing: &str, key: &Key) -> Error {
        self.explain(place, doing, key.as_str())
    }
}

/// Why `ssh` ended before it spoke SFTP.
pub(crate) fn refused(place: &Place, said: &str, error: &Fault) -> Failure {
    let host = &place.endpoint;
    let last = said.lines().last().unwrap_or_default();
    let ours = |kind, why: String| {
        Failure::Ours(Error::new(kind, format!("cannot connect to {host}: {why}")))
    };
    if said.contains("Permission denied") {
        let why = format!("the server refuses the key or user ({last}): {}", place.credentials);
        return ours(ErrorKind::PermissionDenied, why);
    }
    if said.contains("Host key verification failed") || said.contains("REMOTE HOST IDENTIFICATION")
    {
        let why = "its key is not among the known hosts: connect once with `ssh` and compare the key, or give \
                   `known_hosts_file`";
        return ours(ErrorKind::PermissionDenied, why.to_owned());
    }
    if said.contains("Could not resolve") {
        return ours(ErrorKind::InvalidConfig, format!("{last}: correct `endpoint`"));
    }
    if said.contains("subsystem request failed") {
        return ours(ErrorKind::InvalidConfig, "the server does not offer SFTP".to_owned());
    }
    let why = if last.is_empty() { error.to_string() } else { last.to_owned() };
    Failure::Lost(format!("cannot connect to {host}: {why}"))
}
