//! `sundae artifact get`

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::copy::{CopyError, Existing, copy_to};
use super::{open_store_of, reference};
use crate::artifact::staging::{Staging, sweep};
use crate::artifact::{ArtifactKind, FetchError, fetch};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::runs::database;
use crate::cli::table::size;
use crate::metadata::{ArtifactFilter, ArtifactRecord};

/// Fetch an artifact: to a path, or to stdout
///
/// What is fetched is verified against its digest, and belongs to you: it can be changed without harm to the store.
///
/// Example: sundae artifact get training-3/train.model --to model.pkl
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[arg(help = reference::HELP)]
    artifact: String,

    /// Where to put it; into it, if that is a folder
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,

    /// Replace a file that is there
    #[arg(long, requires = "to")]
    force: bool,
}

impl Get {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let found = reference::find(context, &self.artifact)?;
        if self.to.is_none() && found.artifact.kind == ArtifactKind::Folder {
            return Err(Failure::new(format!("`{}` is a folder", found.reference()))
                .hint("`--to PATH` puts it there"));
        }
        let (_staging, fetched) = fetched(context, &found)?;
        match &self.to {
            Some(path) => self.put(context, &found, &fetched, path),
            None => print(context, &found, &fetched),
        }
    }

    fn put(
        &self,
        context: &Context,
        found: &ArtifactRecord,
        fetched: &Path,
        path: &Path,
    ) -> Result<(), Failure> {
        let path = if path.is_dir() { path.join(&found.output) } else { path.to_owned() };
        let existing = if self.force { Existing::Replace } else { Existing::Refuse };
        copy_to(fetched, &path, existing).map_err(|error| {
            let failure = Failure::new(error.to_string());
            match error {
                CopyError::Exists { is_folder: true, .. } => {
                    failure.hint("choose another path, or remove the folder first")
                }
                CopyError::Exists { .. } => failure.hint("choose another path, or add --force"),
                _ => failure,
            }
        })?;
        let (name, size) = (found.reference(), size(found.artifact.size));
        context.ui.say(format_args!("Wrote `{name}` ({size}) to {}.", path.display()));
        Ok(())
    }
}

/// The artifact, verified, in a folder that is removed at the end. It may be the store's own data.
fn fetched(context: &Context, found: &ArtifactRecord) -> Result<(Staging, PathBuf), Failure> {
    let Some(run) = database(context)?.run(&found.run_id)? else {
        return Err(Failure::new(format!("run `{}` is gone", found.run)));
    };
    let store = open_store_of(context, &run)?;
    let folder = store.capabilities().staging.unwrap_or_else(|| context.home.staging());
    sweep(&folder);
    let name = format!("get-{}", uuid::Uuid::new_v4());
    let staging = Staging::create(&folder, &name).map_err(|error| {
        Failure::new(format!("cannot make a folder to work in at {}: {error}", folder.display()))
    })?;
    let path = staging.folder().join(&found.output);
    fetch(&*store, &found.artifact, &path).map_err(|error| not_fetched(context, found, error))?;
    Ok((staging, path))
}

fn not_fetched(context: &Context, found: &ArtifactRecord, error: FetchError) -> Failure {
    let name = found.reference();
    let mut message = format!("artifact `{name}` cannot be fetched: {error}");
    let is_lost = error.lost_object().is_some();
    let failure = Failure::from(error);
    if !is_lost {
        return Failure { message, ..failure };
    }
    let wanted =
        ArtifactFilter { digest: Some(&found.artifact.digest), ..ArtifactFilter::default() };
    let with_it = context.database().and_then(|database| Ok(database.artifacts(&wanted)?));
    let others: Vec<_> = with_it
        .unwrap_or_default()
        .iter()
        .map(ArtifactRecord::reference)
        .filter(|other| *other != name)
        .map(|other| format!("`{other}`"))
        .collect();
    if !others.is_empty() {
        message.push_str(&format!("; the same is missing from {}", others.join(", ")));
    }
    Failure { message, ..failure }
        .hint(format!("run the pipeline again: its step `{}` makes it anew", found.step))
}

fn print(context: &Context, found: &ArtifactRecord, fetched: &Path) -> Result<(), Failure> {
    let unreadable =
        |error: io::Error| Failure::new(format!("cannot read {}: {error}", fetched.display()));
    if io::stdout().is_terminal() && is_binary(fetched).map_err(unreadable)? {
        return Err(Failure::new(format!(
            "`{}` is not text, and stdout is a terminal",
            found.reference()
        ))
        .hint("`--to PATH` puts it there"));
    }
    context.ui.copy(File::open(fetched).map_err(unreadable)?)
}

/// Whether the beginning of a file is something else than text.
fn is_binary(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(8 << 10).read_to_end(&mut start)?;
    let is_text = match std::str::from_utf8(&start) {
        Ok(_) => true,
        // The last character may be cut off.
        Err(error) => error.error_len().is_none(),
    };
    Ok(!is_text || start.contains(&0))
}
