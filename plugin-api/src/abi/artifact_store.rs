//! The crossing of `ArtifactStore`.

use std::ops::Range;
use std::path::Path;

use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RBox, ROption, RResult, RSlice, RStr, RString, RVec, Tuple2};

use super::error::{from_json, received, to_json};
use super::guard::Guarded;
use super::host::{BoxedHost, find, lend, open_component, path_text};
use super::{CrossedError, ExportedFlavor, Mismatch, Opener, Root, connect, guard};
use crate::artifact_store::{ArtifactStore, Capabilities, Existing, Object, Source};
use crate::{Component, Error, Host, Key};

pub use crate::artifact_store::INTERFACE;
pub const KIND: &str = crate::ComponentKind::ArtifactStore.as_str();

#[sabi_trait]
pub trait CrossedStore: Send + Sync {
    fn capabilities(&self) -> RResult<RString, CrossedError>;
    fn check(&self) -> RResult<(), CrossedError>;
    fn put(&self, key: RStr<'_>, file: RStr<'_>, give: bool) -> RResult<(), CrossedError>;
    fn get(&self, key: RStr<'_>, destination: RStr<'_>) -> RResult<(), CrossedError>;
    fn write(
        &self,
        key: RStr<'_>,
        bytes: RSlice<'_, u8>,
        replace: bool,
    ) -> RResult<(), CrossedError>;
    fn read(
        &self,
        key: RStr<'_>,
        range: ROption<Tuple2<u64, u64>>,
    ) -> RResult<RVec<u8>, CrossedError>;
    fn stat(&self, key: RStr<'_>) -> RResult<ROption<CrossedObject>, CrossedError>;
    fn list(
        &self,
        prefix: RStr<'_>,
        after: ROption<RStr<'_>>,
        limit: u64,
    ) -> RResult<RVec<CrossedObject>, CrossedError>;
    fn delete(&self, key: RStr<'_>) -> RResult<(), CrossedError>;
}

pub type BoxedStore = CrossedStore_TO<'static, RBox<()>>;
pub type Opened = RResult<BoxedStore, CrossedError>;
pub type OpenFn = fn(&str, BoxedHost) -> Result<Box<dyn ArtifactStore>, Error>;

/// What `artifact-store/1` answers with. Frozen once released.
#[repr(C)]
#[derive(StableAbi)]
pub struct Table {
    pub open: extern "C" fn(RStr<'_>, RStr<'_>, BoxedHost) -> Opened,
}

#[repr(C)]
#[derive(StableAbi)]
pub struct CrossedObject {
    key: RString,
    size: u64,
    modified_ms: u64,
}

impl From<Object> for CrossedObject {
    fn from(object: Object) -> Self {
        let Object { key, size, modified_ms } = object;
        Self { key: key.as_str().into(), size, modified_ms }
    }
}

impl CrossedObject {
    fn received(self) -> Result<Object, Error> {
        let Self { key, size, modified_ms } = self;
        Ok(Object { key: Key::new(key)?, size, modified_ms })
    }
}

/// How `export_plugin!` opens a flavor of type `C`.
#[must_use]
pub const fn opener<C: Component + ArtifactStore + 'static>() -> Opener {
    Opener::ArtifactStore(|config, host| Ok(Box::new(open_component::<C>(config, host)?)))
}

/// The library's side of [`Table::open`].
#[must_use]
pub fn open(
    flavors: &[ExportedFlavor],
    name: RStr<'_>,
    config: RStr<'_>,
    host: BoxedHost,
) -> Opened {
    guard(|| match find(flavors, KIND, name.as_str())? {
        Opener::ArtifactStore(open) => {
            let store = open(config.as_str(), host)?;
            Ok(exported(store))
        }
        Opener::Orchestrator(_) => Err(Error::other("the flavor is listed under a wrong kind")),
    })
}

/// The library's side: every entry guarded, every key checked.
struct Exported(Guarded<Box<dyn ArtifactStore>>);

fn exported(store: Box<dyn ArtifactStore>) -> BoxedStore {
    CrossedStore_TO::from_value(Exported(Guarded::new(store)), TD_Opaque)
}

fn key(text: RStr<'_>) -> Result<Key, Error> {
    Ok(Key::new(text.as_str())?)
}

impl CrossedStore for Exported {
    fn capabilities(&self) -> RResult<RString, CrossedError> {
        guard(|| to_json(&self.0.capabilities()))
    }
    fn check(&self) -> RResult<(), CrossedError> {
        guard(|| self.0.check())
    }
    fn put(&self, name: RStr<'_>, file: RStr<'_>, give: bool) -> RResult<(), CrossedError> {
        let source = if give { Source::Give } else { Source::Keep };
        guard(|| self.0.put(&key(name)?, Path::new(file.as_str()), source))
    }
    fn get(&self, name: RStr<'_>, destination: RStr<'_>) -> RResult<(), CrossedError> {
        guard(|| self.0.get(&key(name)?, Path::new(destination.as_str())))
    }
    fn write(
        &self,
        name: RStr<'_>,
        bytes: RSlice<'_, u8>,
        replace: bool,
    ) -> RResult<(), CrossedError> {
        let existing = if replace { Existing::Replace } else { Existing::Refuse };
        guard(|| self.0.write(&key(name)?, bytes.as_slice(), existing))
    }
    fn read(
        &self,
        name: RStr<'_>,
        range: ROption<Tuple2<u64, u64>>,
    ) -> RResult<RVec<u8>, CrossedError> {
        let range = range.into_option().map(|Tuple2(start, end)| start..end);
        guard(|| self.0.read(&key(name)?, range).map(RVec::from))
    }
    fn stat(&self, name: RStr<'_>) -> RResult<ROption<CrossedObject>, CrossedError> {
        guard(|| Ok(self.0.stat(&key(name)?)?.map(CrossedObject::from).into()))
    }
    fn list(
        &self,
        prefix: RStr<'_>,
        after: ROption<RStr<'_>>,
        limit: u64,
    ) -> RResult<RVec<CrossedObject>, CrossedError> {
        guard(|| {
            let after = after.into_option().map(key).transpose()?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let objects = self.0.list(prefix.as_str(), after.as_ref(), limit)?;
            Ok(objects.into_iter().map(CrossedObject::from).collect())
        })
    }
    fn delete(&self, name: RStr<'_>) -> RResult<(), CrossedError> {
        guard(|| self.0.delete(&key(name)?))
    }
}

/// The host's side: a store in a library, as plain Rust.
struct Foreign {
    store: BoxedStore,
    /// Asked once, since they are constant; so a store that cannot tell them is refused when it is opened.
    capabilities: Capabilities,
}

impl Foreign {
    fn received(opened: Opened) -> Result<Box<dyn ArtifactStore>, Error> {
        let store = received(opened)?;
        let capabilities = from_json(&received(store.capabilities())?)?;
        Ok(Box::new(Self { store, capabilities }))
    }
}

impl ArtifactStore for Foreign {
    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }
    fn check(&self) -> Result<(), Error> {
        received(self.store.check())
    }
    fn put(&self, key: &Key, file: &Path, source: Source) -> Result<(), Error> {
        let file = path_text(file)?.into();
        received(self.store.put(key.as_str().into(), file, source == Source::Give))
    }
    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        received(self.store.get(key.as_str().into(), path_text(destination)?.into()))
    }
    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        received(self.store.write(key.as_str().into(), bytes.into(), existing == Existing::Replace))
    }
    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        let range = range.map(|range| Tuple2(range.start, range.end)).into();
        received(self.store.read(key.as_str().into(), range)).map(Vec::from)
    }
    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        let object = received(self.store.stat(key.as_str().into()))?;
        object.into_option().map(CrossedObject::received).transpose()
    }
    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        let after = after.map(|key| RStr::from(key.as_str())).into();
        let objects = received(self.store.list(prefix.into(), after, limit as u64))?;
        objects.into_iter().map(CrossedObject::received).collect()
    }
    fn delete(&self, key: &Key) -> Result<(), Error> {
        received(self.store.delete(key.as_str().into()))
    }
}

