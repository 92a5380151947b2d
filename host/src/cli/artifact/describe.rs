//! `sundae artifact describe`

use std::collections::BTreeMap;

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::{open_store_of, reference};
use crate::artifact::{ArtifactKind, files_in, is_present};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::runs::database;
use crate::cli::table::{cell, key_values, size, time};
use crate::metadata::{ArtifactFilter, ArtifactRecord, RunRecord};
use crate::view::{ArtifactDetail, ArtifactState, ArtifactView};

/// More files of a folder are counted and not shown.
const MOST_FILES: usize = 12;

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
    let mut files = None;
    let (location, state, reason) = match run.as_ref().map(|run| asked(context, run, found)) {
        Some(Ok(Asked { location, is_there: true, files: found })) => {
            files = found;
            (Some(location), ArtifactState::Available, None)
        }
        Some(Ok(asked)) => (Some(asked.location), ArtifactState::Gone, None),
        Some(Err(failure)) => (None, ArtifactState::Unknown, Some(failure.message)),
        None => (None, ArtifactState::Unknown, Some("its run is gone".to_owned())),
    };
    Ok(ArtifactDetail {
        artifact: ArtifactView::new(found),
        artifact_store: run.as_ref().and_then(store_name),
        location,
        state,
        reason,
        files,
        same: others.collect(),
    })
}

/// What the store says of an artifact.
struct Asked {
    /// Where the store is.
    location: String,
    /// Whether it has all of it.
    is_there: bool,
    /// What is in it, if it is a folder.
    files: Option<BTreeMap<String, u64>>,
}

fn asked(context: &Context, run: &RunRecord, found: &ArtifactRecord) -> Result<Asked, Failure> {
    let store = open_store_of(context, run)?;
    let is_there = is_present(&*store, &found.artifact)
        .map_err(|error| Failure::new(format!("the artifact store could not be asked: {error}")))?;
    let mut files = None;
    if is_there && found.artifact.kind == ArtifactKind::Folder {
        let found = files_in(&*store, &found.artifact)?.into_iter();
        files = Some(found.map(|(path, file)| (path, file.size)).collect());
    }
    Ok(Asked { location: store.capabilities().location, is_there, files })
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
    if let Some(files) = &view.files {
        let shown = files.iter().take(MOST_FILES);
        let mut shown: Vec<_> =
            shown.map(|(path, bytes)| format!("{path} ({})", size(*bytes))).collect();
        if files.len() > MOST_FILES {
            shown.push(format!("and {} more", files.len() - MOST_FILES));
        }
        all.push(("files", shown.join(", ")));
    }
    if !view.same.is_empty() {
        all.push(("same as", view.same.join(", ")));
    }
    key_values(&all)
}
