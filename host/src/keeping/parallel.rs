//! The same work for many things at once, on all cores.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{KeepingError, Progress};

/// Does `work` for each of `items` and collects what it gives, in no particular order. The first error ends it.
pub(super) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    progress: &Progress,
    work: impl Fn(&T) -> Result<R, KeepingError> + Sync,
) -> Result<Vec<R>, KeepingError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(items.len()).max(1);
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let one = || {
        let mut results = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            match progress.go_on().and_then(|()| work(item)) {
                Ok(result) => results.push(result),
                Err(error) => {
                    // Nobody takes another one.
                    next.store(items.len(), Ordering::Relaxed);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        }
        results
    };
    let results = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(one)).collect();
        let mut results = one();
        for other in others {
            match other.join() {
                Ok(more) => results.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(results),
    }
}