/// A library's artifact stores, its interface checked.
#[derive(Clone, Copy)]
pub struct Factory(&'static Table);

impl Factory {
    /// Asks a library for the interface.
    ///
    /// # Errors
    /// [`Mismatch`].
    pub fn connect(root: &'static Root) -> Result<Self, Mismatch> {
        connect(root, INTERFACE).map(Self)
    }

    /// Opens a flavor; `config` is JSON.
    ///
    /// # Errors
    /// What the flavor's `open` says.
    pub fn open(
        self,
        name: &str,
        config: &str,
        host: Host,
    ) -> Result<Box<dyn ArtifactStore>, Error> {
        Foreign::received((self.0.open)(name.into(), config.into(), lend(host)))
    }
}

/// Opens a flavor of this process as if it came from a library; for the testkit.
///
/// # Errors
/// What the flavor's `open` says.
pub fn open_here<C: Component + ArtifactStore + 'static>(
    config: &str,
    host: Host,
) -> Result<Box<dyn ArtifactStore>, Error> {
    let flavors = [ExportedFlavor { name: "here", kind: KIND, open: opener::<C>() }];
    Foreign::received(open(&flavors, "here".into(), config.into(), lend(host)))
}

/// Sends a store through the crossing and back, in one process.
///
/// # Panics
/// If the store cannot tell its capabilities.
#[must_use]
pub fn round_trip(store: Box<dyn ArtifactStore>) -> Box<dyn ArtifactStore> {
    Foreign::received(RResult::ROk(exported(store))).expect("it tells its capabilities")
}
