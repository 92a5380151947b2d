//! `sundae artifact get`

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use sundae_plugin_api::ArtifactStore;

use super::copy::{CopyError, Existing, copy_to};
use super::{open_store_of, reference};
use crate::artifact::staging::{Staging, sweep};
use crate::artifact::{ArtifactKind, ArtifactRef, FetchError, fetch, files_in};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::runs::database;
use crate::cli::table::size;
use crate::metadata::{ArtifactFilter, ArtifactRecord};
use crate::nearest::suggestion;

/// Fetch an artifact: to a path, or to stdout
///
/// What is fetched is verified against its digest, and belongs to you: it can be changed without harm to the store. It appears
/// at its path when it is complete, or not at all.
///
/// Example: sundae artifact get training-3/train.model --to model.pkl
#[derive(Debug, Args)]
pub(crate) struct Get {
    #[arg(help = reference::HELP)]
    artifact: String,

    /// Where to put it; into it, if that is a folder; `-` is stdout
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,

    /// Of a folder, only the file at this path in it
    #[arg(long, value_name = "PATH")]
    file: Option<String>,

    /// Replace a file that is there
    #[arg(long, requires = "to")]
    force: bool,
}

impl Get {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let found = reference::find(context, &self.artifact)?;
        let store = open_store(context, &found)?;
        let wanted = match &self.file {
            Some(path) => file_in(&*store, found, path)?,
            None => Wanted::whole(found),
        };
        let to = self.to.as_deref().filter(|path| *path != Path::new("-"));
        if to.is_none() && wanted.artifact().kind == ArtifactKind::Folder {
            return Err(Failure::new(format!("`{}` is a folder", wanted.name))
                .hint("`--to PATH` puts it there; `--file PATH` takes one file of it"));
        }
        let (_staging, fetched) = fetched(context, &*store, &wanted)?;
        match to {
            Some(path) => self.put(context, &wanted, &fetched, path),
            None => print(context, &wanted, &fetched, self.to.is_some()),
        }
    }

    fn put(
        &self,
        context: &Context,
        wanted: &Wanted,
        fetched: &Path,
        path: &Path,
    ) -> Result<(), Failure> {
        let path = if path.is_dir() { path.join(&wanted.file_name) } else { path.to_owned() };
        let existing = if self.force { Existing::Replace } else { Existing::Refuse };
        copy_to(fetched, &path, existing).map_err(|error| {
            let failure = Failure::new(error.to_string());
            match error {
                CopyError::Exists { is_folder: true, .. } => {
                    failure.hint("choose another path, or remove the folder first")
                }
                CopyError::Exists { .. } => failure.hint("choose another path, or add --force"),
                CopyError::NoFolder { folder, .. } => {
                    failure.hint(format!("make it first: `mkdir -p {}`", folder.display()))
                }
                CopyError::Write { .. } => failure,
            }
        })?;
        let (name, size) = (&wanted.name, size(wanted.artifact().size));
        context.ui.say(format_args!("Wrote `{name}` ({size}) to {}.", path.display()));
        Ok(())
    }
}

/// What is to be fetched: an artifact, or a file in one.
struct Wanted {
    record: ArtifactRecord,
    /// How it is named.
    name: String,
    /// What it is called in a folder that it is put into.
    file_name: String,
}

impl Wanted {
    fn whole(record: ArtifactRecord) -> Self {
        Self { name: record.reference(), file_name: record.output.clone(), record }
    }

    fn artifact(&self) -> &ArtifactRef {
        &self.record.artifact
    }
}

/// A file in a folder artifact.
fn file_in(
    store: &dyn ArtifactStore,
    folder: ArtifactRecord,
    path: &str,
) -> Result<Wanted, Failure> {
    let name = folder.reference();
    if folder.artifact.kind == ArtifactKind::File {
        return Err(Failure::new(format!("`{name}` is a file, and has no files in it"))
            .hint("leave `--file` out"));
    }
    let files = files_in(store, &folder.artifact)
        .map_err(|error| Failure::new(format!("what is in `{name}` is not known: {error}")))?;
    let wanted = path.trim_start_matches("./");
    let Some((path, artifact)) = files.iter().find(|(path, _)| path == wanted) else {
        let names = files.iter().map(|(path, _)| path.as_str());
        return Err(Failure::new(format!("there is no file `{path}` in `{name}`"))
            .hint_if_any(suggestion(wanted, "files", names)));
    };
    let file_name = path.rsplit('/').next().unwrap_or(path).to_owned();
    let name = format!("{name}/{path}");
    Ok(Wanted { record: ArtifactRecord { artifact: artifact.clone(), ..folder }, name, file_name })
}

fn open_store(
    context: &Context,
    found: &ArtifactRecord,
) -> Result<Box<dyn ArtifactStore>, Failure> {
    match database(context)?.run(&found.run_id)? {
        Some(run) => open_store_of(context, &run),
        None => Err(Failure::new(format!("run `{}` is gone", found.run))),
    }
}

/// The artifact, verified, in a folder that is removed at the end. It may be the store's own data.
fn fetched(
    context: &Context,
    store: &dyn ArtifactStore,
    wanted: &Wanted,
) -> Result<(Staging, PathBuf), Failure> {
    let folder = store.capabilities().staging.unwrap_or_else(|| context.home.staging());
    sweep(&folder);
    let name = format!("get-{}", uuid::Uuid::new_v4());
    let staging = Staging::create(&folder, &name).map_err(|error| {
        Failure::new(format!("cannot make a folder to work in at {}: {error}", folder.display()))
    })?;
    let path = staging.folder().join(&wanted.file_name);
    fetch(store, wanted.artifact(), &path)
        .map_err(|error| not_fetched(context, &wanted.record, error))?;
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

/// Writes the content to stdout; a terminal gets what is not text only if stdout was named.
fn print(
    context: &Context,
    wanted: &Wanted,
    fetched: &Path,
    is_named: bool,
) -> Result<(), Failure> {
    let unreadable =
        |error: io::Error| Failure::new(format!("cannot read {}: {error}", fetched.display()));
    if !is_named && io::stdout().is_terminal() && is_binary(fetched).map_err(unreadable)? {
        return Err(Failure::new(format!(
            "`{}` is not text, and stdout is a terminal",
            wanted.name
        ))
        .hint("`--to PATH` puts it there; `--to -` writes it all the same"));
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
