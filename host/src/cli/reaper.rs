//! `sundae reaper FOLDER`: the child process that ends what a killed run has left running. Not for people.

use std::ffi::OsString;

use super::exit_code;
use crate::worker::reaper::{COMMAND, run_child};

/// Does it, if that is what the words say.
#[must_use]
pub(super) fn run_if_asked(words: &[OsString]) -> Option<u8> {
    let [_, command, folder] = words else { return None };
    if command != COMMAND {
        return None;
    }
    run_child(std::io::stdin().lock(), &folder.to_string_lossy());
    Some(exit_code::DONE)
}
