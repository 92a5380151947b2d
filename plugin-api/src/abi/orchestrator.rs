//! The crossing of `Orchestrator`, and of the work that it is handed.

use std::time::Duration;

use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RBox, RResult, RStr, RString, RVec};

use super::error::{from_json, received, to_json};
use super::guard::Guarded;
use super::host::{BoxedHost, find, lend, open_component};
use super::{CrossedError, ExportedFlavor, Mismatch, Opener, Root, connect, guard};
use crate::orchestrator::{Capabilities, Change, Handle, Job, JobState, Orchestrator, Work};
use crate::{Component, Error, Host};

pub use crate::orchestrator::INTERFACE;
pub const KIND: &str = crate::ComponentKind::Orchestrator.as_str();

#[sabi_trait]
pub trait CrossedOrchestrator: Send + Sync {
    fn capabilities(&self) -> RResult<RString, CrossedError>;
    fn check(&self) -> RResult<(), CrossedError>;
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
            Ok(exported(orchestrator))
        }
        Opener::ArtifactStore(_) => Err(Error::other("the flavor is listed under a wrong kind")),
    })
}

/// The library's side: every entry guarded.
struct Exported(Guarded<Box<dyn Orchestrator>>);

fn exported(orchestrator: Box<dyn Orchestrator>) -> BoxedOrchestrator {
    CrossedOrchestrator_TO::from_value(Exported(Guarded::new(orchestrator)), TD_Opaque)
}

impl CrossedOrchestrator for Exported {
    fn capabilities(&self) -> RResult<RString, CrossedError> {
        guard(|| to_json(&self.0.capabilities()))
    }
    fn check(&self) -> RResult<(), CrossedError> {
        guard(|| self.0.check())
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
struct ExportedWork(Guarded<Box<dyn Work>>);

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
struct Foreign {
    orchestrator: BoxedOrchestrator,
    /// Asked once, since they are constant; so one that cannot tell them is refused when it is opened.
    capabilities: Capabilities,
}

impl Foreign {
    fn received(opened: Opened) -> Result<Box<dyn Orchestrator>, Error> {
        let orchestrator = received(opened)?;
        let capabilities = from_json(&received(orchestrator.capabilities())?)?;
        Ok(Box::new(Self { orchestrator, capabilities }))
    }
}

impl Orchestrator for Foreign {
    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }
    fn check(&self) -> Result<(), Error> {
        received(self.orchestrator.check())
    }
    fn submit(&self, job: Job) -> Result<Handle, Error> {
        let work = CrossedWork_TO::from_value(ExportedWork(Guarded::new(job.work)), TD_Opaque);
        let description = to_json(&job.description)?;
        received(self.orchestrator.submit(description.as_rstr(), work))
            .map(|handle| Handle(handle.into()))
    }
    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        // Rounded up: a wait of half a millisecond that became none would have its caller turn at full speed.
        let timeout_ms = timeout.as_nanos().div_ceil(1_000_000);
        let timeout_ms = u64::try_from(timeout_ms).unwrap_or(u64::MAX);
        from_json(&received(self.orchestrator.wait(timeout_ms))?)
    }
    fn cancel(&self, handle: &Handle) -> Result<(), Error> {
        received(self.orchestrator.cancel(handle.0.as_str().into()))
    }
    fn logs(&self, handle: &Handle, from: u64) -> Result<Vec<u8>, Error> {
        received(self.orchestrator.logs(handle.0.as_str().into(), from)).map(Vec::from)
    }
    fn reattach(&self, handle: &Handle) -> Result<JobState, Error> {
        from_json(&received(self.orchestrator.reattach(handle.0.as_str().into()))?)
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
        Foreign::received((self.0.open)(name.into(), config.into(), lend(host)))
    }
}

/// Opens a flavor of this process as if it came from a library; for the testkit.
///
/// # Errors
/// What the flavor's `open` says.
pub fn open_here<C: Component + Orchestrator + 'static>(
    config: &str,
    host: Host,
) -> Result<Box<dyn Orchestrator>, Error> {
    let flavors = [ExportedFlavor { name: "here", kind: KIND, open: opener::<C>() }];
    Foreign::received(open(&flavors, "here".into(), config.into(), lend(host)))
}

/// Sends an orchestrator through the crossing and back, in one process.
///
/// # Panics
/// If the orchestrator cannot tell its capabilities.
#[must_use]
pub fn round_trip(orchestrator: Box<dyn Orchestrator>) -> Box<dyn Orchestrator> {
    Foreign::received(RResult::ROk(exported(orchestrator))).expect("it tells its capabilities")
}
