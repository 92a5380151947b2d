//! How a component says that it could not do something.

use std::fmt;
use std::io;
use std::path::Path;

/// What a program may decide on. People read the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The object, job or service named does not exist.
    NotFound,
    /// Something stands where something new was to be put.
    AlreadyExists,
    /// The component's configuration cannot work.
    InvalidConfig,
    /// Credentials or rights do not suffice.
    PermissionDenied,
    /// No room is left where the component writes.
    OutOfSpace,
    /// The service behind the component cannot be reached, or answers that it is not able to work now.
    Unavailable,
    /// It took longer than it may.
    Timeout,
    /// The host asked to stop.
    Cancelled,
    /// The component cannot do this, and says so in its capabilities.
    Unsupported,
    /// The plugin's code panicked; the message has file and line.
    Panicked,
    /// None of the above.
    Other,
}

impl ErrorKind {
    const NAMES: [(Self, &'static str); 11] = [
        (Self::NotFound, "not-found"),
        (Self::AlreadyExists, "already-exists"),
        (Self::InvalidConfig, "invalid-config"),
        (Self::PermissionDenied, "permission-denied"),
        (Self::OutOfSpace, "out-of-space"),
        (Self::Unavailable, "unavailable"),
        (Self::Timeout, "timeout"),
        (Self::Cancelled, "cancelled"),
        (Self::Unsupported, "unsupported"),
        (Self::Panicked, "panicked"),
        (Self::Other, "other"),
    ];

    /// The name by which this kind crosses the library boundary and stands in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("other", |(_, name)| name)
    }

    /// The kind of that name; [`Self::Other`] for one that this version does not know.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::NAMES.iter().find(|(_, known)| *known == name).map_or(Self::Other, |(kind, _)| *kind)
    }
}

/// A failure of a component: a kind to decide on, a message to read, and what it was about.
///
/// The message is a lowercase fragment without full stop that can follow "failed to …:", and never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    context: Vec<(String, String)>,
    retryable: bool,
}

impl Error {
    /// An error that trying again will not cure.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), context: Vec::new(), retryable: false }
    }

    /// An error of kind [`ErrorKind::Other`].
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Other, message)
    }

    /// An I/O error, with what was being done and to which path: `cannot write /data/x: no space left on device`.
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(kind_of(error), format!("cannot {doing} {}: {error}", path.display()))
    }

    /// Adds what this was about, as in `("bucket", "training")`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.push((name.into(), value.into()));
        self
    }

    /// Says that the same call may succeed if made again.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// What a program may decide on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What a person reads.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What it was about, as pairs of name and value.
    #[must_use]
    pub fn context(&self) -> &[(String, String)] {
        &self.context
    }

    /// Whether the same call may succeed if made again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }
}

fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            ErrorKind::PermissionDenied
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::OutOfSpace,
        io::ErrorKind::TimedOut => ErrorKind::Timeout,
        _ => ErrorKind::Other,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (position, (name, value)) in self.context.iter().enumerate() {
            let separator = if position == 0 { " (" } else { ", " };
            write!(f, "{separator}{name}: {value}")?;
        }
        if self.context.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_that_leads_back() {
        let names: std::collections::BTreeSet<_> = ErrorKind::NAMES.map(|(_, name)| name).into();
        assert_eq!(names.len(), ErrorKind::NAMES.len());
        for (kind, name) in ErrorKind::NAMES {
            assert_eq!((kind.as_str(), ErrorKind::from_name(name)), (name, kind));
        }
        assert_eq!(ErrorKind::from_name("a kind of the future"), ErrorKind::Other);
    }

    #[test]
    fn an_error_reads_as_a_sentence_with_what_it_was_about() {
        let error = Error::new(ErrorKind::NotFound, "there is no object x");
        assert_eq!(error.to_string(), "there is no object x");
        let error = error.with("bucket", "training").with("region", "eu");
        assert_eq!(error.to_string(), "there is no object x (bucket: training, region: eu)");
    }

    #[test]
    fn an_io_error_keeps_its_kind_and_path() {
        for (io_kind, kind) in [
            (io::ErrorKind::NotFound, ErrorKind::NotFound),
            (io::ErrorKind::StorageFull, ErrorKind::OutOfSpace),
            (io::ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied),
            (io::ErrorKind::TimedOut, ErrorKind::Timeout),
            (io::ErrorKind::BrokenPipe, ErrorKind::Other),
        ] {
            let error = Error::io("write", Path::new("/data/x"), &io_kind.into());
            assert_eq!(error.kind(), kind);
            assert!(error.message().starts_with("cannot write /data/x: "), "{error}");
        }
    }
}
