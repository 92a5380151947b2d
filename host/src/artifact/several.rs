//! Several things done at once with a store, most of which is to wait for its answers.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use sundae_plugin_api::ArtifactStore;

/// As many requests are under way at once: a store far away answers more in a second than one who waits for each would ask.
pub const REQUESTS: usize = 16;

/// Does `work` for the first of `items`, as long as `may_begin` says so of another one, on so many threads. Gives what it gives, in
/// the order of the items, or the first error, which ends it.
///
/// # Errors
/// As `work`.
pub fn on_threads<T: Sync, R: Send, E: Send>(
    threads: usize,
    may_begin: impl Fn() -> bool + Sync,
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = threads.min(items.len()).max(1);
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let one = || {
        let mut results = Vec::new();
        while may_begin() {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { break };
            match work(item) {
                Ok(result) => results.push((place, result)),
                Err(error) => {
                    // Nobody takes another one.
                    next.store(items.len(), Ordering::Relaxed);
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        }
        results
    };
    let mut results = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(one)).collect();
        let mut results = one();
        for other in others {
            results.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        results
    });
    if let Some(error) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    results.sort_unstable_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// Does `work`, which moves so many bytes as `size` says, for each of `items`: one after the other where the store is on this
/// machine, and else as many at once as need little memory together.
pub(super) fn moved<T: Sync, R: Send, E: Send>(
    store: &dyn ArtifactStore,
    items: &[T],
    size: impl Fn(&T) -> u64,
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    if is_near(store) {
        return items.iter().map(work).collect();
    }
    let mut order: Vec<_> = items.iter().enumerate().collect();
    order.sort_by_key(|(_, item)| at_once(size(item)));
    let mut results = Vec::with_capacity(items.len());
    for alike in order.chunk_by(|(_, one), (_, other)| at_once(size(one)) == at_once(size(other))) {
        let threads = at_once(size(alike[0].1));
        results.extend(on_threads(
            threads,
            || true,
            alike,
            |(place, item)| work(item).map(|result| (*place, result)),
        )?);
    }
    results.sort_unstable_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// Asks for each of `items`.
pub(super) fn asked<T: Sync, R: Send, E: Send>(
    store: &dyn ArtifactStore,
    items: &[T],
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    moved(store, items, |_| 0, work)
}

/// How many requests to a store are made at once.
pub fn requests_at_once(store: &dyn ArtifactStore) -> usize {
    if is_near(store) { 1 } else { REQUESTS }
}

/// A store that files are moved into, and linked out of, answers sooner than a thread is started.
fn is_near(store: &dyn ArtifactStore) -> bool {
    store.capabilities().staging.is_some()
}

/// What a store may have in memory as one piece, or in parts, of which it moves a few at once by itself.
fn at_once(size: u64) -> usize {
    match size {
        0..=0x0010_0000 => REQUESTS,
        0x0010_0001..=0x0080_0000 => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_stops_early_has_done_the_first() {
        let (items, begun) = ((0..1000).collect::<Vec<usize>>(), AtomicUsize::new(0));
        let may_begin = || begun.fetch_add(1, Ordering::Relaxed) < 100;
        let done = on_threads(REQUESTS, may_begin, &items, |item| Ok::<_, ()>(*item));
        assert_eq!(done.unwrap(), items[..100]);
    }

    #[test]
    fn the_first_error_ends_it() {
        let tried = AtomicUsize::new(0);
        let done = on_threads(
            4,
            || true,
            &[(); 1000],
            |()| Err::<(), _>(tried.fetch_add(1, Ordering::Relaxed)),
        );
        assert!(done.is_err());
        assert!(tried.load(Ordering::Relaxed) <= 4, "nobody takes another one");
    }
}
