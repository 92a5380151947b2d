//! `sundae flavor`: what the installed plugins offer.

pub(super) mod describe;
pub(super) mod list;
mod retry;

use clap::Subcommand;

use super::Failure;
use super::context::Context;

/// List and describe what the installed plugins offer
///
/// Example: sundae flavor --list
#[derive(Debug, Subcommand)]
pub(super) enum FlavorCommand {
    #[command(long_flag = "list")]
    List(list::List),
    Describe(describe::Describe),
    Retry(retry::Retry),
}

impl FlavorCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context),
            Self::Describe(describe) => describe.run(context),
            Self::Retry(retry) => retry.run(context),
        }
    }
}
