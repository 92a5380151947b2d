//! The files of a project as one archive in the artifact store, for machines that do not see the project's folder.
//!
//! What version control ignores stays here, and so do virtual environments; `.sundaeignore` says more, in the same syntax, and
//! with `!` what goes along all the same. The same files make the same archive, byte by byte, so it is put once per change.

use std::collections::HashMap;
use std::error::Error as _;
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use ignore::{DirEntry, WalkBuilder};
use serde::{Deserialize, Serialize};
use sundae_plugin_api::ArtifactStore;

use crate::artifact::{ArtifactRef, FetchError, PublishError, fetch, is_executable, publish_once};

/// What is never sent, whatever files say.
const NEVER: [&str; 3] = [".git", ".sundae", "__pycache__"];

/// What says of a folder that it is a virtual environment, whose programs are not good for another place.
const ENVIRONMENT: &str = "pyvenv.cfg";

/// What says what stays here, beyond what version control ignores.
const IGNORE_FILE: &str = ".sundaeignore";

/// More than that is hardly code, and would be brought to each attempt.
const MOST: u64 = 256 << 20;

/// A project's files in the artifact store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectCopy {
    /// The folder in which they were.
    pub root: PathBuf,
    /// The archive.
    pub archive: ArtifactRef,
}

/// A project's files that were sent, and which they are.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What a worker is told.
    pub copy: ProjectCopy,
    /// The digest of each file, by its path before it was sent.
    digests: HashMap<PathBuf, String>,
}

/// Why a project's files could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// It cannot be read.
    #[error("cannot read the project's files: {0}")]
    Walk(#[from] ignore::Error),
    /// A file cannot be read, or the archive not be written.
    #[error("cannot pack {}: {source}", path.display())]
    Pack {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is too much of it.
    #[error(
        "the project's files are more than {}, too many to be brought to each step; the largest: {largest}",
        ByteSize(MOST)
    )]
    TooLarge {
        /// The largest files with their sizes.
        largest: String,
    },
    /// The artifact store did not take them.
    #[error("cannot send the project's files: {0}")]
    Publish(#[from] PublishError),
}

/// A file, or a link, below a project's root.
struct Found {
    /// Relative to the root.
    path: PathBuf,
    metadata: Metadata,
}

/// Puts the files below `root` into the store, unless they are there just so. `folder` is for what is temporary.
///
/// # Errors
/// [`SendError`]
pub fn send(store: &dyn ArtifactStore, root: &Path, folder: &Path) -> Result<Sent, SendError> {
    let found = found_below(root)?;
    check_size(&found)?;
    let path = folder.join("project.tar");
    let digests = pack(root, &found, &path)?;
    let archive = publish_once(store, &path)?;
    // The store may have moved it away.
    drop(fs::remove_file(&path));
    Ok(Sent { copy: ProjectCopy { root: root.to_owned(), archive }, digests })
}

impl Sent {
    /// The digest that a file had when it was sent, if it was.
    #[must_use]
    pub fn digest_of(&self, path: &Path) -> Option<&str> {
        self.digests.get(path).map(String::as_str)
    }
}

