//! `sundae KIND get`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::describe::of_active_stack;
use super::show_json;
use crate::cli::Failure;
use crate::cli::context::Context;

/// Print the name of the component that the active stack uses
///
/// Example: sundae KIND get
#[derive(Debug, Args)]
pub(crate) struct Get {}

impl Get {
    #[expect(clippy::unused_self, reason = "as the other commands do")]
    pub(super) fn run(&self, kind: ComponentKind, context: &Context) -> Result<(), Failure> {
        let component = of_active_stack(context, kind)?;
        if context.wants_json() {
            return show_json(context, &component);
        }
        context.ui.data(&component.name)
    }
}
