//! `sundae artifact describe`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::{open_store_of, reference};
use crate::artifact::is_present;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::runs::database;
use crate::cli::table::{cell, key_values, size, time};
use crate::metadata::{ArtifactFilter, ArtifactRecord, RunRecord};
use crate::view::{ArtifactDetail, ArtifactState, ArtifactView};

/// Describe an artifact: what it is, where it is kept, and which runs have it
///
/// Example: sundae artifact describe train.model
#[derive(Debug, Args)]
pub(crate) struct Describe {
    #[arg(help = reference::HELP)]
    artifact: String,
}

impl Describe {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let found = reference::find(context, &self.artifact)?;
        let view = detail(context, &found)?;
        if context.wants_json() {
            return context.ui.json(&view);
        }
        context.ui.data(text_of(&view))
    }
}

fn detail(context: &Context, found: &ArtifactRecord) -> Result<ArtifactDetail, Failure> {
    let database = database(context)?;
    let run = database.run(&found.run_id)?;
    let same = database.artifacts(&ArtifactFilter {
        digest: Some(&found.artifact.digest),
        ..ArtifactFilter::default()
    })?;
    let others =
        same.iter().map(ArtifactRecord::reference).filter(|name| *name != found.reference());
    let (location, state, reason) = match run.as_ref().map(|run| asked(context, run, found)) {
        Some(Ok((location, true))) => (Some(location), ArtifactState::Available, None),
        Some(Ok((location, false))) => (Some(location), ArtifactState::Gone, None),
        Some(Err(failure)) => (None, ArtifactState::Unknown, Some(failure.message)),
        None => (None, ArtifactState::Unknown, Some("its run is gone".to_owned())),
    };
    Ok(ArtifactDetail {
        artifact: ArtifactView::new(found),
        artifact_store: run.as_ref().and_then(store_name),
        location,
        state,
        reason,
        same: others.collect(),
    })
}

/// Where the store is, and whether it has all of the artifact.
fn asked(
    context: &Context,
    run: &RunRecord,
    found: &ArtifactRecord,
) -> Result<(String, bool), Failure> {
    let store = open_store_of(context, run)?;
    let is_there = is_present(&*store, &found.artifact)
        .map_err(|error| Failure::new(format!("the artifact store could not be asked: {error}")))?;
    Ok((store.capabilities().location, is_there))
}

fn store_name(run: &RunRecord) -> Option<String> {
    let is_store = |kind| kind == ComponentKind::ArtifactStore;
    run.members.iter().find(|member| is_store(member.kind)).map(|member| member.name.clone())
}

fn text_of(view: &ArtifactDetail) -> String {
    let artifact = &view.artifact;
    let state = match (view.state, &view.reason) {
        (ArtifactState::Available, _) => "available".to_owned(),
        (ArtifactState::Gone, _) => {
            "gone from the artifact store; a run of its pipeline makes it again".to_owned()
        }
        (ArtifactState::Unknown, reason) => {
            format!("not known: {}", reason.as_deref().unwrap_or("nobody can be asked"))
        }
    };
    let mut all = vec![
        ("artifact", artifact.artifact.clone()),
        ("kind", artifact.kind.to_string()),
        ("size", size(artifact.size)),
        ("digest", artifact.digest.clone()),
        ("created", time(&artifact.created)),
        ("state", state),
    ];
    all.extend(view.artifact_store.clone().map(|store| ("store", store)));
    all.extend(view.location.clone().map(|location| ("location", location)));
    let metadata = artifact.metadata.iter();
    let metadata: Vec<_> =
        metadata.map(|(name, value)| format!("{name}={}", cell("", value))).collect();
    if !metadata.is_empty() {
        all.push(("metadata", metadata.join(", ")));
    }
    if !view.same.is_empty() {
        all.push(("same as", view.same.join(", ")));
    }
    key_values(&all)
}
