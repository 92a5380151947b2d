//! `sundae KIND list`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::list::ListArgs;
use crate::view::ComponentView;

/// List the registered components of this kind
///
/// Those of the active stack are marked.
///
/// Example: sundae KIND list --filter flavor=local
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArgs,
}

impl List {
    pub(super) fn run(&self, kind: ComponentKind, context: &Context) -> Result<(), Failure> {
        let components = context.components(kind)?;
        let active = context.active_stack_if_any();
        let catalog = context.catalog()?;
        let is_active = |id: &String| {
            active.as_ref().is_some_and(|active| active.stack.of_kind(kind).any(|c| c.id == *id))
        };
        let rows: Vec<_> = components
            .iter()
            .map(|component| ComponentView::new(component, catalog, is_active(&component.id)))
            .collect();
        let mut columns = vec!["active", "name", "id", "flavor", "shared", "owner"];
        if !rows.iter().all(ComponentView::is_available) {
            columns.push("state");
        }
        let nothing = if components.is_empty() {
            format!("No {kind} is registered yet: `sundae {kind} register NAME --flavor=F`")
        } else {
            format!("No {kind} meets the conditions.")
        };
        self.list.show(context, &rows, &columns, &nothing)
    }
}
