//! `sundae secret`: values that nobody is to see.

mod delete;
mod list;
mod set;

use clap::Subcommand;

use super::Failure;
use super::context::Context;
use crate::stack::{Component, SecretReference};

/// Keep values that nobody is to see
///
/// They are kept encrypted, and named as `{secret.NAME}`: by secret fields of components, and by `env` of a step.
/// The key is the file `secret.key` in the data folder, or the variable SUNDAE_SECRET_KEY; nothing can be read without it.
///
/// Example: sundae secret set api-token
#[derive(Debug, Subcommand)]
pub(super) enum SecretCommand {
    Set(set::Set),
    List(list::List),
    Delete(delete::Delete),
}

impl SecretCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Set(set) => set.run(context),
            Self::List(list) => list.run(context),
            Self::Delete(delete) => delete.run(context),
        }
    }
}

/// Whether the configuration of a component names a secret.
fn uses(component: &Component, secret: &str) -> bool {
    let mut values = component.config.values();
    values.any(|value| SecretReference::of(value) == Some(SecretReference::Secret(secret)))
}
