//! The code of a step, by content: what it declares, and the files of the project that its command names.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::artifact::{KnownDigests, digest_of_known_file};
use crate::pipeline::{Run, Step};
use crate::worker::CodeFile;

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

/// The code of a step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Code {
    /// Path relative to the working folder → digest.
    pub digests: BTreeMap<String, String>,
    /// The same files, to notice when one is changed.
    pub files: Vec<CodeFile>,
}

/// The code of steps, each file read once in a run, and a large one only if it was changed since an earlier run.
#[derive(Debug)]
pub struct CodeDigests<'a> {
    known: &'a dyn KnownDigests,
    /// `None` where there is no file.
    files: HashMap<PathBuf, Option<CodeFile>>,
    /// What each declaration stands for, by working folder and text.
    declared: HashMap<(PathBuf, String), Vec<PathBuf>>,
}

impl<'a> CodeDigests<'a> {
    /// Digests of which none is known but those that are given.
    #[must_use]
    pub fn new(known: &'a dyn KnownDigests) -> Self {
        Self { known, files: HashMap::new(), declared: HashMap::new() }
    }

    /// The files that are the code of a step.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn of(&mut self, step: &Step, root: &Path) -> Result<Code, CodeError> {
        let mut code = Code::default();
        for declared in &step.code {
            for path in self.declared(declared, &step.workdir)? {
                let file = self.file(&path)?;
                code.add(file, &step.workdir);
            }
        }
        for word in named_words(&step.run) {
            let path = step.workdir.join(&word);
            if is_within(&path, root) {
                let file = self.file(&path)?;
                code.add(file, &step.workdir);
            }
        }
        Ok(code)
    }

    fn declared(&mut self, declared: &str, workdir: &Path) -> Result<Vec<PathBuf>, CodeError> {
        let key = (workdir.to_owned(), declared.to_owned());
        if let Some(found) = self.declared.get(&key) {
            return Ok(found.clone());
        }
        let found = declared_files(declared, workdir)?;
        if found.is_empty() {
            let (workdir, declared) = key;
            return Err(CodeError::Absent { declared, workdir });
        }
        self.declared.insert(key, found.clone());
        Ok(found)
    }

    fn file(&mut self, path: &Path) -> Result<Option<CodeFile>, CodeError> {
        if let Some(file) = self.files.get(path) {
            return Ok(file.clone());
        }
        let file = if path.is_file() {
            let digested = digest_of_known_file(path, self.known)
                .map_err(|source| CodeError::Unreadable { path: path.to_owned(), source })?;
            let (digest, stamp) = (digested.digest, digested.stamp);
            Some(CodeFile { path: path.to_owned(), digest, stamp })
        } else {
            None
        };
        self.files.insert(path.to_owned(), file.clone());
        Ok(file)
    }
}

impl Code {
    fn add(&mut self, file: Option<CodeFile>, workdir: &Path) {
        let Some(file) = file else { return };
        let name = file.path.strip_prefix(workdir).unwrap_or(&file.path).display().to_string();
        if self.digests.insert(name, file.digest.clone()).is_none() {
            self.files.push(file);
        }
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
    let words: Vec<String> = match run {
        Run::Exec(arguments) => {
            arguments.iter().map(|argument| argument.source().to_owned()).collect()
        }
        Run::Shell(script) => read_words(script.source()),
    };
    let names_a_file = |word: &String| {
        !word.is_empty()
            && word.len() < 512
            && !word.starts_with('-')
            && !word.contains(['{', '\n', '\0'])
    };
    words.into_iter().filter(names_a_file).collect()
}

/// The words of a script, but for those that follow a `>`: what a command writes to is not its code.
fn read_words(script: &str) -> Vec<String> {
    let words = shlex::split(script)
        .unwrap_or_else(|| script.split_whitespace().map(str::to_owned).collect());
    let mut is_written = false;
    let mut read = Vec::new();
    for word in words {
        let was_written = std::mem::replace(&mut is_written, word.ends_with('>'));
        // `tool;` and `tool)` name `tool`.
        let word = word.trim_matches([';', '(', ')', '&', '|', '<', '`']);
        if !was_written && !word.contains('>') {
            read.push(word.to_owned());
        }
    }
    read
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
