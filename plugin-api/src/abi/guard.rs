//! A panic must not leave a library: it becomes an error with file and line.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use abi_stable::std_types::RResult;

use super::CrossedError;
use crate::{Error, ErrorKind};

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs what a call from the other side asks for.
///
/// Each library has a copy of std of its own, and so a panic hook of its own: the default one would write to the host's
/// stderr. Ours keeps the text for the error instead, but only inside of guarded calls.
pub fn guard<T>(call: impl FnOnce() -> Result<T, Error>) -> RResult<T, CrossedError> {
    install_hook();
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(call));
    DEPTH.set(DEPTH.get() - 1);
    match result {
        Ok(result) => result.map_err(CrossedError::from).into(),
        Err(_) => {
            let message = LAST_PANIC.take().unwrap_or_else(|| "panicked".to_owned());
            RResult::RErr(CrossedError::from(Error::new(ErrorKind::Panicked, message)))
        }
    }
}

fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 {
                return previous(info);
            }
            let what = info.payload_as_str().unwrap_or("of an unknown cause");
            let place = info.location().map_or(String::new(), |place| format!(" at {place}"));
            LAST_PANIC.set(Some(format!("panicked{place}: {what}")));
        }));
    });
}
