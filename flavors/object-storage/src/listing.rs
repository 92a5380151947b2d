//! Listings that go on where the last page ended.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sundae_plugin_api::Key;

/// Listings that may be continued, so that paging through a million objects reads each page once: a service may have no way
/// to start after a name, and one that has reads ahead in pages of its own.
pub(crate) struct Cursors<T>(Mutex<Vec<Cursor<T>>>);

struct Cursor<T> {
    prefix: String,
    last: Key,
    listing: T,
    kept: Instant,
}

/// How many listings are kept.
const MOST: usize = 8;

/// How long: what was read ahead may be out of date by so much.
const LIFE: Duration = Duration::from_secs(20);

impl<T> Default for Cursors<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Cursors<T> {
    /// The listing of that prefix which has given `after` last.
    pub(crate) fn take(&self, prefix: &str, after: Option<&Key>) -> Option<T> {
        let after = after?;
        let mut cursors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cursors.retain(|cursor| cursor.kept.elapsed() < LIFE);
        let position =
            cursors.iter().position(|cursor| cursor.last == *after && cursor.prefix == prefix)?;
        Some(cursors.swap_remove(position).listing)
    }

    /// Keeps a listing that is not at its end.
    pub(crate) fn keep(&self, prefix: &str, last: &Key, listing: T) {
        let mut cursors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cursors.len() >= MOST {
            cursors.remove(0);
        }
        let (prefix, last, kept) = (prefix.to_owned(), last.clone(), Instant::now());
        cursors.push(Cursor { prefix, last, listing, kept });
    }
}

/// Whether there can be a key that starts so. What is no start of a key must not reach a service, which might make another
/// of it.
pub(crate) fn may_start_a_key(prefix: &str) -> bool {
    if prefix.is_empty() {
        return true;
    }
    // The last component may be unfinished, or not begun.
    let whole = if prefix.ends_with('/') { format!("{prefix}x") } else { prefix.to_owned() };
    Key::new(whole).is_ok()
}

#[cfg(test)]
mod tests {
    use super::may_start_a_key;

    #[test]
    fn only_starts_of_keys_are_listed() {
        for prefix in ["", "a", "a/", "a/b", "a-b.c/d_"] {
            assert!(may_start_a_key(prefix), "{prefix}");
        }
        for prefix in ["/", "//", "a//", "../", "a/../b", ".", "b/.", "x y", "ä"] {
            assert!(!may_start_a_key(prefix), "{prefix}");
        }
    }
}
