//! A file as the readers of formats want it, with as few system calls as there can be.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use object::read::{ReadCache, ReadCacheOps, ReadRef};

/// How much is read at once from the beginning: in a shared library the headers, the notes and the names of what it needs.
const HEAD: usize = 8 << 10;

/// The longest single piece that is read. A header that asks for more is not one of ours, whatever the file's size.
const LONGEST_PIECE: u64 = 4 << 20;

/// What is in a file: its beginning in memory, the rest read when it is asked for.
pub(super) struct Contents {
    length: u64,
    head: Vec<u8>,
    rest: ReadCache<Rest>,
}

impl Contents {
    /// The first bytes of an open file of that length.
    pub(super) fn of(file: File, length: u64) -> io::Result<Self> {
        let mut head = vec![0; HEAD.min(usize::try_from(length).unwrap_or(HEAD))];
        let mut read = 0;
        while read < head.len() {
            match file.read_at(&mut head[read..], read as u64) {
                // It became shorter: then it is truncated, and the reader says so.
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        head.truncate(read);
        let rest = ReadCache::new(Rest { file, length, position: 0 });
        Ok(Self { length, head, rest })
    }

    fn in_head(&self, offset: u64, size: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        self.head.get(start..end)
    }
}

impl<'a> ReadRef<'a> for &'a Contents {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        match self.in_head(offset, size) {
            Some(bytes) => Ok(bytes),
            None if size > LONGEST_PIECE => Err(()),
            None => self.rest.read_bytes_at(offset, size),
        }
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let end = range.end.min(self.head.len() as u64);
        let bytes = self.in_head(range.start, end.saturating_sub(range.start));
        let found = bytes.and_then(|bytes| bytes.split_at_checked(position(bytes, delimiter)?));
        match found {
            Some((text, _)) => Ok(text),
            None => self.rest.read_bytes_at_until(range, delimiter),
        }
    }
}

fn position(bytes: &[u8], delimiter: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == delimiter)
}

/// The file behind the cache. It keeps the position itself, so that no call is spent on telling it to the kernel.
struct Rest {
    file: File,
    length: u64,
    position: u64,
}

impl ReadCacheOps for Rest {
    fn len(&mut self) -> Result<u64, ()> {
        Ok(self.length)
    }

    fn seek(&mut self, position: u64) -> Result<u64, ()> {
        self.position = position;
        Ok(position)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ()> {
        let read = self.file.read_at(buffer, self.position).map_err(|_| ())?;
        self.position += read as u64;
        Ok(read)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), ()> {
        self.file.read_exact_at(buffer, self.position).map_err(|_| ())?;
        self.position += buffer.len() as u64;
        Ok(())
    }
}
