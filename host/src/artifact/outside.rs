//! Data that nobody made: files, folders and objects from outside, known by their content, and taken into a store as they are now.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Map;
use sundae_plugin_api::artifact_store::{Existing, Object, Source};
use sundae_plugin_api::{ArtifactStore, Error, Key};

use super::digest::digest_of_bytes;
use super::folder::{self, Content, Entry, What};
use super::publish::{about_to_put, unreadable};
use super::{
    ArtifactKind, ArtifactRef, KnownDigests, Look, PublishError, digest_of_file,
    digest_of_known_file, is_executable, object_key,
};

/// So many objects of a folder in a store are listed at once.
const LISTED: usize = 1000;

/// Something from outside, as it is now.
#[derive(Debug)]
pub struct Outside {
    artifact: ArtifactRef,
    files: Vec<Found>,
    manifest: Option<String>,
}

#[derive(Debug)]
struct Found {
    at: At,
    digest: String,
    size: u64,
    executable: bool,
}

#[derive(Debug, Clone)]
enum At {
    File(PathBuf),
    Object(Key),
}

impl Outside {
    /// The file or folder at an absolute path. Large files are read only if they do not look as they did when they were read last.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn at_path(path: &Path, known: &dyn KnownDigests) -> Result<Self, PublishError> {
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, error))?;
        let file = |path: &Path, metadata: &fs::Metadata| {
            let digested =
                digest_of_known_file(path, known).map_err(|error| unreadable(path, error))?;
            let (digest, size) = (digested.digest, digested.size);
            let executable = is_executable(metadata);
            Ok::<_, PublishError>(Found { at: At::File(path.to_owned()), digest, size, executable })
        };
        if metadata.is_file() {
            return Ok(Self::file(file(path, &metadata)?));
        }
        if !metadata.is_dir() {
            return Err(PublishError::Unfit(path.to_owned()));
        }
        let mut files = Vec::new();
        let mut entries = Vec::new();
        for found in folder::scan(path).map_err(|error| unreadable(path, error))? {
            let content = match found.what {
                What::EmptyFolder => Content::EmptyFolder,
                What::Link { target } => Content::Link { target },
                What::File(metadata) => {
                    let file = file(&found.on_disk, &metadata)?;
                    let content = file.content();
                    files.push(file);
                    content
                }
            };
            entries.push(Entry { path: found.path, content });
        }
        Self::folder(files, &entries).map_err(|error| unreadable(path, error.into()))
    }

    /// The object at a key of a store; or, as a folder, those whose keys start with it and a `/`. `store_id` names the store, so that
    /// objects are read only if they do not look as they did when they were read last; what is read is read by way of `staging`.
    ///
    /// # Errors
    /// [`PublishError`]; also where there is nothing.
    pub fn in_store(
        store: &dyn ArtifactStore,
        store_id: &str,
        key: &Key,
        staging: &Path,
        known: &dyn KnownDigests,
    ) -> Result<Self, PublishError> {
        let found = |object: &Object| {
            let digest = digest_of_object(store, store_id, object, staging, known)?;
            let at = At::Object(object.key.clone());
            Ok::<_, PublishError>(Found { at, digest, size: object.size, executable: false })
        };
        if let Some(object) = store.stat(key)? {
            return Ok(Self::file(found(&object)?));
        }
        let prefix = format!("{key}/");
        let mut files = Vec::new();
        let mut entries = Vec::new();
        let mut last: Option<Key> = None;
        loop {
            let objects = store.list(&prefix, last.as_ref(), LISTED)?;
            let Some(end) = objects.last() else { break };
            last = Some(end.key.clone());
            for object in &objects {
                let file = found(object)?;
                let path = object.key.as_str()[prefix.len()..].to_owned();
                entries.push(Entry { path, content: file.content() });
                files.push(file);
            }
        }
        if files.is_empty() {
            return Err(PublishError::Absent(PathBuf::from(format!("the key `{key}`"))));
        }
        Self::folder(files, &entries).map_err(|error| Error::other(error.to_string()).into())
    }

    /// What it is as an artifact.
    #[must_use]
    pub fn artifact(&self) -> &ArtifactRef {
        &self.artifact
    }

    fn file(file: Found) -> Self {
        let Found { digest, size, executable, .. } = &file;
        let (kind, metadata) = (ArtifactKind::File, Map::new());
        let (digest, size, executable) = (digest.clone(), *size, *executable);
        let artifact = ArtifactRef { kind, digest, size, executable, metadata };
        Self { artifact, files: vec![file], manifest: None }
    }

    fn folder(files: Vec<Found>, entries: &[Entry]) -> Result<Self, serde_json::Error> {
        let manifest = folder::to_text(entries)?;
        let artifact = ArtifactRef {
            kind: ArtifactKind::Folder,
            digest: digest_of_bytes(manifest.as_bytes()),
            size: files.iter().map(|file| file.size).sum(),
            executable: false,
            metadata: Map::new(),
        };
        Ok(Self { artifact, files, manifest: Some(manifest) })
    }

    /// Puts into the store what of it is not there yet, by way of copies in `staging`, which is on the store's file system if it has
    /// one. What is outside stays as it is, and so does what is in the store, whatever becomes of the other.
    ///
    /// # Errors
    /// [`PublishError`]; also where something was changed since it was looked at.
    pub fn take_in(&self, store: &dyn ArtifactStore, staging: &Path) -> Result<(), PublishError> {
        let id = &self.artifact.digest;
        let digests = self.files.iter().map(|file| file.digest.as_str());
        about_to_put(store, id, digests.chain([id.as_str()]))?;
        let mut done = HashSet::new();
        for file in self.files.iter().filter(|file| done.insert(file.digest.as_str())) {
            let key = object_key(&file.digest).map_err(Error::from)?;
            let is_there = store.stat(&key)?.is_some_and(|object| object.size == file.size);
            if !is_there {
                file.put(store, &key, staging)?;
            }
        }
        if let Some(manifest) = &self.manifest {
            let key = object_key(id).map_err(Error::from)?;
            store.write(&key, manifest.as_bytes(), Existing::Replace)?;
        }
        Ok(())
    }
}

