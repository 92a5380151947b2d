//! `sundae artifact`: what runs have produced.

mod copy;
mod describe;
mod gc;
mod get;
mod lineage;
mod list;
mod reference;

use clap::Subcommand;
use sundae_plugin_api::{ArtifactStore, ComponentKind};

use super::Failure;
use super::context::Context;
use crate::metadata::RunRecord;

/// Show and fetch what runs have produced
///
/// Example: sundae artifact list
#[derive(Debug, Subcommand)]
pub(super) enum ArtifactCommand {
    List(list::List),
    Describe(describe::Describe),
    Get(get::Get),
    Lineage(lineage::Lineage),
    Gc(gc::Gc),
}

impl ArtifactCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context),
            Self::Describe(describe) => describe.run(context),
            Self::Get(get) => get.run(context),
            Self::Lineage(lineage) => lineage.run(context),
            Self::Gc(gc) => gc.run(context),
        }
    }
}

/// Opens the artifact store that a run has used, whatever it is called now.
///
/// # Errors
/// It is not registered any more, or its plugin cannot be used.
pub(super) fn open_store_of(
    context: &Context,
    run: &RunRecord,
) -> Result<Box<dyn ArtifactStore>, Failure> {
    let kind = ComponentKind::ArtifactStore;
    let Some(member) = run.members.iter().find(|member| member.kind == kind) else {
        return Err(Failure::new(format!("run `{}` had no artifact store", run.name)));
    };
    let Some(component) = context.database()?.component(&member.id)? else {
        let (name, store) = (&run.name, &member.name);
        return Err(Failure::new(format!(
            "run `{name}` kept its artifacts in artifact-store `{store}`, which is not registered any more"
        ))
        .hint("what it kept may still be there, but only a run on a registered store can use it: `sundae run --stack STACK …`"));
    };
    context.open_artifact_store(&context.loader()?, &component)
}
