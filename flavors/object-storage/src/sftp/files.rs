//! Moving the bytes of a file to and from an SFTP server: many blocks are under way at once, as each takes a round trip.

use std::fs::File as LocalFile;
use std::io::{self, Read, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::BytesMut;
use futures_util::{StreamExt, TryStreamExt, stream};
use openssh_sftp_client::file::File;
use sundae_plugin_api::{Error, Key};
use tokio::io::AsyncSeekExt;

use crate::fault::cancelled;
use crate::sftp::Sftp;
use crate::sftp::connection::Session;
use crate::sftp::fault::Failure;

/// How long a block is: every server takes so much.
const BLOCK: u64 = 32 << 10;

/// How many blocks are under way at once: 8 MB.
const BLOCKS: usize = 256;

impl Sftp {
    /// Writes the whole source into a new file on the server.
    pub(crate) async fn send(
        &self,
        session: &Session,
        key: &Key,
        path: &str,
        source: &mut (impl Read + Send),
        size: u64,
    ) -> Result<(), Failure> {
        let mut options = session.sftp.options();
        options.write(true).create_new(true);
        let file = self.connection.within(options.open(path)).await?;
        let mut offset = 0;
        let blocks = std::iter::from_fn(|| {
            let mut bytes = Vec::new();
            match Read::by_ref(source).take(BLOCK).read_to_end(&mut bytes) {
                Ok(0) => None,
                Ok(_) if self.host.is_cancelled() => {
                    Some(Err(Failure::Ours(cancelled(&self.place, key))))
                }
                Ok(read) => {
                    let start = offset;
                    offset += read as u64;
                    self.host.progress(key.as_str(), offset, Some(size));
                    Some(Ok((start, bytes)))
                }
                Err(error) => {
                    Some(Err(Failure::Ours(Error::other(format!("cannot read: {error}")))))
                }
            }
        });
        stream::iter(blocks)
            .map_ok(|(start, bytes)| self.send_block(file.clone(), start, bytes))
            .try_buffer_unordered(BLOCKS)
            .try_collect::<()>()
            .await?;
        // What was written shall be there when its name is, also after a power cut; not every server can do that.
        let mut last = file.clone();
        match self.connection.within(last.sync_all()).await {
            Ok(()) | Err(Failure::Unsupported(_)) => {}
            Err(failure) => return Err(failure),
        }
        drop(last);
        self.connection.within(file.close()).await
    }

    async fn send_block(&self, mut file: File, start: u64, bytes: Vec<u8>) -> Result<(), Failure> {
        file.seek(SeekFrom::Start(start)).await.map_err(broken)?;
        self.connection.within(file.write_all(&bytes)).await
    }

    /// Hands the bytes of an open file to `take`, from `start` to `end` or to where the file ends before.
    pub(crate) async fn receive(
        &self,
        key: &Key,
        file: &File,
        start: u64,
        end: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let starts = (start..end).step_by(usize::try_from(BLOCK).unwrap_or(1));
        let mut blocks = stream::iter(starts)
            .map(|start| self.receive_block(file.clone(), start, BLOCK.min(end - start)))
            .buffered(BLOCKS);
        let mut done = 0;
        while let Some(bytes) = blocks.try_next().await? {
            if self.host.is_cancelled() {
                return Err(Failure::Ours(cancelled(&self.place, key)));
            }
            take(&bytes)?;
            done += bytes.len() as u64;
            self.host.progress(key.as_str(), done, Some(end - start));
        }
        Ok(())
    }

    /// The block, which a server may give in pieces.
    async fn receive_block(
        &self,
        mut file: File,
        start: u64,
        length: u64,
    ) -> Result<BytesMut, Failure> {
        file.seek(SeekFrom::Start(start)).await.map_err(broken)?;
        let mut block = BytesMut::new();
        while (block.len() as u64) < length {
            let missing = u32::try_from(length - block.len() as u64).unwrap_or(u32::MAX);
            match self.connection.within(file.read(missing, BytesMut::new())).await? {
                Some(bytes) if block.is_empty() => block = bytes,
                Some(bytes) => block.extend_from_slice(&bytes),
                None => break,
            }
        }
        Ok(block)
    }

    /// Opens a file to read; its length.
    pub(crate) async fn open_file(
        &self,
        session: &Arc<Session>,
        path: &str,
    ) -> Result<(File, u64), Failure> {
        let mut options = session.sftp.options();
        options.read(true);
        let mut file = self.connection.within(options.open(path)).await?;
        let metadata = self.connection.within(file.metadata()).await?;
        // Some servers open folders.
        if metadata.file_type().is_some_and(|kind| !kind.is_file()) {
            return Err(Failure::Missing);
        }
        Ok((file, metadata.len().unwrap_or(0)))
    }

    /// Downloads an object into a new file.
    pub(crate) async fn download(
        &self,
        session: &Arc<Session>,
        key: &Key,
        mut file: &LocalFile,
        name: &Path,
    ) -> Result<(), Failure> {
        let (source, size) = self.open_file(session, &self.path(key.as_str())).await?;
        let mut done = 0;
        let written = |error: io::Error| Failure::Ours(Error::io("write", name, &error));
        self.receive(key, &source, 0, size, |bytes| {
            done += bytes.len() as u64;
            file.write_all(bytes).map_err(written)
        })
        .await?;
        self.connection.within(source.close()).await?;
        if done == size {
            Ok(())
        } else {
            Err(Failure::Lost(format!("{done} of {size} bytes came")))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn broken(error: io::Error) -> Failure {
    Failure::Lost(error.to_string())
}