impl Found {
    fn content(&self) -> Content {
        let Self { digest, size, executable, .. } = self;
        Content::File { digest: digest.clone(), size: *size, executable: *executable }
    }

    fn put(
        &self,
        store: &dyn ArtifactStore,
        key: &Key,
        staging: &Path,
    ) -> Result<(), PublishError> {
        let folder = scratch(staging)?;
        let copy = folder.path().join("copy");
        let path = match &self.at {
            At::File(path) => {
                fs::copy(path, &copy).map_err(|error| unreadable(path, error))?;
                path.clone()
            }
            At::Object(key) => {
                store.get(key, &copy)?;
                PathBuf::from(key.as_str())
            }
        };
        let digested = digest_of_file(&copy).map_err(|error| unreadable(&copy, error))?;
        if digested.digest != self.digest {
            let source = io::Error::other("it was changed while it was read; try again");
            return Err(PublishError::Read { path, source });
        }
        // What a store hands out may be its own data, and is not to be given away.
        let source = if matches!(self.at, At::File(_)) { Source::Give } else { Source::Keep };
        Ok(store.put(key, &copy, source)?)
    }
}

fn scratch(staging: &Path) -> Result<tempfile::TempDir, PublishError> {
    tempfile::TempDir::new_in(staging).map_err(|error| unreadable(staging, error))
}

fn digest_of_object(
    store: &dyn ArtifactStore,
    store_id: &str,
    object: &Object,
    staging: &Path,
    known: &dyn KnownDigests,
) -> Result<String, PublishError> {
    let name = PathBuf::from(format!("store:{store_id}/{}", object.key));
    let look = Look::of_object(object);
    if let Some(digest) = known.find(&name, &look) {
        return Ok(digest);
    }
    let began = SystemTime::now();
    let folder = scratch(staging)?;
    let copy = folder.path().join("copy");
    store.get(&object.key, &copy)?;
    let digest = digest_of_file(&copy).map_err(|error| unreadable(&copy, error))?.digest;
    if look.is_settled_at(began) {
        known.remember(&name, &look, &digest);
    }
    Ok(digest)
}