fn found_below(root: &Path) -> Result<Vec<Found>, SendError> {
    let walk = WalkBuilder::new(root)
        .hidden(false)
        // A project is what is below its root, in a repository or not.
        .require_git(false)
        .parents(true)
        .add_custom_ignore_filename(IGNORE_FILE)
        .filter_entry(is_wanted)
        .build();
    let mut found = Vec::new();
    for entry in walk {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if !metadata.is_file() && !metadata.is_symlink() {
            continue;
        }
        if let Ok(path) = entry.path().strip_prefix(root) {
            found.push(Found { path: path.to_owned(), metadata });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn is_wanted(entry: &DirEntry) -> bool {
    let is_never = NEVER.iter().any(|name| entry.file_name() == *name);
    let is_environment = || entry.path().join(ENVIRONMENT).is_file();
    !is_never && !is_environment()
}

fn check_size(found: &[Found]) -> Result<(), SendError> {
    if found.iter().map(|found| found.metadata.len()).sum::<u64>() <= MOST {
        return Ok(());
    }
    let mut by_size: Vec<_> = found.iter().collect();
    by_size.sort_by_key(|found| std::cmp::Reverse(found.metadata.len()));
    let largest = by_size
        .iter()
        .take(3)
        .map(|found| format!("{} ({})", found.path.display(), ByteSize(found.metadata.len())));
    Err(SendError::TooLarge { largest: largest.collect::<Vec<_>>().join(", ") })
}

/// Writes the archive, and returns the digests of what is in it. There is nothing in it but names, contents, links, and whether a
/// file may be run.
fn pack(
    root: &Path,
    found: &[Found],
    archive: &Path,
) -> Result<HashMap<PathBuf, String>, SendError> {
    let packing = |path: &Path| {
        let path = path.to_owned();
        move |source| SendError::Pack { path, source }
    };
    let file = File::create(archive).map_err(packing(archive))?;
    let mut builder = tar::Builder::new(BufWriter::new(file));
    let mut digests = HashMap::new();
    for one in found {
        let path = root.join(&one.path);
        let digest = append(&mut builder, &path, one).map_err(packing(&path))?;
        digests.extend(digest.map(|digest| (path, digest)));
    }
    builder.into_inner().and_then(|mut file| file.flush()).map_err(packing(archive))?;
    Ok(digests)
}

/// Adds a file or link; returns the digest of a file.
fn append(
    builder: &mut tar::Builder<impl io::Write>,
    path: &Path,
    one: &Found,
) -> io::Result<Option<String>> {
    let mut header = tar::Header::new_gnu();
    header.set_mtime(0);
    if one.metadata.is_symlink() {
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        builder.append_link(&mut header, &one.path, fs::read_link(path)?)?;
        return Ok(None);
    }
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(if is_executable(&one.metadata) { 0o755 } else { 0o644 });
    // In one piece: what is written to the file meanwhile must not make the archive another one than its header says.
    let content = fs::read(path)?;
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, &one.path, &*content)?;
    Ok(Some(blake3::hash(&content).to_hex().to_string()))
}

/// Brings a project's files to `folder`, which is made.
///
/// # Errors
/// In words.
pub fn unpack(store: &dyn ArtifactStore, copy: &ProjectCopy, folder: &Path) -> Result<(), String> {
    let failed = |error: io::Error| {
        // The error says which file, and each that it comes from says so again, but for the last, which says why.
        let first = error.source();
        let last = std::iter::successors(first, |error| (*error).source()).last();
        let why = last.map_or(String::new(), |last| format!(": {last}"));
        format!("cannot unpack the project's files in {}: {error}{why}", folder.display())
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let archive = folder.with_extension("tar");
    fetch(store, &copy.archive, &archive).map_err(|error| not_brought(&error))?;
    let unpacked = File::open(&archive)
        .and_then(|file| tar::Archive::new(io::BufReader::new(file)).unpack(folder));
    drop(fs::remove_file(&archive));
    unpacked.map_err(failed)
}

fn not_brought(error: &FetchError) -> String {
    format!("the project's files cannot be brought from the artifact store: {error}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let found = found_below(root).unwrap();
        found.iter().map(|one| one.path.display().to_string()).collect()
    }

    fn write(root: &Path, path: &str, text: &str) {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    }

    #[test]
    fn what_version_control_ignores_stays_and_so_do_environments() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for (path, text) in [
            ("steps.py", ""),
            ("lib/__init__.py", ""),
            ("lib/__pycache__/x.pyc", ""),
            (".env.example", ""),
            (".gitignore", "data/\n*.log\nmade.py\n"),
            (".sundaeignore", "notes.md\n!made.py\n"),
            ("notes.md", ""),
            ("made.py", ""),
            ("data/large.csv", ""),
            ("run.log", ""),
            ("env/pyvenv.cfg", ""),
            ("env/bin/python", ""),
            (".git/config", ""),
            (".sundae/x", ""),
        ] {
            write(root, path, text);
        }
        assert_eq!(
            names(root),
            [
                ".env.example",
                ".gitignore",
                ".sundaeignore",
                "lib/__init__.py",
                "made.py",
                "steps.py"
            ]
        );
    }

    #[test]
    fn the_same_files_make_the_same_archive_which_brings_them_back() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let long = format!("{}/{}.txt", "d".repeat(120), "f".repeat(120));
        let mut archives = Vec::new();
        for root in [one.path(), other.path()] {
            write(root, &long, "long");
            write(root, "run.sh", "#!/bin/sh\n");
            fs::set_permissions(root.join("run.sh"), fs::Permissions::from_mode(0o700)).unwrap();
            symlink("run.sh", root.join("link")).unwrap();
            let archive = tempfile::NamedTempFile::new().unwrap();
            pack(root, &found_below(root).unwrap(), archive.path()).unwrap();
            archives.push(fs::read(archive.path()).unwrap());
        }
        assert_eq!(archives[0], archives[1]);
        let there = tempfile::tempdir().unwrap();
        tar::Archive::new(&*archives[0]).unpack(there.path()).unwrap();
        assert_eq!(fs::read_to_string(there.path().join(&long)).unwrap(), "long");
        assert_eq!(fs::read_to_string(there.path().join("link")).unwrap(), "#!/bin/sh\n");
        let mode = fs::metadata(there.path().join("run.sh")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn a_project_that_is_too_large_is_refused_with_what_makes_it_so() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "small", "");
        let large = File::create(folder.path().join("weights.bin")).unwrap();
        large.set_len(MOST + 1).unwrap();
        let told = check_size(&found_below(folder.path()).unwrap()).unwrap_err().to_string();
        assert!(told.contains("the largest: weights.bin (256"), "{told}");
    }
}
