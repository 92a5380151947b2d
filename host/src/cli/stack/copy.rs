//! `sundae stack copy`

use clap::Args;

use super::register::check_name_is_free;
use super::show_json;
use crate::cli::Failure;
use crate::cli::context::Context;

/// Register a stack with the components of another one
///
/// Example: sundae stack copy default a_new_local_stack
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Name, id or start of the id of the one to copy
    name: String,

    /// The name of the new one
    new_name: String,
}

impl Copy {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let stack = context.stack(&self.name)?;
        check_name_is_free(context, &self.new_name)?;
        let copied = context.database()?.register_stack(&self.new_name, &stack.components)?;
        context.say_where()?;
        let (from, to) = (&stack.name, &copied.name);
        context.ui.say(format_args!("Stack '{from}' successfully copied to '{to}'!"));
        show_json(context, &copied)
    }
}
