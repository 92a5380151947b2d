//! `sundae stack delete`

use clap::Args;

use super::{check_may_change, is_named_by_project, show_json};
use crate::cli::Failure;
use crate::cli::context::Context;

/// Delete a stack; its components stay
///
/// No question is asked: a stack that is in use is refused, and what runs have kept stays where it is.
///
/// Example: sundae stack delete a_new_local_stack
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Name, id or start of the id
    name: String,
}

impl Delete {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let stack = context.stack(&self.name)?;
        check_may_change(&stack)?;
        if is_named_by_project(context, &stack)? {
            return Err(Failure::new(format!(
                "stack `{}` is the active one of this project",
                stack.name
            ))
            .hint("make another one active first: `sundae stack set NAME`"));
        }
        context.database()?.delete_stack(&stack).map_err(|error| {
            let failure = Failure::from(error);
            match context.project() {
                // There, `stack set` is about the project.
                Ok(Some(_)) => {
                    failure.hint("make another one active first: `sundae stack set --global NAME`")
                }
                _ => failure,
            }
        })?;
        context.say_where()?;
        context.ui.say(format_args!("Stack '{}' successfully deleted!", stack.name));
        show_json(context, &stack)
    }
}
