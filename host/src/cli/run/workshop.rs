//! What a run works with: the opened orchestrator and artifact store of its stack, and a folder to work in.

use std::sync::Arc;

use sundae_plugin_api::{ArtifactStore, ComponentKind, Orchestrator};

use crate::artifact::staging::{Staging, sweep};
use crate::cli::context::Context;
use crate::cli::worker::Errand;
use crate::cli::{Failure, exit_code, secret};
use crate::stack::{Component, Stack, StackProblem, check_fit};

/// What a run works with.
pub(super) struct Workshop {
    /// Where steps run.
    pub(super) orchestrator: Box<dyn Orchestrator>,
    /// What it is called.
    pub(super) orchestrator_name: String,
    /// Where artifacts are kept.
    pub(super) store: Arc<dyn ArtifactStore>,
    /// What it is called.
    pub(super) store_name: String,
    /// What workers elsewhere are told.
    pub(super) errand: Errand,
    /// Where attempts are made.
    pub(super) staging: Staging,
}

impl Workshop {
    /// Opens the stack's components for the run with this id.
    ///
    /// # Errors
    /// A plugin is missing or cannot be used, a component refuses, or the folder cannot be made.
    pub(super) fn open(context: &Context, stack: &Stack, run: &str) -> Result<Self, Failure> {
        let loader = context.loader()?;
        let store_component = member(stack, ComponentKind::ArtifactStore)?;
        let orchestrator_component = member(stack, ComponentKind::Orchestrator)?;
        let store = context.open_artifact_store(&loader, store_component)?;
        let orchestrator = context.open_orchestrator(&loader, orchestrator_component)?;
        let keeps = store.capabilities();
        check_fit(
            (orchestrator_component, &orchestrator.capabilities()),
            (store_component, &keeps),
        )
        .map_err(could_not_be_done)?;
        // On the store's file system if it has a place there: then outputs are published by renaming them.
        let folder = keeps.staging.unwrap_or_else(|| context.home.staging());
        sweep(&folder);
        let staging = Staging::create(&folder, run).map_err(|error| {
            Failure::new(format!(
                "cannot make a folder to work in at {}: {error}",
                folder.display()
            ))
        })?;
        Ok(Self {
            orchestrator,
            orchestrator_name: orchestrator_component.name.clone(),
            store: Arc::from(store),
            store_name: store_component.name.clone(),
            errand: Errand::new(
                context,
                store_component,
                secret::revealed(store_component, &loader)?,
            )?,
            staging,
        })
    }
}

/// The component of a kind that a stack has.
///
/// # Errors
/// It has none.
pub(super) fn member(stack: &Stack, kind: ComponentKind) -> Result<&Component, Failure> {
    stack.first(kind).ok_or_else(|| could_not_be_done(StackProblem::Lacks { kind }))
}

/// The command line is right; what was registered is not.
fn could_not_be_done(problem: StackProblem) -> Failure {
    Failure { code: exit_code::FAILED, ..Failure::from(problem) }
}
