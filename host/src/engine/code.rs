//! The code of a step, by content: what it declares, and the files of the project that its command names.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::artifact::digest_of_file;
use crate::pipeline::{Run, Step};

/// Why the code of a step is not known.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// A declared file, folder or glob is not there.
    #[error("the code `{declared}` does not exist in {}", workdir.display())]
    Absent {
        /// As it is written.
        declared: String,
        /// Where it was looked for.
        workdir: PathBuf,
    },
    /// A glob cannot be understood.
    #[error("the code `{declared}` is no valid glob: {reason}")]
    BadGlob {
        /// As it is written.
        declared: String,
        /// Why.
        reason: String,
    },
    /// A file cannot be read.
    #[error("the code {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Digests of code files, each read once in a run.
#[derive(Debug, Default)]
pub struct CodeDigests(HashMap<PathBuf, String>);

impl CodeDigests {
    /// The files that are the code of a step: path relative to its working folder → digest.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn of(&mut self, step: &Step, root: &Path) -> Result<BTreeMap<String, String>, CodeError> {
        let mut files = BTreeMap::new();
        for declared in &step.code {
            let found = declared_files(declared, &step.workdir)?;
            if found.is_empty() {
                let (declared, workdir) = (declared.clone(), step.workdir.clone());
                return Err(CodeError::Absent { declared, workdir });
            }
            for path in found {
                self.add(&path, &step.workdir, &mut files)?;
            }
        }
        for word in named_words(&step.run) {
            let path = step.workdir.join(&word);
            if is_within(&path, root) && path.is_file() {
                self.add(&path, &step.workdir, &mut files)?;
            }
        }
        Ok(files)
    }

    fn add(
        &mut self,
        path: &Path,
        workdir: &Path,
        files: &mut BTreeMap<String, String>,
    ) -> Result<(), CodeError> {
        let digest = match self.0.get(path) {
            Some(digest) => digest.clone(),
            None => {
                let (digest, _) = digest_of_file(path)
                    .map_err(|source| CodeError::Unreadable { path: path.to_owned(), source })?;
                self.0.insert(path.to_owned(), digest.clone());
                digest
            }
        };
        let name = path.strip_prefix(workdir).unwrap_or(path).display().to_string();
        files.insert(name, digest);
        Ok(())
    }
}

fn declared_files(declared: &str, workdir: &Path) -> Result<Vec<PathBuf>, CodeError> {
    let path = workdir.join(declared);
    if path.is_file() {
        return Ok(vec![path]);
    }
    if path.is_dir() {
        return Ok(files_below(&path));
    }
    let bad = |error: glob::PatternError| CodeError::BadGlob {
        declared: declared.to_owned(),
        reason: error.msg.to_owned(),
    };
    // The working folder may have characters that mean something in a glob.
    let base = glob::Pattern::escape(&workdir.display().to_string());
    let found = glob::glob(&format!("{base}/{declared}")).map_err(bad)?;
    let found = found.filter_map(Result::ok);
    Ok(found.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || is_source(entry))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(DirEntry::into_path)
        .collect()
}

/// What editors, version control and interpreters leave in a folder is not code.
fn is_source(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    !name.starts_with('.') && name != "__pycache__" && !name.ends_with(".pyc")
}

/// The words of a command that may name files: those without placeholders.
fn named_words(run: &Run) -> Vec<String> {
    let texts: Vec<String> = match run {
        Run::Exec(arguments) => {
            arguments.iter().map(|argument| argument.source().to_owned()).collect()
        }
        Run::Shell(script) => {
            let script = script.source();
            shlex::split(script)
                .unwrap_or_else(|| script.split_whitespace().map(str::to_owned).collect())
        }
    };
    let names_a_file = |word: &String| {
        !word.is_empty()
            && word.len() < 512
            && !word.starts_with('-')
            && !word.contains(['{', '\n', '\0'])
    };
    texts.into_iter().filter(names_a_file).collect()
}

/// Whether a path stays below `root`, read component by component.
fn is_within(path: &Path, root: &Path) -> bool {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain.starts_with(root)
}
