//! The project templates that are built into the program, and what becomes of them in a folder.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The folder `host/templates`, as it was when the program was built.
pub(super) const TEMPLATES: &[Template] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// The only thing in a template that is not taken as it stands.
const PLACEHOLDER: &str = "{{project_name}}";

/// A project to start from.
#[derive(Debug)]
pub(super) struct Template {
    /// Its name.
    pub name: &'static str,
    /// Paths, with `/`, and contents.
    pub files: &'static [(&'static str, &'static [u8])],
}

/// What is said of a template, which is not in its files.
const NOTES: &[(&str, &str, &[&str])] = &[(
    "starter",
    "Feature, training and inference pipelines on scikit-learn's breast-cancer data",
    &["pip install -r requirements.txt", "python run.py --training-pipeline"],
)];

impl Template {
    /// The template of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TEMPLATES.iter().find(|template| template.name == name)
    }

    /// What it is, in a line.
    pub(super) fn summary(&self) -> &'static str {
        NOTES.iter().find(|(name, ..)| *name == self.name).map_or("", |(_, summary, _)| summary)
    }

    /// The commands to give in a project made of it.
    pub(super) fn next_commands(&self) -> &'static [&'static str] {
        NOTES.iter().find(|(name, ..)| *name == self.name).map_or(&[], |(.., commands)| commands)
    }

    /// Its files, for a project of this name.
    pub(super) fn files_for(&self, project_name: &str) -> Vec<(&'static str, Vec<u8>)> {
        let filled = |content: &[u8]| match std::str::from_utf8(content) {
            Ok(text) => text.replace(PLACEHOLDER, project_name).into_bytes(),
            Err(_) => content.to_owned(),
        };
        self.files.iter().map(|(path, content)| (*path, filled(content))).collect()
    }
}

/// The files that are there already, of those that would be written.
pub(super) fn in_the_way<'p>(
    folder: &Path,
    paths: impl IntoIterator<Item = &'p str>,
) -> Vec<&'p str> {
    let is_there = |path: &&str| folder.join(path).symlink_metadata().is_ok();
    paths.into_iter().filter(is_there).collect()
}

/// Writes files below a folder: all of them, or none.
///
/// # Errors
/// The path that could not be written, and why. Nothing is overwritten.
pub(super) fn write_all(
    folder: &Path,
    files: &[(&str, Vec<u8>)],
) -> Result<(), (PathBuf, io::Error)> {
    let mut written = Vec::new();
    let result = files.iter().try_for_each(|(path, content)| {
        let path = folder.join(path);
        write(&path, content, &mut written).map_err(|error| (path, error))
    });
    if result.is_err() {
        for path in written.iter().rev() {
            // What was a folder of others has something in it, and stays.
            drop(std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path)));
        }
    }
    result
}

fn write(path: &Path, content: &[u8], written: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut missing: Vec<_> =
        path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
    while let Some(folder) = missing.pop() {
        std::fs::create_dir(folder)?;
        written.push(folder.to_owned());
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    written.push(path.to_owned());
    file.write_all(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_says_what_it_is_and_what_comes_next() {
        for template in TEMPLATES {
            assert_ne!(template.summary(), "", "{} is not in NOTES", template.name);
            assert_ne!(template.next_commands(), [""; 0], "{}", template.name);
            assert!(!template.files.is_empty(), "{} is empty", template.name);
        }
    }

    #[test]
    fn the_placeholder_is_filled_and_bytes_stay_bytes() {
        let files: &[(&str, &[u8])] = &[("a.txt", b"<{{project_name}}>"), ("b", b"\xff\x00")];
        let template = Template { name: "x", files };
        let expected = vec![("a.txt", b"<mine>".to_vec()), ("b", b"\xff\x00".to_vec())];
        assert_eq!(template.files_for("mine"), expected);
    }

    #[test]
    fn all_files_are_written_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("new/project");
        let files = [("a/b/c.txt", b"c".to_vec()), ("a/d.txt", b"d".to_vec())];
        write_all(&root, &files).unwrap();
        assert_eq!(std::fs::read(root.join("a/b/c.txt")).unwrap(), b"c");
        let again = [("e/f.txt", Vec::new()), ("a/d.txt", b"other".to_vec())];
        let (path, error) = write_all(&root, &again).unwrap_err();
        assert_eq!((path, error.kind()), (root.join("a/d.txt"), io::ErrorKind::AlreadyExists));
        assert!(!root.join("e").exists(), "what was written before is gone again");
        assert_eq!(std::fs::read(root.join("a/d.txt")).unwrap(), b"d");
        assert_eq!(in_the_way(&root, ["e/f.txt", "a/d.txt"]), ["a/d.txt"]);
    }
}
