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
    let all = FlavorView::all(context.catalog()?);
    let bare = all.iter().filter(|flavor| flavor.kind.is_none()).count();
    let is_of_kind =
        |flavor: &FlavorView| kind.is_none_or(|kind| flavor.kind.as_deref() == Some(kind.as_str()));
    let flavors: Vec<_> = all.into_iter().filter(is_of_kind).collect();
    let mut columns = vec!["flavor", "kind", "summary", "plugin", "version"];
    if flavors.iter().any(|flavor| !flavor.is_available()) {
        columns.extend(["state", "reason", "path"]);
    }
    if bare > 0 && kind.is_some() {
        context.ui.hint(format_args!(
            "files that are no usable plugins are not shown here ({bare}); `sundae flavor --list` shows them with the reason"
        ));
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
