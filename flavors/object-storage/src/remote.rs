//! What all services have in common: objects as streams of bytes, moved in parts, a few at a time.

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::num::NonZeroU32;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use opendal::{
    Buffer, BufferStream, EntryMode, ErrorKind as Fault, HttpTransporter, Metadata,
    OperationContext, Operator, Reader,
};
use sundae_plugin_api::artifact_store::Object;
use sundae_plugin_api::{Error, ErrorKind, Host, Key};

use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::blocks::Blocks;
use crate::client::client;
use crate::fault::{cancelled, explain, missing, status};
use crate::place::Place;
use crate::transport::{Patient, Pauses, slow};

/// How long a part is. With four of them under way, an upload has seven in memory: one is read, and one or two wait.
const PART: u64 = 8 << 20;

/// How many parts an object may have, at most; S3 takes 10,000.
const PARTS: u64 = 9_000;

/// How often a download starts again because the object was replaced meanwhile.
const RESTARTS: usize = 40;

/// How patient and how greedy a store is; every flavor has these fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Parts of one object that are under way at once.
    pub(crate) parallel: NonZeroU32,
    /// Tries of one request, the first included.
    pub(crate) attempts: NonZeroU32,
    /// The seconds that one request may take.
    pub(crate) timeout_seconds: NonZeroU32,
}

/// By what a download recognizes that the object is still the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sameness {
    /// The entity tag.
    Tag,
    /// The generation.
    Version,
    /// Nothing: the service is asked once, and answers from one open file.
    OneStream,
}

/// A place on a service.
pub(crate) struct Remote {
    pub(crate) operator: Operator,
    attempts: NonZeroU32,
    timeout: Duration,
    pub(crate) place: Place,
    pub(crate) host: Host,
    sameness: Sameness,
    parallel: usize,
}

impl Remote {
    /// Adds patience to an operator.
    pub(crate) fn new(
        operator: Operator,
        place: Place,
        host: Host,
        sameness: Sameness,
        effort: Effort,
    ) -> Result<Self, Error> {
        let timeout = Duration::from_secs(effort.timeout_seconds.get().into());
        let attempts = effort.attempts;
        let transport =
            HttpTransporter::new(Patient::new(client()?, attempts, timeout, host.clone()));
        let context = OperationContext::new().with_http_transport(transport);
        let operator = operator.with_context(context);
        let parallel = usize::try_from(effort.parallel.get()).unwrap_or(1);
        Ok(Self { operator, attempts, timeout, place, host, sameness, parallel })
    }

    /// An error while `doing` something to the object.
    pub(crate) fn failed(&self, doing: &str, key: &str, error: &opendal::Error) -> Error {
        explain(&self.place, doing, key, error)
    }

    /// What the service knows of the object; `None` if there is none.
    pub(crate) async fn metadata(&self, key: &Key) -> Result<Option<Metadata>, Error> {
        match self.operator.stat(key.as_str()).await {
            Ok(metadata) if metadata.mode() == EntryMode::DIR => Ok(None),
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(self.failed("read", key.as_str(), &error)),
        }
    }

    /// Uploads a file under a path, from its beginning to its end.
    pub(crate) async fn upload(&self, key: &Key, path: &str, file: &Path) -> Result<(), Error> {
        let reading = |error: io::Error| Error::io("read", file, &error);
        let mut source = File::open(file).map_err(reading)?;
        let size = source.metadata().map_err(reading)?.len();
        if size <= PART {
            let mut bytes = Vec::new();
            source.read_to_end(&mut bytes).map_err(reading)?;
            return self.upload_bytes(key, path, bytes).await;
        }
        let part = PART.max(size.div_ceil(PARTS));
        // Parts that had to be longer must not need more memory all together.
        let most = self.parallel * usize::try_from(PART).unwrap_or(1)
            / usize::try_from(part).unwrap_or(usize::MAX);
        let mut writer = self
            .operator
            .writer_with(path)
            .chunk(usize::try_from(part).unwrap_or(usize::MAX))
            .concurrent(most.max(1))
            .await
            .map_err(|error| self.failed("write", key.as_str(), &error))?;
        let sent = self.send(key, &mut source, file, size, part, &mut writer).await;
        if sent.is_err() {
            // Parts that nobody will put together cost money. What remains in spite of this, a rule of the bucket removes.
            drop(writer.abort().await);
        }
        sent
    }

