//! What a run works with: the opened orchestrator and artifact store of its stack, and a folder to work in.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sundae_plugin_api::{ArtifactStore, ComponentKind, Orchestrator};

use super::check_resources;
use crate::artifact::staging::{Staging, sweep};
use crate::cli::context::Context;
use crate::cli::worker::Errand;
use crate::cli::{Failure, exit_code, reveal};
use crate::pipeline::{Pipeline, Role};
use crate::shipping::{SendError, Sent, send};
use crate::stack::{Component, Stack, StackProblem, check_fit};
use crate::worker::{Secrets, reaper};

/// How long to wait until all has ended that a killed process has left: longer than its reaper does.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a run works with.
pub(in crate::cli) struct Workshop {
    /// Where steps run.
    pub(super) orchestrator: Box<dyn Orchestrator>,
    /// What it is called.
    pub(super) orchestrator_name: String,
    /// Where artifacts are kept.
    pub(super) store: Arc<dyn ArtifactStore>,
    /// What it is called.
    pub(super) store_name: String,
    /// The id of its component.
    pub(super) store_id: String,
    /// What workers are told, if steps run elsewhere.
    pub(super) errand: Option<Errand>,
    /// The project's files, if steps run where those are not.
    pub(super) project: Option<Sent>,
    /// The secrets that steps name.
    pub(super) secrets: Arc<Secrets>,
    /// Where attempts are made.
    pub(super) staging: Staging,
}

impl Workshop {
    /// Opens the stack's components for the run of a pipeline with this id.
    ///
    /// # Errors
    /// A plugin is missing or cannot be used, a component refuses, or the folder cannot be made.
    pub(super) fn open(
        context: &Context,
        stack: &Stack,
        pipeline: &Pipeline,
        run: &str,
    ) -> Result<Self, Failure> {
        Self::with(context, stack, pipeline, |folder| Staging::create(folder, run))
    }

    /// Opens them for a run that goes on, when all has ended that its former process has left, which was in this session.
    ///
    /// # Errors
    /// As [`Self::open`]; or something does not end.
    pub(in crate::cli) fn reopen(
        context: &Context,
        stack: &Stack,
        pipeline: &Pipeline,
        run: &str,
        session: Option<i32>,
    ) -> Result<Self, Failure> {
        let end_left = |folder: &Path| {
            if let Some(session) = session {
                reaper::end_left(folder, session);
            }
        };
        Self::with(context, stack, pipeline, |folder| {
            Staging::take_over(folder, run, PATIENCE, end_left)
        })
    }

    /// Where artifacts are kept.
    pub(in crate::cli) fn store(&self) -> &dyn ArtifactStore {
        &*self.store
    }

    /// Refuses a pipeline that the orchestrator has not enough for.
    ///
    /// # Errors
    /// What there is too little of.
    pub(in crate::cli) fn check_resources(&self, pipeline: &Pipeline) -> Result<(), Failure> {
        let capabilities = self.orchestrator.capabilities();
        check_resources(pipeline, &self.orchestrator_name, &capabilities)
    }

    fn with(
        context: &Context,
        stack: &Stack,
        pipeline: &Pipeline,
        make: impl FnOnce(&Path) -> io::Result<Staging>,
    ) -> Result<Self, Failure> {
        let secrets = secrets_of(context, pipeline)?;
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
        let staging = make(&folder).map_err(|error| no_staging(&folder, &error))?;
        sweep(&folder);
        let capabilities = orchestrator.capabilities();
        let errand = capabilities
            .remote
            .then(|| Errand::new(context, store_component, &loader, capabilities.shared_folder))
            .transpose()?;
        let is_sent = capabilities.remote && !capabilities.shared_files;
        let project = is_sent
            .then(|| send_project(context, pipeline, &*store, staging.folder()))
            .transpose()?;
        Ok(Self {
            orchestrator,
            orchestrator_name: orchestrator_component.name.clone(),
            store: Arc::from(store),
            store_name: store_component.name.clone(),
            store_id: store_component.id.clone(),
            errand,
            project,
            secrets: Arc::new(secrets),
            staging,
        })
    }
}

/// Sends the project's files: those of the folder with `sundae.toml`, or of that with the pipeline's file if it is not in there.
fn send_project(
    context: &Context,
    pipeline: &Pipeline,
    store: &dyn ArtifactStore,
    folder: &Path,
) -> Result<Sent, Failure> {
    let project = context.project()?.map(|project| &*project.root);
    let around = project.filter(|root| pipeline.root.starts_with(root));
    let root = around.unwrap_or(&pipeline.root);
    send(store, root, folder).map_err(|error| {
        let failure = Failure::new(error.to_string());
        match error {
            SendError::TooLarge { .. } => failure.hint(
                "name what steps do not need in `.sundaeignore`, and what they read as data under `[data]` in the pipeline",
            ),
            _ => failure,
        }
    })
}

fn no_staging(folder: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::TimedOut {
        return Failure::new("what the run had started before is still being ended")
            .hint("try again in a moment");
    }
    Failure::new(format!("cannot make a folder to work in at {}: {error}", folder.display()))
}

/// The secrets that the steps name which may run.
///
/// # Errors
/// Some of them are not set; all of those are named.
pub(super) fn secrets_of(context: &Context, pipeline: &Pipeline) -> Result<Secrets, Failure> {
    let steps = pipeline.steps.iter().filter(|step| step.role != Role::Recall);
    let named = steps.flat_map(|step| step.secrets().map(|name| (name, step.name.as_str())));
    let named: BTreeMap<&str, &str> = named.collect();
    if named.is_empty() {
        return Ok(Secrets::new());
    }
    let secrets = reveal::by_name(context, named.keys().copied())?;
    let missing: Vec<_> = named.iter().filter(|(name, _)| !secrets.contains_key(**name)).collect();
    let Some((first, _)) = missing.first() else { return Ok(secrets) };
    let told: Vec<_> = missing
        .iter()
        .map(|(name, step)| format!("step `{step}` needs the secret `{name}`, which is not set"))
        .collect();
    Err(Failure::new(told.join("\n")).hint(format!("`sundae secret set {first}` sets it")))
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
