//! Objects as files on a WebDAV server.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt;
use opendal::{EntryMode, Metadata};
use sundae_plugin_api::artifact_store::{ArtifactStore, Capabilities, Existing, Object, Source};
use sundae_plugin_api::{Error, ErrorKind, Key};

use crate::fault::missing;
use crate::probe::probe;
use crate::remote::{consume, is_absence, object};
use crate::runtime::wait;
use crate::tree::{Entry, Folders, page};
use crate::webdav::Webdav;
use crate::webdav::publish::key_of_staged;
use crate::webdav::request::Content;

impl Webdav {
    /// The names in a folder, relative to the root, those of folders with `/` at the end.
    pub(crate) async fn names(&self, folder: &str) -> Result<Vec<(String, Metadata)>, Error> {
        let failed = |error: opendal::Error| self.remote.failed("list", folder, &error);
        let path = if folder.is_empty() { "/" } else { folder };
        // A file that is asked for as a folder is in its own listing, which the library does not stand.
        match self.remote.operator.stat(path.trim_end_matches('/')).await {
            Ok(metadata) if metadata.mode() != EntryMode::DIR => return Ok(Vec::new()),
            Err(error) if is_absence(&error) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(error) => return Err(failed(error)),
        }
        let mut lister = match self.remote.operator.lister(path).await {
            Ok(lister) => lister,
            Err(error) if is_absence(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        loop {
            match lister.try_next().await {
                Ok(Some(entry)) => {
                    let (name, metadata) = entry.into_parts();
                    // The folder is in its own listing.
                    let is_below = name
                        .strip_prefix(folder)
                        .is_some_and(|rest| !rest.is_empty() && rest != "/");
                    if is_below {
                        names.push((name, metadata));
                    }
                }
                Ok(None) => return Ok(names),
                Err(error) if is_absence(&error) => return Ok(names),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// What `attempt` reads of an object that is the same one before and after.
    ///
    /// Common servers look at a file and then open it by its name, so that the content of one object comes with the length of
    /// another if it is replaced in between; and for a moment there is none.
    async fn undisturbed<T>(
        &self,
        key: &Key,
        attempt: impl AsyncFn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut before = self.look(key).await?;
        for pause in 0..DISTURBANCES {
            if before.is_none() {
                return Err(missing(&self.remote.place, key.as_str()));
            }
            let result = attempt().await;
            let after = self.look(key).await?;
            let is_gone = result.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
            if !is_gone && is_same(before.as_ref(), after.as_ref()) {
                return result;
            }
            before = after;
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Err(self.remote.restless(key))
    }

    /// The object under whose key something is staged, if the listing has missed it.
    async fn coming(
        &self,
        names: &[(String, Metadata)],
        staged: &str,
    ) -> Result<Option<Entry>, Error> {
        let Some(key) = key_of_staged(staged) else { return Ok(None) };
        if names.iter().any(|(name, _)| name == key.as_str()) {
            return Ok(None);
        }
        let found = self.look(&key).await?;
        Ok(found.map(|metadata| Entry::Object(object(key, &metadata))))
    }
}

/// How often an object is read again because it was replaced meanwhile.
const DISTURBANCES: u64 = 40;

fn is_same(one: Option<&Metadata>, other: Option<&Metadata>) -> bool {
    let marks = |metadata: &Metadata| {
        (metadata.etag().map(str::to_owned), metadata.last_modified(), metadata.content_length())
    };
    one.map(marks) == other.map(marks)
}

impl Folders for Webdav {
    async fn entries(&self, folder: &str) -> Result<Vec<Entry>, Error> {
        let names = self.names(folder).await?;
        let mut entries = Vec::new();
        for (name, metadata) in &names {
            if name[folder.len()..].starts_with('.') {
                entries.extend(self.coming(&names, name).await?);
            } else if metadata.mode() == EntryMode::DIR {
                entries.push(Entry::Folder(name.clone()));
            } else if let Ok(key) = Key::new(name.as_str()) {
                entries.push(Entry::Object(object(key, metadata)));
            }
        }
        // What several are staged for has come several times.
        entries.sort_unstable_by(|one, other| one.name().cmp(other.name()));
        entries.dedup_by(|one, other| one.name() == other.name());
        Ok(entries)
    }
}

impl ArtifactStore for Webdav {
    fn capabilities(&self) -> Capabilities {
        Capabilities::at(self.remote.place.location.clone()).shared()
    }

    fn check(&self) -> Result<(), Error> {
        probe(self)
    }

    fn put(&self, key: &Key, file: &Path, source: Source) -> Result<(), Error> {
        wait(async {
            // What cannot be read is found out here, and not by a request that breaks off.
            drop(File::open(file).map_err(|error| Error::io("read", file, &error))?);
            self.publish(key, Content::File(file), Existing::Replace).await
        })?;
        if source == Source::Give { consume(file) } else { Ok(()) }
    }

    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        let writing = |error: io::Error| Error::io("write", destination, &error);
        let file = File::create_new(destination).map_err(writing)?;
        let again = async || {
            (&file).rewind().and_then(|()| file.set_len(0)).map_err(writing)?;
            self.remote.receive_whole(key, &file, destination).await
        };
        let got = wait(self.undisturbed(key, again));
        if got.is_err() {
            drop(fs::remove_file(destination));
        }
        got
    }

    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        wait(self.publish(key, Content::Bytes(bytes), existing))
    }

    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        wait(async {
            self.undisturbed(key, async || self.remote.bytes(key, range.clone()).await).await
        })
    }

    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        let looked = wait(self.look(key))?;
        Ok(looked.map(|metadata| object(key.clone(), &metadata)))
    }

    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        wait(page(self, &self.cursors, prefix, after, limit))
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        wait(async {
            // A folder is no object, and would be removed with all that is in it.
            match self.look(key).await? {
                Some(_) => self.requests.delete(key.as_str(), key.as_str()).await,
                None => Ok(()),
            }
        })
    }
}