    async fn send(
        &self,
        key: &Key,
        source: &mut File,
        file: &Path,
        size: u64,
        part: u64,
        writer: &mut opendal::Writer,
    ) -> Result<(), Error> {
        let failed = |error: opendal::Error| self.failed("write", key.as_str(), &error);
        let blocks = Blocks::of(usize::try_from(part).unwrap_or_default());
        let mut done = 0;
        loop {
            if self.host.is_cancelled() {
                return Err(cancelled(&self.place, key));
            }
            let mut block = blocks.lend();
            let read = Read::by_ref(source).take(part).read_to_end(block.bytes());
            let read = read.map_err(|error| Error::io("read", file, &error))?;
            if read == 0 {
                break;
            }
            writer.write(Bytes::from_owner(block)).await.map_err(failed)?;
            done += read as u64;
            self.host.progress(key.as_str(), done, Some(size));
        }
        if done != size {
            let message = format!("{} changed while it was being read", file.display());
            return Err(Error::other(message));
        }
        writer.close().await.map_err(failed).map(drop)
    }

    /// Uploads bytes under a path in one request.
    pub(crate) async fn upload_bytes(
        &self,
        key: &Key,
        path: &str,
        bytes: impl Into<Buffer>,
    ) -> Result<(), Error> {
        let written = self.operator.write(path, bytes).await;
        written.map(drop).map_err(|error| self.failed("write", key.as_str(), &error))
    }

    /// Downloads the object into a new file.
    pub(crate) async fn download(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        let writing = |error: io::Error| Error::io("write", destination, &error);
        let file = File::create_new(destination).map_err(writing)?;
        let received = self.receive_whole(key, &file, destination).await;
        if received.is_err() {
            drop(fs::remove_file(destination));
        }
        received
    }

    /// Receives the object, from the beginning again if it was replaced in the middle.
    pub(crate) async fn receive_whole(
        &self,
        key: &Key,
        mut file: &File,
        name: &Path,
    ) -> Result<(), Error> {
        for _ in 0..RESTARTS {
            let metadata =
                self.metadata(key).await?.ok_or_else(|| missing(&self.place, key.as_str()))?;
            match self.receive(key, &metadata, file, name).await? {
                Received::Whole => return Ok(()),
                Received::Replaced => {
                    let again = file.set_len(0).and_then(|()| file.rewind());
                    again.map_err(|error| Error::io("write", name, &error))?;
                }
            }
        }
        Err(self.restless(key))
    }

    async fn receive(
        &self,
        key: &Key,
        metadata: &Metadata,
        file: &File,
        name: &Path,
    ) -> Result<Received, Error> {
        let size = metadata.content_length();
        if size <= PART {
            // One request gives one object, whichever it is by now.
            let Some(bytes) = self.whole(key).await? else { return Ok(Received::Replaced) };
            return append(file, bytes, name).map(|()| Received::Whole);
        }
        let received = match self.sameness {
            Sameness::OneStream => self.receive_stream(key, size, file, name).await,
            _ => self.receive_parts(key, metadata, file, name).await,
        };
        match received {
            Ok(()) => Ok(Received::Whole),
            Err(Broken::Replaced) => Ok(Received::Replaced),
            Err(Broken::Failed(error)) => Err(error),
        }
    }

    /// Receives a few parts at once. What arrives is written where it belongs, so that no part is ever whole in memory.
    async fn receive_parts(
        &self,
        key: &Key,
        metadata: &Metadata,
        file: &File,
        name: &Path,
    ) -> Result<(), Broken> {
        let size = metadata.content_length();
        let reader = self.reader(key, metadata).await?;
        let starts = (0..size).step_by(usize::try_from(PART).unwrap_or(usize::MAX));
        let parts = stream::iter(starts).map(|start| {
            let range = start..(start + PART).min(size);
            Box::pin(Part::new(reader.clone(), range, self.timeout, self.attempts).pieces())
        });
        let mut pieces = parts.flatten_unordered(self.parallel);
        let mut done = 0;
        while let Some(piece) = pieces.next().await {
            if self.host.is_cancelled() {
                return Err(Broken::Failed(cancelled(&self.place, key)));
            }
            let (place, bytes) = piece.map_err(|error| self.broken(key, &error))?;
            done += bytes.len() as u64;
            write_at(file, place, bytes, name)?;
            self.host.progress(key.as_str(), done, Some(size));
        }
        Ok(())
    }

    /// Receives all in one answer, and from the beginning again if that breaks off.
    async fn receive_stream(
        &self,
        key: &Key,
        size: u64,
        mut file: &File,
        name: &Path,
    ) -> Result<(), Broken> {
        let mut pauses = Pauses::between(self.attempts);
        loop {
            match self.receive_once(key, size, file, name).await {
                Err(Broken::Failed(error)) if error.is_retryable() => {
                    let Some(pause) = pauses.next(None) else { return Err(Broken::Failed(error)) };
                    sleep(pause).await;
                    let again = file.set_len(0).and_then(|()| file.rewind());
                    again.map_err(|error| Error::io("write", name, &error))?;
                }
                received => return received,
            }
        }
    }

