//! `sundae KIND flavor`

use clap::{Args, Subcommand};
use sundae_plugin_api::ComponentKind;

use super::config::installed;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::flavor::{describe, list};
use crate::cli::list::ListArgs;

/// Show the flavors that a component of this kind can have
///
/// Example: sundae KIND flavor --list
#[derive(Debug, Subcommand)]
pub(crate) enum KindFlavorCommand {
    #[command(long_flag = "list")]
    List(List),
    Describe(Describe),
}

/// List the installed flavors of this kind
///
/// No library is loaded for it: what plugins say of themselves stands in their files.
///
/// Example: sundae KIND flavor --list
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArgs,
}

/// Describe a flavor: its plugin, and the fields of its configuration
///
/// Example: sundae KIND flavor describe local
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// The flavor's name
    name: String,
}

impl KindFlavorCommand {
    pub(super) fn run(&self, kind: ComponentKind, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(command) => list::show(context, Some(kind), &command.list),
            Self::Describe(command) => {
                describe::show(context, &installed(context, kind, &command.name)?)
            }
        }
    }
}
