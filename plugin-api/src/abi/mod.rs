//! How everything crosses a library boundary. No author sees this, nothing of it leaks into the host, and it makes no
//! promises to either; the only place that knows `abi_stable`.
//!
//! A library exports one root: a header that tells the generation of the boundary, and one function, `query(id)`, frozen
//! for ever. An id such as `artifact-store/1` is answered by a table of functions and the description of its layout, which
//! the host compares with its own before it calls anything. A new need is a new id; so no old plugin is touched by it.

#![allow(
    non_local_definitions,
    non_camel_case_types,
    clippy::used_underscore_binding,
    clippy::needless_pass_by_value,
    clippy::use_self,
    clippy::semicolon_if_nothing_returned,
    clippy::undocumented_unsafe_blocks,
    clippy::let_underscore_untyped,
    let_underscore_drop,
    unreachable_pub,
    reason = "what the macros of abi_stable expand to"
)]

pub mod artifact_store;
mod error;
mod guard;
pub mod host;
pub mod orchestrator;

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::{
    AbiInstability, AbiInstabilityError, CheckingGlobals, check_layout_compatibility_with_globals,
};
use abi_stable::library::AbiHeader;
use abi_stable::std_types::{ROption, RStr};
use abi_stable::type_layout::{TLFieldOrFunction, TypeLayout};

pub use error::CrossedError;
pub use guard::guard;

/// What `export_plugin!` names of abi_stable, so that plugins need not depend on it.
pub mod reexport {
    pub use abi_stable::std_types::{ROption, RStr};
}

/// The target triple that this crate, and so the plugin it is compiled into, was built for.
pub const TARGET: &str = env!("SUNDAE_TARGET");
/// The processor features that the compiler took for granted.
pub const FEATURES: &str = env!("SUNDAE_FEATURES");
/// The version of this crate.
pub const API: &str = env!("CARGO_PKG_VERSION");
/// The compiler that built it.
pub const RUSTC: &str = env!("SUNDAE_RUSTC");
/// The symbol under which a library exports its [`Root`].
pub const ROOT_SYMBOL: &[u8] = b"SUNDAE_PLUGIN\0";

pub type Query = extern "C" fn(RStr<'_>) -> ROption<Interface>;

/// What a library exports. Frozen: no field is ever added.
#[repr(C)]
pub struct Root {
    header: AbiHeader,
    query: Query,
}

impl Root {
    #[must_use]
    pub const fn new(query: Query) -> Self {
        Self { header: AbiHeader::VALUE, query }
    }
}

/// The answer to a query: a table and what it looks like. Frozen, like the root.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Interface {
    layout: &'static TypeLayout,
    table: *const (),
}

/// A flavor of this library, as `export_plugin!` lists it. Does not cross.
pub struct ExportedFlavor {
    pub name: &'static str,
    pub kind: &'static str,
    pub open: Opener,
}

/// How a flavor is opened, by kind. Does not cross.
pub enum Opener {
    ArtifactStore(artifact_store::OpenFn),
    Orchestrator(orchestrator::OpenFn),
}

/// Answers a query from the library's flavors: a kind of which it has none has no interface.
#[must_use]
pub fn answer(
    id: RStr<'_>,
    flavors: &[ExportedFlavor],
    store: &'static artifact_store::Table,
    orchestrator: &'static orchestrator::Table,
) -> ROption<Interface> {
    let offers = |kind: &str| flavors.iter().any(|flavor| flavor.kind == kind);
    match id.as_str() {
        artifact_store::INTERFACE if offers(artifact_store::KIND) => {
            ROption::RSome(interface_of(store))
        }
        orchestrator::INTERFACE if offers(orchestrator::KIND) => {
            ROption::RSome(interface_of(orchestrator))
        }
        _ => ROption::RNone,
    }
}

fn interface_of<T: StableAbi>(table: &'static T) -> Interface {
    Interface { layout: T::LAYOUT, table: std::ptr::from_ref(table).cast() }
}

/// Why an interface of a library cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mismatch {
    /// The library was built for another generation of the boundary.
    Boundary,
    /// The library does not speak this interface.
    NotSpoken,
    /// It calls it by the same name, but it is laid out in another way; in a phrase.
    Layout(String),
}

/// The table of an interface of a library, its layout checked.
///
/// # Errors
/// [`Mismatch`].
pub fn connect<T: StableAbi>(root: &'static Root, id: &str) -> Result<&'static T, Mismatch> {
    if !root.header.is_valid() {
        return Err(Mismatch::Boundary);
    }
    let ROption::RSome(interface) = (root.query)(RStr::from(id)) else {
        return Err(Mismatch::NotSpoken);
    };
    check_layout(T::LAYOUT, interface.layout)?;
    // SAFETY: the layout that the library describes is that of `T` here, the table is a static of the library, and
    // libraries are never unloaded.
    Ok(unsafe { &*interface.table.cast::<T>() })
}

fn check_layout(ours: &'static TypeLayout, theirs: &'static TypeLayout) -> Result<(), Mismatch> {
    // Fresh globals each time: shared ones make the answer depend on what was loaded before.
    let globals = CheckingGlobals::new();
    let Err(found) = check_layout_compatibility_with_globals(ours, theirs, &globals) else {
        return Ok(());
    };
    let difference = |error: &AbiInstabilityError| {
        // An interface is known by its id and never changes; so the version of the crate that a plugin was compiled with,
        // which abi_stable compares like cargo does, tells nothing. All else that differs does.
        let is_version =
            |kind: &&AbiInstability| !matches!(kind, AbiInstability::PackageVersion(_));
        let kind = error.errs.iter().find(is_version)?;
        Some(format!("{} in `{}`", name_of(kind), path_of(error)))
    };
    match found.errors.iter().find_map(difference) {
        None => Ok(()),
        Some(difference) => Err(Mismatch::Layout(difference)),
    }
}

/// The way to the difference, by the names that are ours and not those of the containers on the way.
fn path_of(error: &AbiInstabilityError) -> String {
    let names = error.stack_trace.iter().map(|at| match &at.expected {
        TLFieldOrFunction::Field(field) => field.name(),
        TLFieldOrFunction::Function(function) => function.name.as_str(),
    });
    let is_ours = |name: &&str| {
        !matches!(*name, "obj" | "vtable")
            && !name.starts_with("__")
            && !name.starts_with("field_")
            && !name.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut path: Vec<_> = names.filter(is_ours).collect();
    path.dedup();
    path.join(".")
}

/// The name of the difference without what it carries, which fills pages.
fn name_of(kind: &AbiInstability) -> String {
    let text = format!("{kind:?}");
    text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or("").to_owned()
}
