//! Walking the folders of the store in the order of the keys, without looking where nothing of interest can be.

use std::fs;
use std::io;

use sundae_plugin_api::artifact_store::{ArtifactStore, Object};
use sundae_plugin_api::{Error, Key};

use crate::LocalArtifactStore;
use crate::files::while_doing;

/// What is looked for, and what has been found.
pub(crate) struct Listing<'a> {
    pub(crate) store: &'a LocalArtifactStore,
    pub(crate) prefix: &'a str,
    pub(crate) after: Option<&'a Key>,
    pub(crate) limit: usize,
    pub(crate) objects: Vec<Object>,
}

impl Listing<'_> {
    /// Adds the objects below a folder, named relative to the root: at most as many as are wanted.
    pub(crate) fn add_below(&mut self, folder: &str) -> Result<(), Error> {
        for name in self.names(folder)? {
            if self.objects.len() >= self.limit {
                break;
            }
            match name.strip_suffix('/') {
                Some(below) if self.may_hold(&name) => self.add_below(below)?,
                Some(_) => {}
                None if self.wants(&name) => {
                    // What was removed since it was listed, or was put there under a name that is no key, is no object.
                    let object = Key::new(name).ok().map(|key| self.store.stat(&key));
                    self.objects.extend(object.transpose()?.flatten());
                }
                None => {}
            }
        }
        Ok(())
    }

    /// What is in a folder, sorted as keys are: the name of a folder ends with `/`, as it does within a key.
    fn names(&self, folder: &str) -> Result<Vec<String>, Error> {
        let path = self.store.root.join(folder);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(Vec::new());
            }
            Err(error) => return Err(Error::io("list", &path, &error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(while_doing("list", &path))?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let separator = if folder.is_empty() { "" } else { "/" };
            let end = if is_folder { "/" } else { "" };
            names.push(format!("{folder}{separator}{name}{end}"));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn wants(&self, key: &str) -> bool {
        key.starts_with(self.prefix) && self.after.is_none_or(|after| key > after.as_str())
    }

    /// Whether a key that starts with `start`, which ends with `/`, may be wanted.
    fn may_hold(&self, start: &str) -> bool {
        let by_prefix = start.starts_with(self.prefix) || self.prefix.starts_with(start);
        // All keys in it come before `after` if its own name does, unless `after` is in it.
        by_prefix
            && self
                .after
                .is_none_or(|after| start > after.as_str() || after.as_str().starts_with(start))
    }
}
