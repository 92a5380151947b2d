//! `sundae secret list`

use clap::Args;

use super::uses;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::list::ListArgs;
use crate::view::SecretView;

/// List secrets, without their values
///
/// Example: sundae secret list
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArgs,
}

impl List {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let database = context.database()?;
        let components = database.components(None)?;
        let secrets = database.secrets()?;
        let rows: Vec<_> = secrets
            .iter()
            .map(|secret| {
                let users = components.iter().filter(|component| uses(component, &secret.name));
                SecretView {
                    name: secret.name.clone(),
                    created: secret.created.to_string(),
                    updated: secret.updated.to_string(),
                    used_by: users.map(|user| format!("{}/{}", user.kind, user.name)).collect(),
                }
            })
            .collect();
        self.list.show(
            context,
            &rows,
            &["name", "used_by", "created", "updated"],
            "There are no secrets: `sundae secret set NAME` keeps one.",
        )
    }
}
