//! A project: a folder with `sundae.toml` at its root. It scopes the active stack.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::nearest::suggestion;

/// The file at the root of a project.
pub const FILE: &str = "sundae.toml";

/// The folder of a project for what is not to be shared: plugins of its own.
pub const FOLDER: &str = ".sundae";

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its folder, absolute.
    pub root: PathBuf,
    /// What it is called.
    pub name: String,
    /// The name of the stack that is active in it; `None` where the global one is.
    pub stack: Option<String>,
}

/// Why a project cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not say what it should.
    #[error("{}:{line}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// In words.
        problem: String,
        /// What to write instead.
        suggestion: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
struct Content {
    name: Option<String>,
    stack: Option<String>,
    #[serde(flatten)]
    others: toml::Table,
}

const KEYS: [&str; 2] = ["name", "stack"];

impl Project {
    /// The project that `folder` is in: the nearest folder above it, or itself, that has a project's file.
    ///
    /// # Errors
    /// There is a file, and it cannot be read or says something wrong.
    pub fn find(folder: &Path) -> Result<Option<Self>, ProjectError> {
        match folder.ancestors().find(|root| root.join(FILE).is_file()) {
            Some(root) => Self::read(root).map(Some),
            None => Ok(None),
        }
    }

    fn read(root: &Path) -> Result<Self, ProjectError> {
        let path = root.join(FILE);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ProjectError::Unreadable { path: path.clone(), source })?;
        let content: Content = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            let problem = error.message().to_owned();
            ProjectError::Invalid { path: path.clone(), line, problem, suggestion: None }
        })?;
        if let Some(key) = content.others.keys().next() {
            let line = text.lines().position(|line| line.trim_start().starts_with(key.as_str()));
            return Err(ProjectError::Invalid {
                path,
                line: line.unwrap_or(0) + 1,
                problem: format!("unknown key `{key}`"),
                suggestion: suggestion(key, "known keys", KEYS),
            });
        }
        let name = content.name.unwrap_or_else(|| name_of(root));
        Ok(Self { root: root.to_owned(), name, stack: content.stack })
    }

    /// What stands in the file of a project that is called so, to begin with.
    #[must_use]
    pub fn file_text(name: &str) -> String {
        format!(
            "# A Sundae project: `sundae stack set NAME` chooses the stack that is active in it.\nname = {}\n",
            toml::Value::from(name)
        )
    }

    /// Makes a stack the active one of the project. What else stands in the file stays as it is, comments included.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn set_stack(&mut self, stack: &str) -> Result<(), ProjectError> {
        let path = self.file();
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ProjectError::Unreadable { path: path.clone(), source })?;
        let invalid = |error: toml_edit::TomlError| ProjectError::Invalid {
            path: path.clone(),
            line: error.span().map_or(1, |span| line_of(&text, span.start)),
            problem: error.message().to_owned(),
            suggestion: None,
        };
        let mut document: toml_edit::DocumentMut = text.parse().map_err(invalid)?;
        document["stack"] = toml_edit::value(stack);
        let unwritable = |source| ProjectError::Unwritable { path: path.clone(), source };
        // Where the file is a link, what it links to is written, and the link stays.
        let path = path.canonicalize().map_err(unwritable)?;
        let folder = path.parent().unwrap_or(&self.root);
        let mut aside = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
        std::io::Write::write_all(&mut aside, document.to_string().as_bytes())
            .map_err(unwritable)?;
        let permissions = std::fs::metadata(&path).map_err(unwritable)?.permissions();
        std::fs::set_permissions(aside.path(), permissions).map_err(unwritable)?;
        aside.persist(&path).map_err(|error| unwritable(error.error))?;
        self.stack = Some(stack.to_owned());
        Ok(())
    }

    /// The project's file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.root.join(FILE)
    }
}

/// What a project in this folder is called unless its file says otherwise.
#[must_use]
pub fn name_of(root: &Path) -> String {
    root.file_name()
        .map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(folder: &Path) -> Project {
        std::fs::write(folder.join(FILE), Project::file_text(&name_of(folder))).unwrap();
        Project::find(folder).unwrap().unwrap()
    }

    #[test]
    fn setting_the_stack_leaves_the_rest_of_the_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut project = create(folder.path());
        let text = "# mine\nname = \"x\" # really\n";
        std::fs::write(project.file(), text).unwrap();
        project.set_stack("cluster").unwrap();
        let found = Project::find(folder.path()).unwrap().unwrap();
        assert_eq!(found.stack.as_deref(), Some("cluster"));
        let written = std::fs::read_to_string(project.file()).unwrap();
        assert_eq!(written, format!("{text}stack = \"cluster\"\n"));
    }

    #[test]
    fn any_name_can_be_written() {
        for name in ["x", "a \"b\" \\ c", "two\nlines", "Bücher"] {
            let content: Content = toml::from_str(&Project::file_text(name)).unwrap();
            assert_eq!(content.name.as_deref(), Some(name));
        }
    }

    #[test]
    fn a_project_is_found_from_a_folder_within() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Project::find(folder.path()).unwrap(), None);
        let project = create(folder.path());
        let within = folder.path().join("a/b");
        std::fs::create_dir_all(&within).unwrap();
        assert_eq!(Project::find(&within).unwrap(), Some(project));
    }

    #[test]
    fn a_wrong_key_comes_with_its_line_and_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "name = \"x\"\nstak = \"y\"\n").unwrap();
        let error = Project::find(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("sundae.toml:2: unknown key `stak`"), "{error}");
        let ProjectError::Invalid { suggestion, .. } = error else { panic!("{error:?}") };
        assert_eq!(suggestion.unwrap(), "did you mean `stack`? known keys: name, stack");
    }
}
