//! `sundae stack register`

use clap::Args;

use super::members::{self, MemberArgs};
use super::set::{Target, activate};
use super::show_json;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::metadata::MetadataError;
use crate::stack::check_name;

/// Register a stack of registered components
///
/// It needs an orchestrator and an artifact store at least. What does not fit together is refused here and not by a run.
///
/// Example: sundae stack register a_new_local_stack -o default -a default
#[derive(Debug, Args)]
pub(crate) struct Register {
    /// The name, unique among stacks
    name: String,

    /// Make it the active stack, too
    #[arg(long)]
    set: bool,

    #[command(flatten)]
    members: MemberArgs,
}

impl Register {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        check_name_is_free(context, &self.name)?;
        let components = self.members.components(context)?;
        members::check(context, &components)?;
        let stack = context.database()?.register_stack(&self.name, &components)?;
        context.say_where()?;
        context.ui.say(format_args!("Stack '{}' successfully registered!", stack.name));
        context.ui.say(format_args!(
            "You can inspect the stack with the following command:\n\n  sundae stack describe {}",
            stack.name
        ));
        if self.set {
            activate(context, &stack, Target::Nearest)?;
        }
        show_json(&context.afresh()?, &stack)
    }
}

/// Checks whether a stack can get this name.
///
/// # Errors
/// Another one has it, or it is no name.
pub(super) fn check_name_is_free(context: &Context, name: &str) -> Result<(), Failure> {
    check_name(name)?;
    match context.database()?.stacks()?.iter().any(|stack| stack.name == name) {
        true => Err(MetadataError::stack_name_taken(name).into()),
        false => Ok(()),
    }
}
