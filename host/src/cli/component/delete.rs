//! `sundae KIND delete`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::show_json;
use super::update::check_may_change;
use crate::cli::Failure;
use crate::cli::context::Context;

/// Delete a component that no stack uses
///
/// No question is asked: nothing depends on what can be deleted, and what it kept (artifacts, for one) stays where it is.
///
/// Example: sundae KIND delete my_component
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Name, id or start of the id
    name: String,
}

impl Delete {
    pub(super) fn run(&self, kind: ComponentKind, context: &Context) -> Result<(), Failure> {
        let component = context.component(kind, &self.name)?;
        check_may_change(&component)?;
        context.database()?.delete_component(&component)?;
        context.say_where()?;
        context.ui.say(format_args!("Successfully deleted {kind} `{}`.", component.name));
        let kept = context.home.component_data(&component.id);
        if kept.is_dir() {
            context.ui.say(format_args!("What it kept is still there: {}", kept.display()));
        }
        show_json(context, &component)
    }
}
