//! The crossing of the host's services, and what every opening of a component has in common.

use std::path::PathBuf;
use std::sync::Arc;

use abi_stable::sabi_trait;
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RBox, ROption, RResult, RStr, RString};

use super::error::received;
use super::guard::Guarded;
use super::{CrossedError, ExportedFlavor, Opener, guard};
use crate::{Component, Config, ConfigSchema, Error, ErrorKind, Host, HostServices, Level};

#[sabi_trait]
pub trait CrossedHost: Send + Sync {
    fn log(&self, level: u8, message: RStr<'_>);
    fn progress(&self, label: RStr<'_>, done: u64, total: ROption<u64>);
    fn secret(&self, name: RStr<'_>) -> RResult<RString, CrossedError>;
    fn is_cancelled(&self) -> bool;
    fn data_folder(&self) -> RResult<RString, CrossedError>;
    fn scratch_folder(&self) -> RResult<RString, CrossedError>;
    /// The way in which services can be added: by name, with JSON. Every component kind is handed this trait, so that
    /// a method more would be a new interface of each of them.
    fn call(&self, service: RStr<'_>, request: RStr<'_>) -> RResult<RString, CrossedError>;
}

pub type BoxedHost = CrossedHost_TO<'static, RBox<()>>;

/// The host's side: a [`Host`] that is called from a library.
struct Lent(Guarded<Host>);

impl Lent {
    fn folder(folder: Result<PathBuf, Error>) -> Result<RString, Error> {
        path_text(&folder?).map(RString::from)
    }
}

impl CrossedHost for Lent {
    fn log(&self, level: u8, message: RStr<'_>) {
        let level = match level {
            1 => Level::Error,
            2 => Level::Warning,
            3 => Level::Info,
            _ => Level::Debug,
        };
        drop(guard(|| {
            self.0.services().log(level, message.as_str());
            Ok(())
        }));
    }
    fn progress(&self, label: RStr<'_>, done: u64, total: ROption<u64>) {
        drop(guard(|| {
            self.0.services().progress(label.as_str(), done, total.into_option());
            Ok(())
        }));
    }
    fn secret(&self, name: RStr<'_>) -> RResult<RString, CrossedError> {
        guard(|| self.0.services().secret(name.as_str()).map(RString::from))
    }
    fn is_cancelled(&self) -> bool {
        guard(|| Ok(self.0.services().is_cancelled())).unwrap_or(true)
    }
    fn data_folder(&self) -> RResult<RString, CrossedError> {
        guard(|| Self::folder(self.0.services().data_folder()))
    }
    fn scratch_folder(&self) -> RResult<RString, CrossedError> {
        guard(|| Self::folder(self.0.services().scratch_folder()))
    }
    fn call(&self, service: RStr<'_>, request: RStr<'_>) -> RResult<RString, CrossedError> {
        guard(|| self.0.services().call(service.as_str(), request.as_str()).map(RString::from))
    }
}

/// The library's side: services that call the host.
struct Borrowed(BoxedHost);

impl HostServices for Borrowed {
    fn log(&self, level: Level, message: &str) {
        self.0.log(level as u8, RStr::from(message));
    }
    fn progress(&self, label: &str, done: u64, total: Option<u64>) {
        self.0.progress(RStr::from(label), done, total.into());
    }
    fn secret(&self, name: &str) -> Result<String, Error> {
        received(self.0.secret(RStr::from(name))).map(String::from)
    }
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
    fn data_folder(&self) -> Result<PathBuf, Error> {
        received(self.0.data_folder()).map(|text| PathBuf::from(text.as_str()))
    }
    fn scratch_folder(&self) -> Result<PathBuf, Error> {
        received(self.0.scratch_folder()).map(|text| PathBuf::from(text.as_str()))
    }
    fn call(&self, service: &str, request: &str) -> Result<String, Error> {
        received(self.0.call(RStr::from(service), RStr::from(request))).map(String::from)
    }
}

/// Lends a host to a library.
pub(super) fn lend(host: Host) -> BoxedHost {
    CrossedHost_TO::from_value(Lent(Guarded::new(host)), TD_Opaque)
}

/// Paths cross as text.
pub(super) fn path_text(path: &std::path::Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| {
        Error::other(format!(
            "the path {} is not valid UTF-8, and plugins take no other",
            path.display()
        ))
    })
}

/// Opens a component in the library: configuration from JSON, defaults filled in, checked against the schema.
pub(super) fn open_component<C: Component>(config: &str, host: BoxedHost) -> Result<C, Error> {
    let invalid = |text: String| Error::new(ErrorKind::InvalidConfig, text);
    let schema: ConfigSchema = serde_json::from_str(C::Config::SCHEMA).map_err(|error| {
        Error::other(format!("the flavor's config schema is unreadable: {error}"))
    })?;
    let given = serde_json::from_str(config).map_err(|error| invalid(error.to_string()))?;
    schema.check(&given).map_err(|problems| {
        invalid(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })?;
    let complete = serde_json::Value::Object(schema.with_defaults(&given));
    let config = serde_json::from_value(complete).map_err(|error| invalid(error.to_string()))?;
    C::open(config, Host::new(Arc::new(Borrowed(host))))
}

/// The flavor of that kind and name.
pub(super) fn find<'a>(
    flavors: &'a [ExportedFlavor],
    kind: &str,
    name: &str,
) -> Result<&'a Opener, Error> {
    flavors
        .iter()
        .find(|flavor| flavor.kind == kind && flavor.name == name)
        .map(|flavor| &flavor.open)
        .ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("the plugin has no flavor {kind}/{name}"))
        })
}
