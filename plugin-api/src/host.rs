//! What the host lends to a component: a log, progress, secrets, cancellation and folders.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{Error, ErrorKind};

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Somebody has to act.
    Error = 1,
    /// Somebody should know.
    Warning = 2,
    /// What happens, for those who watch.
    Info = 3,
    /// What happens, for those who look for a fault.
    Debug = 4,
}

/// The services of a host, as the host implements them. Authors use [`Host`].
pub trait HostServices: Send + Sync {
    /// Takes a line for the log.
    fn log(&self, level: Level, message: &str);
    /// Takes how far a long operation is: units done and, if known, units in all.
    fn progress(&self, label: &str, done: u64, total: Option<u64>);
    /// The value of a secret.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is none of that name.
    fn secret(&self, name: &str) -> Result<String, Error>;
    /// Whether the operation under way should stop.
    fn is_cancelled(&self) -> bool;
    /// A folder for this component alone that stays, made when first asked for.
    ///
    /// # Errors
    /// It cannot be made.
    fn data_folder(&self) -> Result<PathBuf, Error>;
    /// A folder for this component alone that may be emptied between commands, made when first asked for.
    ///
    /// # Errors
    /// It cannot be made.
    fn scratch_folder(&self) -> Result<PathBuf, Error>;
    /// A service by name, with a request and an answer in JSON: the way in which services are added after an interface is
    /// frozen. [`Host`] has a method for each, so authors do not call this.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) for a service that this host does not have.
    fn call(&self, service: &str, request: &str) -> Result<String, Error> {
        let _ = request;
        Err(Error::new(ErrorKind::Unsupported, format!("this host has no service `{service}`")))
    }
}

/// The host's services. Cheap to clone; may be used from any thread.
///
/// A plugin does not write to stdout or stderr: what it has to say goes through here.
#[derive(Clone)]
pub struct Host(Arc<dyn HostServices>);

impl Host {
    /// A host made of services; for hosts and tests.
    #[must_use]
    pub fn new(services: Arc<dyn HostServices>) -> Self {
        Self(services)
    }

    /// A host for an author's tests: logs to nowhere, knows no secrets, and has its folders below `folder`.
    #[must_use]
    pub fn for_tests(folder: impl Into<PathBuf>) -> Self {
        Self::new(Arc::new(TestHost { folder: folder.into() }))
    }

    /// Logs for somebody who has to act.
    pub fn error(&self, message: impl fmt::Display) {
        self.0.log(Level::Error, &message.to_string());
    }

    /// Logs for somebody who should know.
    pub fn warning(&self, message: impl fmt::Display) {
        self.0.log(Level::Warning, &message.to_string());
    }

    /// Logs for those who watch.
    pub fn info(&self, message: impl fmt::Display) {
        self.0.log(Level::Info, &message.to_string());
    }

    /// Logs for those who look for a fault.
    pub fn debug(&self, message: impl fmt::Display) {
        self.0.log(Level::Debug, &message.to_string());
    }

    /// Tells how far a long operation is: units done and, if known, units in all.
    pub fn progress(&self, label: &str, done: u64, total: Option<u64>) {
        self.0.progress(label, done, total);
    }

    /// The value of a secret. It must not be logged or put into an error.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is none of that name.
    pub fn secret(&self, name: &str) -> Result<String, Error> {
        self.0.secret(name)
    }

    /// Whether the operation under way should stop; then it returns [`Cancelled`](ErrorKind::Cancelled).
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// A folder for this component alone that stays.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn data_folder(&self) -> Result<PathBuf, Error> {
        self.0.data_folder()
    }

    /// A folder for this component alone that may be emptied between commands.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn scratch_folder(&self) -> Result<PathBuf, Error> {
        self.0.scratch_folder()
    }

    pub(crate) fn services(&self) -> &dyn HostServices {
        &*self.0
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Host")
    }
}

struct TestHost {
    folder: PathBuf,
}

impl TestHost {
    fn folder(&self, name: &str) -> Result<PathBuf, Error> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, &e))?;
        Ok(folder)
    }
}

impl HostServices for TestHost {
    fn log(&self, _: Level, _: &str) {}
    fn progress(&self, _: &str, _: u64, _: Option<u64>) {}
    fn secret(&self, name: &str) -> Result<String, Error> {
        Err(Error::new(ErrorKind::NotFound, format!("there is no secret `{name}`")))
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    fn data_folder(&self) -> Result<PathBuf, Error> {
        self.folder("data")
    }
    fn scratch_folder(&self) -> Result<PathBuf, Error> {
        self.folder("scratch")
    }
}
