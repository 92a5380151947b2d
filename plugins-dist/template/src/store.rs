//! What an artifact store does. The rules stand at the methods of the trait; the tests in `tests/behavior.rs` hold you to them.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use sundae_plugin_api::artifact_store::{ArtifactStore, Capabilities, Existing, Object, Source};
use sundae_plugin_api::{Error, ErrorKind, Key};

use crate::{Durability, TeamFolder};

impl ArtifactStore for TeamFolder {
    /// Declare what is true: Sundae relies on it, and asks for nothing that is not declared.
    fn capabilities(&self) -> Capabilities {
        Capabilities::at(self.folder.display().to_string()).shared()
    }

    /// Asked when somebody registers the component, so that a mistake is told then and not when a run fails.
    fn check(&self) -> Result<(), Error> {
        fs::read_dir(&self.folder)
            .map_err(|error| Error::io("read", &self.folder, &error))
            .map(drop)
    }

    fn put(&self, key: &Key, file: &Path, _: Source) -> Result<(), Error> {
        let open = |file| -> io::Result<(File, u64)> {
            let file = File::open(file)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        };
        let (mut content, size) = open(file).map_err(|error| Error::io("read", file, &error))?;
        self.check_size(key, size)?;
        self.add(key, Existing::Replace, |target| io::copy(&mut content, target).map(drop))
    }

    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        let mut object = self.open_object(key)?;
        let mut file = File::create_new(destination)
            .map_err(|error| Error::io("write", destination, &error))?;
        io::copy(&mut object, &mut file).map(drop).map_err(|error| {
            // After an error there is nothing at the destination.
            fs::remove_file(destination).ok();
            Error::io("write", destination, &error)
        })
    }

    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        self.check_size(key, bytes.len() as u64)?;
        self.add(key, existing, |target| target.write_all(bytes))
    }

    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        let mut object = self.open_object(key)?;
        let read = || -> io::Result<Vec<u8>> {
            let length = object.metadata()?.len();
            let range = range.unwrap_or(0..length);
            let start = range.start.min(length);
            object.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            object.take(range.end.saturating_sub(start)).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        read().map_err(|error| Error::io("read", &self.path(key), &error))
    }

    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        let path = self.path(key);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                let modified = metadata.modified().ok();
                let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
                let modified_ms = modified.map_or(0, |time| time.as_millis() as u64);
                Ok(Some(Object { key: key.clone(), size: metadata.len(), modified_ms }))
            }
            Ok(_) => Ok(None),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(Error::io("read", &path, &error)),
        }
    }

    /// Plain rather than quick: all names, then those that are asked for.
    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        let mut keys = Vec::new();
        add_keys(&self.folder, "", &mut keys)?;
        keys.retain(|key| key.as_str().starts_with(prefix) && after.is_none_or(|a| key > a));
        keys.sort();
        let mut objects = Vec::new();
        for key in keys.iter().take(limit) {
            // What was removed since it was listed is no longer there to be told of.
            objects.extend(self.stat(key)?);
        }
        Ok(objects)
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        let path = self.path(key);
        match fs::remove_file(&path) {
            Err(error) if !is_absence(&error) => Err(Error::io("remove", &path, &error)),
            _ => Ok(()),
        }
    }
}

impl TeamFolder {
    /// A key cannot lead out of the folder: Sundae has checked it, and so has this plugin's side of the boundary.
    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(key)
    }

    fn check_size(&self, key: &Key, size: u64) -> Result<(), Error> {
        if size <= self.largest {
            return Ok(());
        }
        // Programs decide by the kind, people read the message, and what it was about is added in pairs.
        Err(Error::new(ErrorKind::OutOfSpace, format!("{key} is larger than this store takes"))
            .with("size", size.to_string())
            .with("largest", self.largest.to_string()))
    }

    /// Opens an object for reading: a file, and not a folder of others.
    fn open_object(&self, key: &Key) -> Result<File, Error> {
        let path = self.path(key);
        let missing = || {
            let folder = self.folder.display();
            Error::new(ErrorKind::NotFound, format!("there is no object {key} in {folder}"))
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if is_absence(&error) => return Err(missing()),
            Err(error) => return Err(Error::io("read", &path, &error)),
        };
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            Ok(file)
        } else {
            Err(missing())
        }
    }

    /// Writes an object aside, and makes it visible in one step: no reader ever sees a part of it, even if this process is
    /// killed in the middle.
    fn add(
        &self,
        key: &Key,
        existing: Existing,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<(), Error> {
        let target = self.path(key);
        let aside = unfinished_name(&target);
        let written = self.write_aside(&aside, write).and_then(|()| match existing {
            Existing::Replace => fs::rename(&aside, &target),
            // A link, unlike a rename, fails if the name is taken.
            Existing::Refuse => fs::hard_link(&aside, &target),
        });
        if written.is_err() || existing == Existing::Refuse {
            fs::remove_file(&aside).ok();
        }
        written.map_err(|error| Error::io("write", &target, &error))?;
        self.host.debug(format_args!("{key} is in {}", self.folder.display()));
        Ok(())
    }

    fn write_aside(
        &self,
        path: &Path,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create_new(path)?;
        write(&mut file)?;
        if self.durability == Durability::Safe {
            file.sync_all()?;
        }
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions)
    }
}

/// A name beside the object that nobody else uses, on no machine that shares the folder. It starts with a dot, as no key does.
fn unfinished_name(target: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_nanos());
    target.with_file_name(format!(".{}-{now:x}-{count}", std::process::id()))
}

/// Adds the keys of the files below a folder; `parent` is the folder's part of the key.
fn add_keys(folder: &Path, parent: &str, keys: &mut Vec<Key>) -> Result<(), Error> {
    let io = |error| Error::io("list", folder, &error);
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let path = if parent.is_empty() { name } else { format!("{parent}/{name}") };
        // What is no key is none of ours: unfinished objects, the token, somebody's notes.
        let Ok(key) = Key::new(path) else { continue };
        match entry.file_type().map_err(io)? {
            kind if kind.is_dir() => add_keys(&entry.path(), key.as_str(), keys)?,
            _ => keys.push(key),
        }
    }
    Ok(())
}

/// Whether an error says that there is no such object: nothing, or a file where a folder would have to be, or the reverse.
fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory)
}