    async fn receive_once(
        &self,
        key: &Key,
        size: u64,
        file: &File,
        name: &Path,
    ) -> Result<(), Broken> {
        let broken = |error: opendal::Error| self.broken(key, &error);
        let reader = self.operator.reader(key.as_str()).await.map_err(broken)?;
        // The length is left open, so that whatever is there is given: it may be another object by now.
        let mut stream = within(self.timeout, reader.into_stream(..)).await.map_err(broken)?;
        let mut done = 0;
        while let Some(bytes) = within(self.timeout, stream.try_next()).await.map_err(broken)? {
            if self.host.is_cancelled() {
                return Err(Broken::Failed(cancelled(&self.place, key)));
            }
            done += bytes.len() as u64;
            append(file, bytes, name)?;
            self.host.progress(key.as_str(), done, Some(size));
        }
        if done == size { Ok(()) } else { Err(Broken::Replaced) }
    }

    /// All bytes, by one request; nothing if there is no such object.
    ///
    /// If the answer breaks off, the whole is asked for again: the rest could be that of another object.
    async fn whole(&self, key: &Key) -> Result<Option<Buffer>, Error> {
        let mut pauses = Pauses::between(self.attempts);
        loop {
            let read = within(self.timeout, self.operator.read(key.as_str())).await;
            let error = match read {
                Ok(buffer) => return Ok(Some(buffer)),
                Err(error) if is_absence(&error) => return Ok(None),
                Err(error) => error,
            };
            match Some(()).filter(|()| has_broken_off(&error)).and_then(|()| pauses.next(None)) {
                Some(pause) => sleep(pause).await,
                None => return Err(self.failed("read", key.as_str(), &error)),
            }
        }
    }

    /// The bytes in the range, or all.
    pub(crate) async fn bytes(
        &self,
        key: &Key,
        range: Option<Range<u64>>,
    ) -> Result<Vec<u8>, Error> {
        let Some(range) = range else {
            let bytes = self.whole(key).await?;
            return bytes
                .map(|bytes| bytes.to_vec())
                .ok_or_else(|| missing(&self.place, key.as_str()));
        };
        for _ in 0..RESTARTS {
            let metadata =
                self.metadata(key).await?.ok_or_else(|| missing(&self.place, key.as_str()))?;
            let size = metadata.content_length();
            let range = range.start.min(size)..range.end.min(size);
            if range.is_empty() {
                return Ok(Vec::new());
            }
            let length = range.end - range.start;
            let reader = self.reader(key, &metadata).await?;
            match read_part(reader, range, self.timeout, self.attempts).await {
                Ok(buffer) if buffer.len() as u64 == length => return Ok(buffer.to_vec()),
                Ok(_) => {}
                Err(error) if was_replaced(&error) || error.kind() == Fault::RangeNotSatisfied => {}
                Err(error) => return Err(self.failed("read", key.as_str(), &error)),
            }
        }
        Err(self.restless(key))
    }

    fn broken(&self, key: &Key, error: &opendal::Error) -> Broken {
        if was_replaced(error) {
            return Broken::Replaced;
        }
        Broken::Failed(self.failed("read", key.as_str(), error))
    }

    /// A reader that gives bytes of this very object, or says that it is another by now.
    async fn reader(&self, key: &Key, metadata: &Metadata) -> Result<Reader, Error> {
        let mut reader = self.operator.reader_with(key.as_str());
        match self.sameness {
            Sameness::Tag => {
                if let Some(tag) = metadata.etag() {
                    reader = reader.if_match(tag);
                }
            }
            Sameness::Version => {
                if let Some(version) = metadata.version() {
                    reader = reader.if_version_match(version);
                }
            }
            Sameness::OneStream => {}
        }
        reader.await.map_err(|error| self.failed("read", key.as_str(), &error))
    }

    /// An object that does not stand still.
    pub(crate) fn restless(&self, key: &Key) -> Error {
        let at = self.place.text();
        let message = format!("cannot read {key} in {at}: it is replaced again and again");
        Error::new(ErrorKind::Unavailable, message).retryable()
    }
}

fn append(mut file: &File, buffer: Buffer, name: &Path) -> Result<(), Error> {
    for bytes in buffer {
        file.write_all(&bytes).map_err(|error| Error::io("write", name, &error))?;
    }
    Ok(())
}

fn write_at(file: &File, mut place: u64, buffer: Buffer, name: &Path) -> Result<(), Error> {
    for bytes in buffer {
        file.write_all_at(&bytes, place).map_err(|error| Error::io("write", name, &error))?;
        place += bytes.len() as u64;
    }
    Ok(())
}

/// How a download ended.
enum Received {
    Whole,
    Replaced,
}

