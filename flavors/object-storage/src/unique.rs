//! Names that nobody else uses.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A name that no other thread, process or machine makes.
pub(crate) fn unique() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    // Machines that start from one image may agree in time and process id, but not in chance.
    format!("{now:x}-{:016x}-{count:x}", chance() ^ u64::from(std::process::id()))
}

/// A number by chance: the seed of a hash is the system's randomness.
pub(crate) fn chance() -> u64 {
    RandomState::new().hash_one(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_names_are_the_same() {
        let names: std::collections::BTreeSet<_> = (0..1000).map(|_| super::unique()).collect();
        assert_eq!(names.len(), 1000);
    }
}
