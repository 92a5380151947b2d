//! Objects as files on an SFTP server: written aside, then made visible in one step.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt;
use openssh_sftp_client::metadata::MetaData;
use sundae_plugin_api::artifact_store::{ArtifactStore, Capabilities, Existing, Object, Source};
use sundae_plugin_api::{Error, Key};

use crate::fault::{missing, taken};
use crate::probe::probe;
use crate::remote::consume;
use crate::runtime::wait;
use crate::sftp::Sftp;
use crate::sftp::connection::Session;
use crate::sftp::fault::Failure;
use crate::tree::{Entry, Folders, page};
use crate::unique::unique;

/// Where unfinished files are, below the root: no key starts with a dot.
const UNFINISHED: &str = ".unfinished";

impl Sftp {
    /// The path of what is below the root.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.root)
    }

    /// Uploads what `source` gives, and makes it visible under the key.
    async fn publish(
        &self,
        key: &Key,
        source: &Content<'_>,
        existing: Existing,
    ) -> Result<(), Error> {
        let failed = |failure: Failure| failure.of(&self.place, "write", key);
        // A new name for each attempt: what an interrupted one has left behind is not to be met again.
        let staged = self
            .connection
            .run(|session| self.stage(session, key, source))
            .await
            .map_err(failed)?;
        let target = self.path(key.as_str());
        let published = match existing {
            Existing::Replace => {
                self.connection.run(|session| self.rename(session, &staged, &target)).await
            }
            Existing::Refuse => {
                self.connection.run(|session| self.link(session, &staged, &target)).await
            }
        };
        if existing == Existing::Refuse || published.is_err() {
            let removed = self.connection.run(|session| self.remove(session, &staged)).await;
            if published.is_ok() {
                removed.map_err(failed)?;
            }
        }
        match published {
            Ok(true) => Ok(()),
            Ok(false) => Err(taken(&self.place, key.as_str())),
            Err(failure) => Err(failed(failure)),
        }
    }

    /// Writes a file aside; its path.
    async fn stage(
        &self,
        session: Arc<Session>,
        key: &Key,
        source: &Content<'_>,
    ) -> Result<String, Failure> {
        let staged = self.path(&format!("{UNFINISHED}/{}", unique()));
        let sent = match self.send_source(&session, key, &staged, source).await {
            Err(Failure::Missing) => {
                self.make_folder(&session, &self.path(UNFINISHED)).await?;
                self.send_source(&session, key, &staged, source).await
            }
            sent => sent,
        };
        if sent.is_err() {
            drop(self.remove(session, &staged).await);
        }
        sent.map(|()| staged)
    }

    async fn send_source(
        &self,
        session: &Session,
        key: &Key,
        staged: &str,
        source: &Content<'_>,
    ) -> Result<(), Failure> {
        match source {
            Content::Bytes(bytes) => {
                self.send(session, key, staged, &mut &bytes[..], bytes.len() as u64).await
            }
            Content::File(path) => {
                let reading = |error: io::Error| Failure::Ours(Error::io("read", path, &error));
                let mut file = File::open(path).map_err(reading)?;
                let size = file.metadata().map_err(reading)?.len();
                self.send(session, key, staged, &mut file, size).await
            }
        }
    }

    /// Renames, which replaces what is there in one step where the server knows `posix-rename@openssh.com`.
    async fn rename(&self, session: Arc<Session>, from: &str, to: &str) -> Result<bool, Failure> {
        let mut fs = session.sftp.fs();
        match self.connection.within(fs.rename(from, to)).await {
            Err(Failure::Missing) => {
                self.make_folder_of(&session, to).await?;
                self.connection.within(fs.rename(from, to)).await?;
            }
            renamed => renamed?,
        }
        Ok(true)
    }

    /// Links, which fails if the name is taken: then `false`.
    async fn link(&self, session: Arc<Session>, from: &str, to: &str) -> Result<bool, Failure> {
        let mut fs = session.sftp.fs();
        let mut linked = self.connection.within(fs.hard_link(from, to)).await;
        if let Err(Failure::Missing) = linked {
            self.make_folder_of(&session, to).await?;
            linked = self.connection.within(fs.hard_link(from, to)).await;
        }
        match linked {
            Ok(()) => Ok(true),
            Err(Failure::Refused(said)) => match self.connection.within(fs.metadata(to)).await {
                Ok(_) => Ok(false),
                Err(_) => Err(Failure::Refused(said)),
            },
            Err(failure) => Err(failure),
        }
    }

    async fn remove(&self, session: Arc<Session>, path: &str) -> Result<(), Failure> {
        match self.connection.within(session.sftp.fs().remove_file(path)).await {
            Ok(()) | Err(Failure::Missing) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// What the server knows of a file; nothing if there is none.
    async fn look(&self, session: Arc<Session>, path: &str) -> Result<Option<MetaData>, Failure> {
        match self.connection.within(session.sftp.fs().metadata(path)).await {
            Ok(metadata) => {
                let is_file = metadata.file_type().is_none_or(|kind| kind.is_file());
                Ok(Some(metadata).filter(|_| is_file))
            }
            Err(Failure::Missing) => Ok(None),
            // A file where a folder would have to be.
            Err(Failure::Refused(_)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn make_folder_of(&self, session: &Session, file: &str) -> Result<(), Failure> {
        match file.rsplit_once('/') {
            Some((folder, _)) => self.make_folder(session, folder).await,
            None => Ok(()),
        }
    }

    /// Makes a folder and those above it.
    async fn make_folder(&self, session: &Session, folder: &str) -> Result<(), Failure> {
        let mut fs = session.sftp.fs();
        let ends = folder.match_indices('/').map(|(end, _)| end).filter(|end| *end > 0);
        for end in ends.chain([folder.len()]) {
            let above = &folder[..end];
            match self.connection.within(fs.create_dir(above)).await {
                Ok(()) => {}
                // It is there already, or may not be made but entered; if not, what follows will say so.
                Err(Failure::Refused(_) | Failure::Denied) if end < folder.len() => {}
                Err(failure) => match self.connection.within(fs.metadata(above)).await {
                    Ok(_) => {}
                    Err(_) => return Err(failure),
                },
            }
        }
        Ok(())
    }

    async fn list_folder(
        &self,
        session: Arc<Session>,
        folder: &str,
    ) -> Result<Vec<Entry>, Failure> {
        let path = self.path(folder);
        let opened =
            self.connection.within(session.sftp.fs().open_dir(path.trim_end_matches('/'))).await;
        let opened = match opened {
            Ok(opened) => opened,
            // There is none, or it is a file.
            Err(Failure::Missing | Failure::Refused(_)) => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        let mut entries = Vec::new();
        let mut found = std::pin::pin!(opened.read_dir());
        while let Some(entry) = self.connection.within(found.try_next()).await? {
            let Some(name) = entry.filename().to_str().filter(|name| !name.starts_with('.')) else {
                continue;
            };
            let name = format!("{folder}{name}");
            if entry.file_type().is_some_and(|kind| kind.is_dir()) {
                entries.push(Entry::Folder(format!("{name}/")));
            } else if let Ok(key) = Key::new(name) {
                entries.push(Entry::Object(object(key, entry.metadata())));
            }
        }
        Ok(entries)
    }

    async fn read_range(
        &self,
        session: Arc<Session>,
        key: &Key,
        range: Option<Range<u64>>,
    ) -> Result<Vec<u8>, Failure> {
        let (file, size) = self.open_file(&session, &self.path(key.as_str())).await?;
        let range = range.unwrap_or(0..size);
        let (start, end) = (range.start.min(size), range.end.min(size));
        let mut all = Vec::new();
        self.receive(key, &file, start, end.max(start), |bytes| {
            all.extend_from_slice(bytes);
            Ok(())
        })
        .await?;
        self.connection.within(file.close()).await?;
        Ok(all)
    }

    /// A missing object by its name, and what cannot be opened because it is a folder as missing, too.
    async fn read_error(&self, key: &Key, failure: Failure) -> Error {
        if let Failure::Refused(_) = failure {
            let path = self.path(key.as_str());
            let looked = self.connection.run(|session| self.look(session, &path)).await;
            if matches!(looked, Ok(None)) {
                return missing(&self.place, key.as_str());
            }
        }
        failure.of(&self.place, "read", key)
    }
}

/// Where the bytes of a new object come from.
enum Content<'a> {
    Bytes(&'a [u8]),
    File(&'a Path),
}

fn object(key: Key, metadata: MetaData) -> Object {
    let seconds = metadata.modified().map_or(0, |time| {
        let time = time.as_system_time().duration_since(std::time::UNIX_EPOCH);
        time.map_or(0, |since| since.as_secs())
    });
    Object { key, size: metadata.len().unwrap_or(0), modified_ms: seconds * 1000 }
}

impl Folders for Sftp {
    async fn entries(&self, folder: &str) -> Result<Vec<Entry>, Error> {
        let listed = self.connection.run(|session| self.list_folder(session, folder)).await;
        listed.map_err(|failure| failure.explain(&self.place, "list", folder))
    }
}

impl ArtifactStore for Sftp {
    fn capabilities(&self) -> Capabilities {
        Capabilities::at(self.place.location.clone()).shared()
    }

    fn check(&self) -> Result<(), Error> {
        probe(self)
    }

    fn put(&self, key: &Key, file: &Path, source: Source) -> Result<(), Error> {
        wait(self.publish(key, &Content::File(file), Existing::Replace))?;
        if source == Source::Give { consume(file) } else { Ok(()) }
    }

    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        let writing = |error: io::Error| Error::io("write", destination, &error);
        let file = File::create_new(destination).map_err(writing)?;
        let got = wait(async {
            let downloaded = self
                .connection
                .run(async |session| {
                    let mut file = &file;
                    let emptied = file.set_len(0).and_then(|()| file.rewind());
                    emptied.map_err(|error| Failure::Ours(writing(error)))?;
                    self.download(&session, key, file, destination).await
                })
                .await;
            match downloaded {
                Ok(()) => Ok(()),
                Err(failure) => Err(self.read_error(key, failure).await),
            }
        });
        if got.is_err() {
            drop(fs::remove_file(destination));
        }
        got
    }

    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        wait(self.publish(key, &Content::Bytes(bytes), existing))
    }

    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        wait(async {
            let read =
                self.connection.run(|session| self.read_range(session, key, range.clone())).await;
            match read {
                Ok(bytes) => Ok(bytes),
                Err(failure) => Err(self.read_error(key, failure).await),
            }
        })
    }

    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        let path = self.path(key.as_str());
        let looked = wait(async {
            let looked = self.connection.run(|session| self.look(session, &path)).await;
            looked.map_err(|failure| failure.of(&self.place, "read", key))
        })?;
        Ok(looked.map(|metadata| object(key.clone(), metadata)))
    }

    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        wait(page(self, &self.cursors, prefix, after, limit))
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        let path = self.path(key.as_str());
        wait(async {
            let removed = self.connection.run(|session| self.remove(session, &path)).await;
            match removed {
                // A folder is no object.
                Err(failure @ Failure::Refused(_)) => {
                    let looked = self.connection.run(|session| self.look(session, &path)).await;
                    if matches!(looked, Ok(None)) {
                        Ok(())
                    } else {
                        Err(failure.of(&self.place, "delete", key))
                    }
                }
                Err(failure) => Err(failure.of(&self.place, "delete", key)),
                Ok(()) => Ok(()),
            }
        })
    }
}
