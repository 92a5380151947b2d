//! The crossing of `Orchestrator`, and of the work that it is handed.

use std::time::Duration;

use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RBox, RResult, RStr, RString, RVec};

use super::error::{from_json, received, to_json};
use super::host::{BoxedHost, find, lend, open_component};
use super::{CrossedError, ExportedFlavor, Mismatch, Opener, Root, connect, guard};
use crate::orchestrator::{Capabilities, Change, Handle, Job, JobState, Orchestrator, Work};
use crate::{Component, Error, Host};

pub use crate::orchestrator::INTERFACE;
pub const KIND: &str = crate::ComponentKind::Orchestrator.as_str();

#[sabi_trait]
pub trait CrossedOrchestrator: Send + Sync {
    fn capabilities(&self) -> RResult<RString, CrossedError>;
    fn submit(&self, description: RStr<'_>, work: BoxedWork) -> RResult<RString, CrossedError>;
    fn wait(&self, timeout_ms: u64) -> RResult<RString, CrossedError>;
    fn cancel(&self, handle: RStr<'_>) -> RResult<(), CrossedError>;
    fn logs(&self, handle: RStr<'_>, from: u64) -> RResult<RVec<u8>, CrossedError>;
    fn reattach(&self, handle: RStr<'_>) -> RResult<RString, CrossedError>;
}

#[sabi_trait]
pub trait CrossedWork: Send + Sync {
    fn run(&self) -> RResult<i32, CrossedError>;
    fn cancel(&self);
}

pub type BoxedOrchestrator = CrossedOrchestrator_TO<'static, RBox<()>>;
pub type BoxedWork = CrossedWork_TO<'static, RBox<()>>;
pub type Opened = RResult<BoxedOrchestrator, CrossedError>;
pub type OpenFn = fn(&str, BoxedHost) -> Result<Box<dyn Orchestrator>, Error>;

/// What `orchestrator/1` answers with. Frozen once released.
#[repr(C)]
#[derive(StableAbi)]
pub struct Table {
    pub open: extern "C" fn(RStr<'_>, RStr<'_>, BoxedHost) -> Opened,
}

/// How `export_plugin!` opens a flavor of type `C`.
#[must_use]
pub const fn opener<C: Component + Orchestrator + 'static>() -> Opener {
    Opener::Orchestrator(|config, host| Ok(Box::new(open_component::<C>(config, host)?)))
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
        Opener::Orchestrator(open) => {
            let orchestrator = open(config.as_str(), host)?;
            Ok(CrossedOrchestrator_TO::from_value(Exported(orchestrator), TD_Opaque))
        }
        Opener::ArtifactStore(_) => Err(Error::other("the flavor is listed under a wrong kind")),
    })
}

/// The library's side: every entry guarded.
struct Exported(Box<dyn Orchestrator>);

impl CrossedOrchestrator for Exported {
    fn capabilities(&self) -> RResult<RString, CrossedError> {
        guard(|| to_json(&self.0.capabilities()))
    }
    fn submit(&self, description: RStr<'_>, work: BoxedWork) -> RResult<RString, CrossedError> {
        guard(|| {
            let description = from_json(description.as_str())?;
            let job = Job { description, work: Box::new(ForeignWork(work)) };
            self.0.submit(job).map(|handle| handle.0.into())
        })
    }
    fn wait(&self, timeout_ms: u64) -> RResult<RString, CrossedError> {
        guard(|| to_json(&self.0.wait(Duration::from_millis(timeout_ms))?))
    }
    fn cancel(&self, handle: RStr<'_>) -> RResult<(), CrossedError> {
        guard(|| self.0.cancel(&Handle(handle.into())))
    }
    fn logs(&self, handle: RStr<'_>, from: u64) -> RResult<RVec<u8>, CrossedError> {
        guard(|| self.0.logs(&Handle(handle.into()), from).map(RVec::from))
    }
    fn reattach(&self, handle: RStr<'_>) -> RResult<RString, CrossedError> {
        guard(|| to_json(&self.0.reattach(&Handle(handle.into()))?))
    }
}

/// The host's side of work: called from the library, so guarded too.
struct ExportedWork(Box<dyn Work>);

impl CrossedWork for ExportedWork {
    fn run(&self) -> RResult<i32, CrossedError> {
        guard(|| self.0.run())
    }
    fn cancel(&self) {
        drop(guard(|| {
            self.0.cancel();
            Ok(())
        }));
    }
}

/// The library's side of work: plain Rust that calls the host.
struct ForeignWork(BoxedWork);

impl Work for ForeignWork {
    fn run(&self) -> Result<i32, Error> {
        received(self.0.run())
    }
    fn cancel(&self) {
        self.0.cancel();
    }
}

/// The host's side: an orchestrator in a library, as plain Rust.
struct Foreign(BoxedOrchestrator);

impl Orchestrator for Foreign {
    fn capabilities(&self) -> Capabilities {
        // One that cannot tell its capabilities has none.
        received(self.0.capabilities()).and_then(|json| from_json(&json)).unwrap_or_default()
    }
    fn submit(&self, job: Job) -> Result<Handle, Error> {
        let work = CrossedWork_TO::from_value(ExportedWork(job.work), TD_Opaque);
        let description = to_json(&job.description)?;
        received(self.0.submit(description.as_rstr(), work)).map(|handle| Handle(handle.into()))
    }
    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        from_json(&received(self.0.wait(timeout_ms))?)
    }
    fn cancel(&self, handle: &Handle) -> Result<(), Error> {
        received(self.0.cancel(handle.0.as_str().into()))
    }
    fn logs(&self, handle: &Handle, from: u64) -> Result<Vec<u8>, Error> {
        received(self.0.logs(handle.0.as_str().into(), from)).map(Vec::from)
    }
    fn reattach(&self, handle: &Handle) -> Result<JobState, Error> {
        from_json(&received(self.0.reattach(handle.0.as_str().into()))?)
    }
}

/// A library's orchestrators, its interface checked.
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
    ) -> Result<Box<dyn Orchestrator>, Error> {
        let orchestrator = received((self.0.open)(name.into(), config.into(), lend(host)))?;
        Ok(Box::new(Foreign(orchestrator)))
    }
}

/// Sends an orchestrator through the crossing and back, in one process; for the testkit.
#[must_use]
pub fn round_trip(orchestrator: Box<dyn Orchestrator>) -> Box<dyn Orchestrator> {
    Box::new(Foreign(CrossedOrchestrator_TO::from_value(Exported(orchestrator), TD_Opaque)))
}
