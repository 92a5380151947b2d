//! The same work for many things at once, until somebody asks to stop.

use std::thread;

use super::{KeepingError, Progress};
use crate::artifact::{REQUESTS, on_threads};

/// Does `work`, which is a request or two of a few bytes, for each of `items`, and collects what it gives. The first error
/// ends it.
pub(super) fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    progress: &Progress,
    work: impl Fn(&T) -> Result<R, KeepingError> + Sync,
) -> Result<Vec<R>, KeepingError> {
    in_parallel_while(|| true, items, progress, work)
}

/// The same for the first of `items`, as long as `may_begin` says so of another one: for as many as there are results.
pub(super) fn in_parallel_while<T: Sync, R: Send>(
    may_begin: impl Fn() -> bool + Sync,
    items: &[T],
    progress: &Progress,
    work: impl Fn(&T) -> Result<R, KeepingError> + Sync,
) -> Result<Vec<R>, KeepingError> {
    on_threads(REQUESTS, may_begin, items, |item| progress.go_on().and_then(|()| work(item)))
}

/// The same for work that takes a core, and memory: on all cores.
pub(super) fn on_all_cores<T: Sync, R: Send>(
    items: &[T],
    progress: &Progress,
    work: impl Fn(&T) -> Result<R, KeepingError> + Sync,
) -> Result<Vec<R>, KeepingError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    on_threads(cores, || true, items, |item| progress.go_on().and_then(|()| work(item)))
}
