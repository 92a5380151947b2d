//! Memory for the parts of one upload.

use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Blocks that are used again and again, and given back together. One for each part would be taken by one thread and given back
/// by another: then an upload needs one more of them on the average, and the system clears 2 GB of memory for a file of 2 GB.
#[derive(Clone)]
pub(crate) struct Blocks {
    size: usize,
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Blocks {
    /// Blocks of this size, in bytes.
    pub(crate) fn of(size: usize) -> Self {
        Self { size, free: Arc::default() }
    }

    /// An empty block.
    pub(crate) fn lend(&self) -> Block {
        let bytes = self.free().pop().unwrap_or_else(|| Vec::with_capacity(self.size));
        Block { bytes, of: self.clone() }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them, which is free again when it is dropped.
pub(crate) struct Block {
    bytes: Vec<u8>,
    of: Blocks,
}

impl Block {
    /// What is in it.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.bytes.clear();
        let bytes = take(&mut self.bytes);
        self.of.free().push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_back_is_lent_again_and_is_empty() {
        let blocks = Blocks::of(8);
        let mut one = blocks.lend();
        one.bytes().extend(b"some");
        let other = blocks.lend();
        assert_eq!((one.as_ref(), other.as_ref()), (&b"some"[..], &b""[..]));
        let place = one.as_ref().as_ptr();
        drop(one);
        let again = blocks.lend();
        assert_eq!((again.as_ref().as_ptr(), again.as_ref()), (place, &b""[..]));
    }
}
