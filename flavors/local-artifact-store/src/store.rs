//! Objects as files: written aside, then made visible in one step.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sundae_plugin_api::artifact_store::{ArtifactStore, Capabilities, Existing, Object, Source};
use sundae_plugin_api::{Error, ErrorKind, Key};

use crate::files::{copy, link_or_copy, make_read_only, unique_name, while_doing, with_folder_of};
use crate::{LocalArtifactStore, STAGING};

impl LocalArtifactStore {
    fn path(&self, key: &Key) -> Result<PathBuf, Error> {
        if key.as_str().split('/').next() == Some(STAGING) {
            return Err(Error::other(format!("the key {key} is where unfinished files are kept")));
        }
        Ok(self.root.join(key))
    }

    fn missing(&self, key: &Key) -> Error {
        let folder = self.root.display();
        Error::new(ErrorKind::NotFound, format!("there is no object {key} in {folder}"))
    }

    /// Turns "no such file" into an error that names the key.
    fn read_error(&self, key: &Key, path: &Path, error: &io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => self.missing(key),
            _ => Error::io("read", path, error),
        }
    }

    /// Copies a file into the staging folder and makes the copy visible.
    fn put_copy(&self, file: &Path, target: &Path) -> Result<(), Error> {
        let staged = unique_name(&self.staging);
        copy(file, &staged).map_err(while_doing("copy to the store", file))?;
        publish(&staged, target)
    }
}

/// Moves a finished file to its place.
fn publish(staged: &Path, target: &Path) -> Result<(), Error> {
    with_folder_of(target, || fs::rename(staged, target)).map_err(|error| {
        drop(fs::remove_file(staged));
        Error::io("write", target, &error)
    })
}

fn object(key: Key, metadata: &Metadata) -> Object {
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified_ms = modified.and_then(|time| u64::try_from(time.as_millis()).ok()).unwrap_or(0);
    Object { key, size: metadata.len(), modified_ms }
}

impl ArtifactStore for LocalArtifactStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::at(self.root.display().to_string()).staging(self.staging.clone())
    }

    fn put(&self, key: &Key, file: &Path, source: Source) -> Result<(), Error> {
        let target = self.path(key)?;
        if source == Source::Keep {
            return self.put_copy(file, &target);
        }
        make_read_only(file).map_err(while_doing("protect", file))?;
        match with_folder_of(&target, || fs::rename(file, &target)) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.put_copy(file, &target)?;
                fs::remove_file(file).map_err(while_doing("remove", file))
            }
            Err(error) => Err(Error::io("write", &target, &error)),
        }
    }

    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        let path = self.path(key)?;
        link_or_copy(&path, destination).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound if !path.exists() => self.missing(key),
            _ => Error::io("write", destination, &error),
        })
    }

    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        let target = self.path(key)?;
        let staged = unique_name(&self.staging);
        let written = File::create_new(&staged)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| make_read_only(&staged));
        if let Err(error) = written {
            drop(fs::remove_file(&staged));
            return Err(Error::io("write", &staged, &error));
        }
        if existing == Existing::Replace {
            return publish(&staged, &target);
        }
        // A link, unlike a rename, fails if the name is taken.
        let linked = with_folder_of(&target, || fs::hard_link(&staged, &target));
        drop(fs::remove_file(&staged));
        linked.map_err(while_doing("write", &target))
    }

    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        let path = self.path(key)?;
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&path)?;
            let mut bytes = Vec::new();
            match range {
                None => file.read_to_end(&mut bytes)?,
                Some(range) => {
                    file.seek(SeekFrom::Start(range.start))?;
                    file.take(range.end.saturating_sub(range.start)).read_to_end(&mut bytes)?
                }
            };
            Ok(bytes)
        };
        read().map_err(|error| self.read_error(key, &path, &error))
    }

    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        let path = self.path(key)?;
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(object(key.clone(), &metadata))),
            Ok(_) => Ok(None),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(Error::io("read", &path, &error)),
        }
    }

    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        // Only the folders that can hold such keys are walked; the prefix may end in the middle of a name.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !folder.is_empty() {
            Key::new(folder)?;
        }
        let mut keys = Vec::new();
        keys_below(&self.root, folder, &mut keys)?;
        keys.retain(|key| {
            key.starts_with(prefix) && after.is_none_or(|a| key.as_str() > a.as_str())
        });
        keys.sort_unstable();
        keys.truncate(limit);
        let mut objects = Vec::with_capacity(keys.len());
        for key in keys {
            // What was removed since it was listed is no longer there to be told of.
            objects.extend(self.stat(&Key::new(key)?)?);
        }
        Ok(objects)
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        let path = self.path(key)?;
        match fs::remove_file(&path) {
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(Error::io("remove", &path, &error))
            }
            _ => Ok(()),
        }
    }
}

/// Adds the keys of the files below `root/folder`.
fn keys_below(root: &Path, folder: &str, keys: &mut Vec<String>) -> Result<(), Error> {
    let path = root.join(folder);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            return Ok(());
        }
        Err(error) => return Err(Error::io("list", &path, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(while_doing("list", &path))?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        if folder.is_empty() && name == STAGING {
            continue;
        }
        let key = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            keys_below(root, &key, keys)?;
        } else {
            keys.push(key);
        }
    }
    Ok(())
}
