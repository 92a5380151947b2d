//! `sundae stack update`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::members::{self, MemberArgs};
use super::{check_may_change, show_json};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::kinds::kind_named;
use crate::stack::{Component, Stack, find};

/// Change the components of a stack
///
/// The components that are named take the place of those of the same kind. What else the stack has, it keeps, except what
/// `--remove` takes out: all of a kind, or one component of it.
///
/// Example: sundae stack update a_new_local_stack -a my_artifact_store
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Name, id or start of the id
    name: String,

    /// Take out the components of this kind, or one of them; can be given several times
    #[arg(long, value_name = "KIND or KIND/NAME", value_parser = removal)]
    remove: Vec<Removal>,

    #[command(flatten)]
    members: MemberArgs,
}

/// What to take out of a stack.
#[derive(Debug, Clone)]
struct Removal {
    kind: ComponentKind,
    name: Option<String>,
}

fn removal(text: &str) -> Result<Removal, String> {
    match text.split_once('/') {
        Some((kind, name)) => Ok(Removal { kind: kind_named(kind)?, name: Some(name.to_owned()) }),
        None => Ok(Removal { kind: kind_named(text)?, name: None }),
    }
}

impl Update {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let stack = context.stack(&self.name)?;
        check_may_change(&stack)?;
        if self.remove.is_empty() && self.members.is_empty() {
            return Err(Failure::usage("there is nothing to change").hint(
                "name components, as in -o ORCHESTRATOR or --alerter NAME, or --remove KIND",
            ));
        }
        let mut components = stack.components.clone();
        for removal in &self.remove {
            removal.take_out(&mut components, &stack)?;
        }
        components.retain(|component| !self.members.names(component.kind));
        components.extend(self.members.components(context)?);
        components.sort_by_key(|component| component.kind);
        members::check(context, &components)?;
        let updated = context.database()?.set_stack_components(&stack, &components)?;
        context.say_where()?;
        context.ui.say(format_args!("Stack '{}' successfully updated!", updated.name));
        show_json(context, &updated)
    }
}

impl Removal {
    fn take_out(&self, components: &mut Vec<Component>, stack: &Stack) -> Result<(), Failure> {
        let kind = self.kind;
        let of_kind: Vec<_> = components.iter().filter(|one| one.kind == kind).cloned().collect();
        if of_kind.is_empty() {
            return Err(Failure::new(format!("stack `{}` has no {kind}", stack.name)));
        }
        let id = match &self.name {
            Some(name) => Some(find(kind.as_str(), &of_kind, name)?.id.clone()),
            None => None,
        };
        components.retain(|one| one.kind != kind || id.as_ref().is_some_and(|id| one.id != *id));
        Ok(())
    }
}
