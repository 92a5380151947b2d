//! `sundae stack`: register and choose stacks.

mod list;

use clap::Subcommand;

use super::Failure;
use super::context::Context;

/// Register, describe and choose stacks
#[derive(Debug, Subcommand)]
pub(super) enum StackCommand {
    List(list::List),
}

impl StackCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context),
        }
    }
}
