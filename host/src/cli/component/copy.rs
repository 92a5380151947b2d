//! `sundae KIND copy`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::config::check_name_is_free;
use super::show_json;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::metadata::NewComponent;

/// Register a component with the flavor and the configuration of another one
///
/// Example: sundae KIND copy default my_component
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// Name, id or start of the id of the one to copy
    name: String,

    /// The name of the new one
    new_name: String,
}

impl Copy {
    pub(super) fn run(&self, kind: ComponentKind, context: &Context) -> Result<(), Failure> {
        let component = context.component(kind, &self.name)?;
        check_name_is_free(context, kind, &self.new_name)?;
        // Its flavor has accepted the configuration already, and may not be installed now.
        let copied = context.database()?.register_component(&NewComponent {
            kind,
            name: &self.new_name,
            flavor: &component.flavor,
            plugin: &component.plugin,
            config: &component.config,
        })?;
        context.say_where()?;
        let (from, to) = (&component.name, &copied.name);
        context.ui.say(format_args!("Successfully copied {kind} `{from}` to `{to}`."));
        show_json(context, &copied)
    }
}
