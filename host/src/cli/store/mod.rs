//! `sundae store`: the artifact store of a stack as a whole.

mod verify;

use clap::Subcommand;
use sundae_plugin_api::ComponentKind;

use super::Failure;
use super::context::Context;
use crate::metadata::RunNeed;
use crate::stack::Component;

pub(super) use verify::Verify;

/// Look after the artifact store of a stack
///
/// Example: sundae store verify
#[derive(Debug, Subcommand)]
pub(super) enum StoreCommand {
    Verify(Verify),
}

impl StoreCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Verify(verify) => verify.run(context),
        }
    }
}

/// The artifact store that a text means, or that of the active stack.
///
/// # Errors
/// There is none.
pub(super) fn store_component(context: &Context, text: Option<&str>) -> Result<Component, Failure> {
    if let Some(text) = text {
        return context.component(ComponentKind::ArtifactStore, text);
    }
    let stack = context.active_stack()?.stack;
    stack.first(ComponentKind::ArtifactStore).cloned().ok_or_else(|| {
        Failure::new(format!("stack `{}` has no artifact store", stack.name))
            .hint("name one; `sundae artifact-store list` shows the registered ones")
    })
}

/// How a need is called: `training-3/train.model`, or `training-3/train (log)`.
pub(super) fn name_of(run: &str, need: &RunNeed) -> String {
    match &need.output {
        Some(output) => format!("{run}/{}.{output}", need.step),
        None => format!("{run}/{} (log)", need.step),
    }
}
