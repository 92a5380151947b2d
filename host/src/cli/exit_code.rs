//! The exit codes of the program. They are a promise; docs/compatibility.md lists them.

/// It is done.
pub const DONE: u8 = 0;
/// It could not be done.
pub const FAILED: u8 = 1;
/// The command line does not say what it should.
pub const USAGE: u8 = 2;
/// A run ended with a failed step.
pub const STEP_FAILED: u8 = 3;
/// A plugin could not be used.
pub const PLUGIN: u8 = 4;
/// A bug.
pub const BUG: u8 = 70;
/// Somebody stopped it.
pub const INTERRUPTED: u8 = 130;
