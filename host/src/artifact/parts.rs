//! The digest of a large file. BLAKE3 is a tree, so its parts are read and hashed side by side.

use std::fs::{File, Metadata};
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use blake3::Hasher;
use blake3::hazmat::{
    ChainingValue, HasherExt as _, Mode, left_subtree_len, merge_subtrees_non_root,
    merge_subtrees_root,
};

use super::digest::BUFFER;

/// What one thread takes at once: a whole subtree, as it is a power of two.
const PART: u64 = 1 << 20;

/// From so many bytes on, the threads are worth their start.
pub(super) const LARGE: u64 = 8 * PART;

/// More only wait for the memory.
const MOST_THREADS: usize = 16;

/// The digest of a large file; `None` for another one, and for one that is not as long as it was.
pub(super) fn digest(file: &File, metadata: &Metadata) -> io::Result<Option<blake3::Hash>> {
    let size = metadata.len();
    if !metadata.is_file() || size < LARGE {
        return Ok(None);
    }
    let Some(values) = values_of_parts(file, size)? else { return Ok(None) };
    if file.metadata()?.len() != size {
        return Ok(None);
    }
    let (left, right, left_size) = halves(&values, size);
    let (left, right) = (merged(left, left_size), merged(right, size - left_size));
    Ok(Some(merge_subtrees_root(&left, &right, Mode::Hash)))
}

fn values_of_parts(file: &File, size: u64) -> io::Result<Option<Vec<ChainingValue>>> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_THREADS);
    let next = AtomicU64::new(0);
    let work = || {
        let mut values = Vec::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            let part = next.fetch_add(1, Ordering::Relaxed);
            if part * PART >= size {
                return Ok(Some(values));
            }
            let end = size.min((part + 1) * PART);
            let Some(value) = value_of_part(file, part * PART, end, &mut buffer)? else {
                return Ok(None);
            };
            values.push((part, value));
        }
    };
    let results = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut results = vec![work()];
        for other in others {
            // Where it panicked, so do we.
            results.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    });
    let mut values = Vec::new();
    for result in results {
        let result: io::Result<_> = result;
        let Some(some) = result? else { return Ok(None) };
        values.extend(some);
    }
    values.sort_unstable_by_key(|(part, _)| *part);
    Ok(Some(values.into_iter().map(|(_, value)| value).collect()))
}

/// `None` if the file ends before `end`.
fn value_of_part(
    file: &File,
    start: u64,
    end: u64,
    buffer: &mut [u8],
) -> io::Result<Option<ChainingValue>> {
    let mut hasher = Hasher::new();
    hasher.set_input_offset(start);
    let mut at = start;
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(BUFFER).min(BUFFER);
        match file.read_at(&mut buffer[..wanted], at) {
            Ok(0) => return Ok(None),
            Ok(length) => {
                hasher.update(&buffer[..length]);
                at += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(hasher.finalize_non_root()))
}

/// The value of the subtree whose parts have these values.
fn merged(values: &[ChainingValue], size: u64) -> ChainingValue {
    if let [value] = values {
        return *value;
    }
    let (left, right, left_size) = halves(values, size);
    let (left, right) = (merged(left, left_size), merged(right, size - left_size));
    merge_subtrees_non_root(&left, &right, Mode::Hash)
}

/// The two sides of a tree of more than one part, and how many bytes the left one has.
fn halves(values: &[ChainingValue], size: u64) -> (&[ChainingValue], &[ChainingValue], u64) {
    let left_size = left_subtree_len(size);
    let parts = usize::try_from(left_size / PART).unwrap_or(usize::MAX);
    let (left, right) = values.split_at(parts.min(values.len()));
    (left, right, left_size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn bytes(size: u64) -> Vec<u8> {
        (0..size).map(|place| (place ^ (place >> 8) ^ (place >> 16)) as u8).collect()
    }

    #[test]
    fn it_is_the_digest_that_everybody_else_finds() {
        let sizes = [LARGE, LARGE + 1, LARGE - 1 + PART, 2 * LARGE, 11 * PART + 12_345];
        for size in sizes {
            let mut file = tempfile::tempfile().unwrap();
            let bytes = bytes(size);
            file.write_all(&bytes).unwrap();
            let found = digest(&file, &file.metadata().unwrap()).unwrap();
            assert_eq!(found, Some(blake3::hash(&bytes)), "{size}");
        }
    }

    #[test]
    fn a_file_that_is_not_as_long_as_it_was_is_left_to_others() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes(LARGE)).unwrap();
        let before = file.metadata().unwrap();
        for size in [LARGE - 1, LARGE + 1, 0] {
            file.set_len(size).unwrap();
            assert_eq!(digest(&file, &before).unwrap(), None, "{size}");
        }
    }
}
