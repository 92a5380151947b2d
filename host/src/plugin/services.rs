//! What the host lends to the components that it opens.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sundae_plugin_api::{Error, ErrorKind, Host, HostServices, Level};

/// Where the log lines of components go. Called from any thread.
pub type LogSink = Arc<dyn Fn(Level, &str, &str) + Send + Sync>;

/// The services for one component.
pub struct Services {
    /// Its name, which is put before what it logs.
    pub component: String,
    /// See [`HostServices::data_folder`].
    pub data_folder: PathBuf,
    /// See [`HostServices::scratch_folder`].
    pub scratch_folder: PathBuf,
    /// Takes level, component and message.
    pub log: LogSink,
    /// Set when the operation under way should stop.
    pub cancelled: Arc<AtomicBool>,
    /// The secrets that it may ask for, by name: those that its configuration names.
    pub secrets: BTreeMap<String, String>,
}

impl Services {
    /// The services as they are lent.
    #[must_use]
    pub fn lend(self) -> Host {
        Host::new(Arc::new(self))
    }
}

fn made(folder: &PathBuf) -> Result<PathBuf, Error> {
    std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, &error))?;
    Ok(folder.clone())
}

impl HostServices for Services {
    fn log(&self, level: Level, message: &str) {
        (self.log)(level, &self.component, message);
    }
    fn progress(&self, _: &str, _: u64, _: Option<u64>) {}
    fn secret(&self, name: &str) -> Result<String, Error> {
        self.secrets.get(name).cloned().ok_or_else(|| {
            let message = format!("its configuration names no secret `{name}`");
            Error::new(ErrorKind::NotFound, message)
        })
    }
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
    fn data_folder(&self) -> Result<PathBuf, Error> {
        made(&self.data_folder)
    }
    fn scratch_folder(&self) -> Result<PathBuf, Error> {
        made(&self.scratch_folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_gets_the_secrets_that_its_configuration_names_and_no_others() {
        let lent = Services {
            component: "artifact store `s3`".to_owned(),
            data_folder: PathBuf::new(),
            scratch_folder: PathBuf::new(),
            log: Arc::new(|_, _, _| {}),
            cancelled: Arc::default(),
            secrets: BTreeMap::from([("token".to_owned(), "hunter2".to_owned())]),
        }
        .lend();
        assert_eq!(lent.secret("token").unwrap(), "hunter2");
        let refused = lent.secret("other").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        assert_eq!(refused.to_string(), "its configuration names no secret `other`");
    }
}
