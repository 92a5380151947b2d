//! A bug is told as one: a sentence with its place, and an exit code of its own. Never a backtrace.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

use super::exit_code;
use super::ui::{Ui, Volume};
use crate::cli::Failure;

/// Makes panics of any thread say that they are bugs.
pub(super) fn tell_of_bugs() {
    panic::set_hook(Box::new(|info| Ui::new(Volume::Normal).fail(&bug(info))));
}

/// Does the work; if it panics, the exit code says so, and the hook has told.
pub(super) fn guarded(work: impl FnOnce() -> u8) -> u8 {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(exit_code::BUG)
}

fn bug(info: &PanicHookInfo<'_>) -> Failure {
    let place = info.location().map_or("an unknown place".to_owned(), ToString::to_string);
    let what = said(info.payload());
    Failure {
        code: exit_code::BUG,
        ..Failure::new(format!("this is a bug in sundae: {what} (at {place})"))
    }
    .hint("please report it, with the command that you gave")
}

/// What the panic said, on one line.
fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("something unexpected").lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_as_an_exit_code() {
        assert_eq!(guarded(|| exit_code::DONE), exit_code::DONE);
        assert_eq!(guarded(|| panic!("on purpose")), exit_code::BUG);
    }

    #[test]
    fn what_it_said_is_one_line() {
        assert_eq!(said(&"a\nb"), "a");
        assert_eq!(said(&String::from("c")), "c");
        assert_eq!(said(&7), "something unexpected");
    }
}
