//! `sundae secret delete`

use clap::Args;

use super::uses;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::nearest::suggestion;

/// Forget a secret
///
/// Example: sundae secret delete api-token
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Its name
    name: String,

    /// Also if a component uses it
    #[arg(long)]
    force: bool,
}

impl Delete {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let (database, name) = (context.database()?, &self.name);
        let secrets = database.secrets()?;
        if secrets.iter().all(|secret| secret.name != *name) {
            let names = secrets.iter().map(|secret| secret.name.as_str());
            return Err(Failure::new(format!("there is no secret `{name}`"))
                .hint_if_any(suggestion(name, "secrets", names)));
        }
        let components = database.components(None)?;
        let users = components.iter().filter(|component| uses(component, name));
        let users: Vec<_> = users.map(|user| format!("{} `{}`", user.kind, user.name)).collect();
        if !users.is_empty() && !self.force {
            return Err(Failure::new(format!("secret `{name}` is used by {}", users.join(", ")))
                .hint(format!("change that first, or `sundae secret delete {name} --force`")));
        }
        database.delete_secret(name)?;
        context.ui.say(format_args!("Secret `{name}` was deleted."));
        Ok(())
    }
}
