//! `sundae stack list`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::list::ListArgs;
use crate::view::StackView;

/// List the registered stacks
///
/// The one that a run would use here and now is marked.
///
/// Example: sundae stack list --sort name
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArgs,
}

impl List {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let stacks = context.database()?.stacks()?;
        let active = context.active_stack_if_any().map(|active| active.stack.id);
        let catalog = context.catalog()?;
        let rows: Vec<_> = stacks
            .iter()
            .map(|stack| StackView::new(stack, catalog, Some(&stack.id) == active.as_ref()))
            .collect();
        let in_use = ComponentKind::ALL
            .into_iter()
            .filter(|kind| stacks.iter().any(|stack| stack.first(*kind).is_some()));
        let mut columns = vec!["active", "name", "id", "shared", "owner"];
        columns.extend(in_use.map(ComponentKind::as_str));
        self.list.show(context, &rows, &columns, "No stack meets the conditions.")
    }
}
