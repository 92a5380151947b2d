//! `sundae flavor list`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::kinds::kind_named;
use crate::cli::list::ListArgs;
use crate::view::FlavorView;

/// List the installed flavors
///
/// No library is loaded for it: what plugins say of themselves stands in their files. Files in a plugin folder that cannot be
/// used are listed too, with the reason.
///
/// Example: sundae flavor list --kind artifact-store
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only flavors of this kind
    #[arg(long, value_parser = kind_named)]
    kind: Option<ComponentKind>,

    #[command(flatten)]
    list: ListArgs,
}

impl List {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        show(context, self.kind, &self.list)
    }
}

/// Shows the flavors of a kind, or of all.
///
/// # Errors
/// The database cannot be opened, or stdout not written.
pub(in crate::cli) fn show(
    context: &Context,
    kind: Option<ComponentKind>,
    list: &ListArgs,
) -> Result<(), Failure> {
    let mut flavors = FlavorView::all(context.catalog()?);
    if let Some(kind) = kind {
        flavors.retain(|flavor| flavor.kind.as_deref() == Some(kind.as_str()));
    }
    let mut columns = vec!["flavor", "kind", "summary", "plugin", "version"];
    if flavors.iter().any(|flavor| !flavor.is_available()) {
        columns.extend(["state", "reason", "path"]);
    }
    let nothing = match kind {
        _ if !flavors.is_empty() => "No flavor meets the conditions.".to_owned(),
        Some(kind) => format!("No plugin that is installed has a flavor of kind {kind}."),
        None => {
            "No plugin is installed; `sundae status` shows where they are looked for.".to_owned()
        }
    };
    list.show(context, &flavors, &columns, &nothing)
}
