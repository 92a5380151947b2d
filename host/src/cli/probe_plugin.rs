//! `sundae probe-plugin FILE`: the child process in which a library is loaded for the first time. Not for people.

use std::ffi::OsString;
use std::path::Path;

use super::exit_code;
use crate::plugin::probe::{COMMAND, run_child};

/// Does it, if that is what the words say. It comes before everything else: nothing but the library shall be able to go wrong.
#[must_use]
pub(super) fn run_if_asked(words: &[OsString]) -> Option<u8> {
    let [_, command, library] = words else { return None };
    if command != COMMAND {
        return None;
    }
    let told = run_child(Path::new(library));
    Some(if told.is_ok() { exit_code::DONE } else { exit_code::FAILED })
}