/// Why a download stopped.
enum Broken {
    Replaced,
    Failed(Error),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The bytes in the range, asked for again if the answer breaks off.
async fn read_part(
    reader: Reader,
    range: Range<u64>,
    timeout: Duration,
    attempts: NonZeroU32,
) -> opendal::Result<Buffer> {
    let mut pauses = Pauses::between(attempts);
    loop {
        match within(timeout, reader.read(range.clone())).await {
            Err(error) if has_broken_off(&error) => match pauses.next(None) {
                Some(pause) => sleep(pause).await,
                None => return Err(error),
            },
            read => return read,
        }
    }
}

/// A part of an object on its way.
struct Part {
    reader: Reader,
    /// What has not arrived.
    left: Range<u64>,
    timeout: Duration,
    pauses: Pauses,
    answer: Option<Answer>,
}

/// What a service answers, and when it must have come to its end.
struct Answer {
    bytes: BufferStream,
    until: Instant,
}

impl Part {
    fn new(reader: Reader, range: Range<u64>, timeout: Duration, attempts: NonZeroU32) -> Self {
        let pauses = Pauses::between(attempts);
        Self { reader, left: range, timeout, pauses, answer: None }
    }

    /// The bytes as they arrive, and the place of each piece in the object.
    fn pieces(self) -> impl Stream<Item = opendal::Result<(u64, Buffer)>> {
        stream::try_unfold(self, async |mut part| Ok(part.next().await?.map(|piece| (piece, part))))
    }

    /// The next piece; where the answer breaks off, what is left is asked for again.
    async fn next(&mut self) -> opendal::Result<Option<(u64, Buffer)>> {
        while !self.left.is_empty() {
            let error = match self.receive().await {
                Ok(bytes) => {
                    let place = self.left.start;
                    self.left.start += bytes.len() as u64;
                    return Ok(Some((place, bytes)));
                }
                Err(error) => error,
            };
            self.answer = None;
            match Some(()).filter(|()| has_broken_off(&error)).and_then(|()| self.pauses.next(None))
            {
                Some(pause) => sleep(pause).await,
                None => return Err(error),
            }
        }
        Ok(None)
    }

    async fn receive(&mut self) -> opendal::Result<Buffer> {
        let answer = match &mut self.answer {
            Some(answer) => answer,
            none => {
                let until = Instant::now() + self.timeout;
                let asked = self.reader.clone().into_stream(self.left.clone());
                none.insert(Answer { bytes: by(until, asked).await?, until })
            }
        };
        let bytes = by(answer.until, answer.bytes.try_next()).await?;
        match bytes {
            None => {
                let error = opendal::Error::new(Fault::Unexpected, "the answer is too short");
                Err(error.set_temporary())
            }
            // It would be written over the next part.
            Some(bytes) if bytes.len() as u64 > self.left.end - self.left.start => {
                Err(opendal::Error::new(Fault::Unexpected, "the service knows no ranges"))
            }
            Some(bytes) => Ok(bytes),
        }
    }
}

/// Whether an answer had begun and did not end: what has no answer at all has been asked for again already.
fn has_broken_off(error: &opendal::Error) -> bool {
    error.is_temporary() && error.message() != "send http request" && status(error).is_none()
}

async fn within<T>(
    limit: Duration,
    future: impl Future<Output = opendal::Result<T>>,
) -> opendal::Result<T> {
    timeout(limit, future).await.map_err(|_| slow())?
}

async fn by<T>(
    moment: Instant,
    future: impl Future<Output = opendal::Result<T>>,
) -> opendal::Result<T> {
    timeout_at(moment, future).await.map_err(|_| slow())?
}

/// Whether the error says that the object is another, or gone, since it was last looked at.
fn was_replaced(error: &opendal::Error) -> bool {
    matches!(error.kind(), Fault::ConditionNotMatch | Fault::NotFound)
}

/// Whether the error says that there is no such object.
pub(crate) fn is_absence(error: &opendal::Error) -> bool {
    matches!(error.kind(), Fault::NotFound | Fault::NotADirectory | Fault::IsADirectory)
}

/// An object as the library describes it. The time is in whole seconds: what is asked for one object says no more, and a
/// listing must say the same.
pub(crate) fn object(key: Key, metadata: &Metadata) -> Object {
    let seconds = metadata.last_modified().map_or(0, |time| time.into_inner().as_second());
    let modified_ms = u64::try_from(seconds).unwrap_or(0) * 1000;
    Object { key, size: metadata.content_length(), modified_ms }
}

/// Removes a file that was given to the store, once it is there.
pub(crate) fn consume(file: &Path) -> Result<(), Error> {
    fs::remove_file(file).map_err(|error| Error::io("remove", file, &error))
}
