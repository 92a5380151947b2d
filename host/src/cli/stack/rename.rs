//! `sundae stack rename`

use clap::Args;

use super::register::check_name_is_free;
use super::{check_may_change, is_named_by_project, show_json};
use crate::cli::Failure;
use crate::cli::context::Context;

/// Give a stack another name
///
/// If it is the active stack of the project that the current folder is in, the project's file gets the new name, too.
///
/// Example: sundae stack rename a_new_local_stack another_name
#[derive(Debug, Args)]
pub(crate) struct Rename {
    /// Name, id or start of the id
    name: String,

    /// The new name
    new_name: String,
}

impl Rename {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let stack = context.stack(&self.name)?;
        check_may_change(&stack)?;
        if stack.name != self.new_name {
            check_name_is_free(context, &self.new_name)?;
        }
        let database = context.database()?;
        let renamed = database.rename_stack(&stack, &self.new_name)?;
        if let Some(project) = context.project()?
            && is_named_by_project(context, &stack)?
            && let Err(error) = project.clone().set_stack(&renamed.name)
        {
            database.rename_stack(&renamed, &stack.name)?;
            return Err(error.into());
        }
        let context = &context.afresh()?;
        context.say_where()?;
        let (from, to) = (&stack.name, &renamed.name);
        context.ui.say(format_args!("Stack '{from}' successfully renamed to '{to}'!"));
        show_json(context, &renamed)
    }
}
