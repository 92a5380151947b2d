//! `sundae kinds`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::Failure;
use super::context::Context;
use super::list::ListArgs;
use crate::nearest::nearest;
use crate::plugin::State;
use crate::view::KindView;

/// The kind that is called so, for options that take one.
///
/// # Errors
/// There is none; in words, with what was probably meant.
pub(super) fn kind_named(text: &str) -> Result<ComponentKind, String> {
    text.parse().map_err(|error| {
        let names = ComponentKind::ALL.map(ComponentKind::as_str);
        match nearest(text, names) {
            Some(nearest) => format!("{error}; did you mean `{nearest}`?"),
            None => format!("{error}; `sundae kinds` lists them"),
        }
    })
}

/// List the kinds of component, and what there is of each
///
/// Example: sundae kinds --filter required=true
#[derive(Debug, Args)]
pub(crate) struct Kinds {
    #[command(flatten)]
    list: ListArgs,
}

impl Kinds {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let components = context.database()?.components(None)?;
        let flavors = context.catalog()?.flavors();
        let rows: Vec<_> = ComponentKind::ALL
            .into_iter()
            .map(|kind| {
                let flavors = flavors
                    .iter()
                    .filter(|flavor| flavor.state == State::Available)
                    .filter(|flavor| flavor.identity.kind == kind.as_str())
                    .map(|flavor| flavor.identity.name.clone());
                let components = components
                    .iter()
                    .filter(|component| component.kind == kind)
                    .map(|component| component.name.clone());
                KindView::new(kind, flavors.collect(), components.collect())
            })
            .collect();
        let columns = ["kind", "purpose", "flavors", "components"];
        self.list.show(context, &rows, &columns, "No kind meets the conditions.")
    }
}
