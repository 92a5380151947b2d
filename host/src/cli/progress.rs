//! How far long work has come, on a line that changes; and Ctrl-C, which ends it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::context::Context;
use super::table::size;
use super::{Failure, exit_code, region, signals};
use crate::keeping::{KeepingError, Progress};

const TICK: Duration = Duration::from_millis(100);

/// Does long work, and shows how far it has come where somebody watches.
///
/// # Errors
/// As the work.
pub(super) fn showing<T>(
    context: &Context,
    work: impl FnOnce(&Progress) -> Result<T, KeepingError>,
) -> Result<T, Failure> {
    let cancelled = Arc::new(AtomicBool::new(false));
    let progress = Progress::new(Arc::clone(&cancelled));
    let _signals = signals::listen(move |_| cancelled.store(true, Ordering::Relaxed))?;
    if !context.ui.can_redraw() {
        return work(&progress).map_err(Failure::from);
    }
    let (is_over, change) = (Mutex::new(false), Condvar::new());
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut over = is_over.lock().unwrap_or_else(PoisonError::into_inner);
            while !*over {
                let waited = change.wait_timeout(over, TICK);
                over = waited.unwrap_or_else(PoisonError::into_inner).0;
                if !*over {
                    region::show(vec![region::fitted(&line(&progress), region::size().0)], "");
                }
            }
        });
        let result = work(&progress);
        *is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        change.notify_all();
        result
    });
    region::clear();
    result.map_err(Failure::from)
}

fn line(progress: &Progress) -> String {
    let (doing, done, all, bytes) = progress.now();
    let of = if all > 0 { format!(" of {all}") } else { String::new() };
    let bytes = if bytes > 0 { format!(", {}", size(bytes)) } else { String::new() };
    format!("{doing}: {done}{of}{bytes}")
}

impl From<KeepingError> for Failure {
    fn from(error: KeepingError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            KeepingError::Stopped => Self { code: exit_code::INTERRUPTED, ..failure },
            KeepingError::Unreadable { .. } => failure.hint(
                "`sundae store verify --repair` takes out what is damaged; what a newer sundae has written, a newer one understands",
            ),
            KeepingError::Clocks { .. } => failure.hint("set them right: what is young must not be taken for old"),
            KeepingError::Store(_) => failure,
        }
    }
}
