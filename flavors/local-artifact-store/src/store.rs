//! Objects as files: written aside, then made visible in one step.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sundae_plugin_api::artifact_store::{ArtifactStore, Capabilities, Existing, Object, Source};
use sundae_plugin_api::{Error, ErrorKind, Key};

use crate::LocalArtifactStore;
use crate::files::{
    copy, create_read_only, link_or_copy, make_read_only, make_recent, unique_name, while_doing,
    with_folder_of,
};
use crate::listing::Listing;

impl LocalArtifactStore {
    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key)
    }

    fn missing(&self, key: &Key) -> Error {
        let folder = self.root.display();
        Error::new(ErrorKind::NotFound, format!("there is no object {key} in {folder}"))
    }

    /// Turns "no such file" into an error that names the key.
    fn read_error(&self, key: &Key, path: &Path, error: &io::Error) -> Error {
        match error.kind() {
            kind if is_absence(kind) => self.missing(key),
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

/// Whether an error says that there is no file: nothing, a folder, or a file where a folder would have to be.
fn is_absence(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory
    )
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
        let at = Capabilities::at(self.root.display().to_string()).staging(self.staging.clone());
        if self.is_shared { at.shared() } else { at }
    }

    fn put(&self, key: &Key, file: &Path, source: Source) -> Result<(), Error> {
        let target = self.path(key);
        if source == Source::Keep {
            return self.put_copy(file, &target);
        }
        make_recent(file)
            .and_then(|()| make_read_only(file))
            .map_err(while_doing("protect", file))?;
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
        let path = self.path(key);
        link_or_copy(&path, destination).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::io("write", destination, &error),
            _ if !path.is_file() => self.missing(key),
            _ => Error::io("write", destination, &error),
        })
    }

    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        let target = self.path(key);
        let staged = unique_name(&self.staging);
        let written = create_read_only(&staged).and_then(|mut file| file.write_all(bytes));
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
        let path = self.path(key);
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(&path)?;
            let mut bytes = Vec::new();
            match range {
                None => file.read_to_end(&mut bytes)?,
                Some(range) => {
                    // A range may start anywhere; a file cannot be positioned anywhere.
                    let start = range.start.min(file.metadata()?.len());
                    file.seek(SeekFrom::Start(start))?;
                    file.take(range.end.saturating_sub(start)).read_to_end(&mut bytes)?
                }
            };
            Ok(bytes)
        };
        read().map_err(|error| self.read_error(key, &path, &error))
    }

    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        let path = self.path(key);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Some(object(key.clone(), &metadata))),
            Ok(_) => Ok(None),
            Err(error) if is_absence(error.kind()) => Ok(None),
            Err(error) => Err(Error::io("read", &path, &error)),
        }
    }

    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        // Only the folder that can hold such keys is walked; the prefix may end in the middle of a name.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !folder.is_empty() && Key::new(folder).is_err() {
            // No key starts so, and this is not to lead out of the root.
            return Ok(Vec::new());
        }
        let mut listing = Listing { store: self, prefix, after, limit, objects: Vec::new() };
        listing.add_below(folder)?;
        Ok(listing.objects)
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(error) if !is_absence(error.kind()) => Err(Error::io("remove", &path, &error)),
            _ => Ok(()),
        }
    }
}
