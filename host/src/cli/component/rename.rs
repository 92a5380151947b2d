//! `sundae KIND rename`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::config::check_name_is_free;
use super::show_json;
use super::update::check_may_change;
use crate::cli::Failure;
use crate::cli::context::Context;

/// Give a component another name
///
/// The stacks that use it go on using it.
///
/// Example: sundae KIND rename my_component another_name
#[derive(Debug, Args)]
pub(crate) struct Rename {
    /// Name, id or start of the id
    name: String,

    /// The new name
    new_name: String,
}

impl Rename {
    pub(super) fn run(&self, kind: ComponentKind, context: &Context) -> Result<(), Failure> {
        let component = context.component(kind, &self.name)?;
        check_may_change(&component)?;
        if component.name != self.new_name {
            check_name_is_free(context, kind, &self.new_name)?;
        }
        let renamed = context.database()?.rename_component(&component, &self.new_name)?;
        context.say_where()?;
        let (from, to) = (&component.name, &renamed.name);
        context.ui.say(format_args!("Successfully renamed {kind} `{from}` to `{to}`."));
        show_json(context, &renamed)
    }
}
