//! A panic must not leave a library: it becomes an error with file and line.
//!
//! abi_stable would end the process with exit code 1 instead, so every entry from the other side goes through [`guard`],
//! and what an author made is dropped within one, too.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ops::Deref;
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
    // A panic that the author's code has caught by itself is not what this call fails with.
    drop(take_last_panic());
    DEPTH.set(DEPTH.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(call));
    DEPTH.set(DEPTH.get() - 1);
    match result {
        Ok(result) => result.map_err(CrossedError::from).into(),
        Err(payload) => RResult::RErr(panicked(payload).into()),
    }
}

/// A value of an author, whose drop is the author's code as much as its methods are.
pub(super) struct Guarded<T>(ManuallyDrop<T>);

impl<T> Guarded<T> {
    pub(super) fn new(value: T) -> Self {
        Self(ManuallyDrop::new(value))
    }
}

impl<T> Deref for Guarded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        drop(guard(|| {
            // SAFETY: this is the only place that drops it, and nobody can use it afterwards.
            unsafe { ManuallyDrop::drop(&mut self.0) };
            Ok(())
        }));
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> Error {
    let message = message_of(&*payload);
    // The payload is the author's, and dropping it could panic again: then it is leaked.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    Error::new(ErrorKind::Panicked, message)
}

/// What the hook was told, unless that was another panic: `resume_unwind` does not call the hook.
fn message_of(payload: &(dyn Any + Send)) -> String {
    match (take_last_panic(), payload_text(payload)) {
        (Some(told), Some(text)) if told.ends_with(text) => told,
        (_, Some(text)) => format!("panicked: {text}"),
        (told, None) => told.unwrap_or_else(|| "panicked".to_owned()),
    }
}

fn payload_text(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

/// Nothing where the thread is ending and its values are gone.
fn take_last_panic() -> Option<String> {
    LAST_PANIC.try_with(RefCell::take).ok().flatten()
}

fn install_hook() {
    static HOOK: Once = Once::new();
    // A thread that is panicking may not set a hook; the next call does.
    if HOOK.is_completed() || std::thread::panicking() {
        return;
    }
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if DEPTH.get() == 0 {
                return previous(info);
            }
            let what = info.payload_as_str().unwrap_or("of an unknown cause");
            let place = info.location().map_or(String::new(), |place| format!(" at {place}"));
            let text = format!("panicked{place}: {what}");
            LAST_PANIC.try_with(|last| last.replace(Some(text))).ok();
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::panic::panic_any;

    use super::{Guarded, guard};
    use crate::{Error, ErrorKind};

    fn error_of(call: impl FnOnce() -> Result<(), Error>) -> Error {
        Error::from(guard(call).into_result().unwrap_err())
    }

    #[test]
    fn a_panic_becomes_an_error_with_file_and_line() {
        let line = line!() + 1;
        let error = error_of(|| panic!("the {} is gone", "disk"));
        assert_eq!(error.kind(), ErrorKind::Panicked);
        let place = format!("panicked at {}:{line}:", file!());
        assert!(error.message().starts_with(&place), "{error}");
        assert!(error.message().ends_with(": the disk is gone"), "{error}");
    }

    #[test]
    fn a_panic_that_the_author_caught_is_not_told_as_another() {
        let caught = || drop(std::panic::catch_unwind(|| panic!("caught")));
        let resumed = || std::panic::resume_unwind(Box::new("resumed"));
        let error = error_of(|| {
            caught();
            resumed()
        });
        assert_eq!(error.message(), "panicked: resumed");
        let harmless = guard(|| {
            caught();
            Ok(())
        });
        assert!(harmless.is_ok());
        assert_eq!(error_of(resumed).message(), "panicked: resumed");
    }

    #[test]
    fn a_payload_that_panics_when_dropped_does_no_harm() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let error = error_of(|| panic_any(Bomb));
        assert!(error.message().ends_with("of an unknown cause"), "{error}");
        drop(Guarded::new(Bomb));
    }
}
