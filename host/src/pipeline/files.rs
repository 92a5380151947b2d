//! The files of a pipeline: the one that is read, and those that it names as steps.

use std::cell::Cell;
use std::path::{Component, Path, PathBuf};

use super::error::PipelineError;

/// Gives the text of a pipeline file, found at an absolute path.
pub type Load<'l> = dyn Fn(&Path) -> Result<String, PipelineError> + 'l;

/// Where the texts come from, and which file names the one that is read.
pub(super) struct Files<'f> {
    load: &'f Load<'f>,
    /// From the first file to the one that is read: where each is, and what errors call it.
    way: Vec<(PathBuf, String)>,
    /// How many files were read in all.
    read: &'f Cell<usize>,
}

/// Why a file is not read.
pub(super) enum Refusal {
    /// It leads back to itself: the names of the files.
    Circle(Vec<String>),
    /// There are too many: a file that uses another one twice, which uses another one twice, and so on.
    TooMany,
}

impl<'f> Files<'f> {
    /// Pipelines that are used as steps are files that somebody has written: more of them are a mistake.
    const MOST: usize = 10_000;

    pub(super) fn new(load: &'f Load<'f>, read: &'f Cell<usize>) -> Self {
        Self { load, way: Vec::new(), read }
    }

    /// What errors call a file that the current one names.
    pub(super) fn name_of(&self, named: &str) -> String {
        match self.way.last() {
            Some((_, name)) => {
                let folder = Path::new(name).parent().unwrap_or(Path::new(""));
                plain(&folder.join(named)).display().to_string()
            }
            None => named.to_owned(),
        }
    }

    /// The files as they are for what the file at `path` names. Errors call it `name`.
    pub(super) fn within(&self, path: &Path, name: &str) -> Result<Self, Refusal> {
        let path = plain(path);
        if let Some(start) = self.way.iter().position(|(seen, _)| *seen == path) {
            let names = self.way[start..].iter().map(|(_, name)| name.clone());
            return Err(Refusal::Circle(names.collect()));
        }
        self.read.set(self.read.get() + 1);
        if self.read.get() > Self::MOST {
            return Err(Refusal::TooMany);
        }
        let mut way = self.way.clone();
        way.push((path, name.to_owned()));
        Ok(Self { load: self.load, way, read: self.read })
    }

    pub(super) fn load(&self, path: &Path) -> Result<String, PipelineError> {
        (self.load)(path)
    }
}

/// The path without `.`, and without `..` where a folder stands before it.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match (component, plain.components().next_back()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                plain.pop();
            }
            _ => plain.push(component),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_as_people_would_write_it() {
        for (path, expected) in [
            ("a/./b/../c.toml", "a/c.toml"),
            ("../x.toml", "../x.toml"),
            ("a/../../x.toml", "../x.toml"),
            ("/../x.toml", "/x.toml"),
        ] {
            assert_eq!(plain(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
