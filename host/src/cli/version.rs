//! `sundae version`

use clap::Args;
use sundae_plugin_api::abi;

use super::Failure;
use super::context::Context;
use super::table::key_values;
use crate::view::VersionView;

/// Show the version, and what plugins must fit
///
/// Example: sundae version --output json
#[derive(Debug, Args)]
pub(crate) struct Version {}

impl Version {
    #[expect(clippy::unused_self, reason = "as the other commands do")]
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let view = VersionView::here(env!("CARGO_PKG_VERSION"), abi::TARGET, abi::RUSTC);
        if context.wants_json() {
            return context.ui.json(&view);
        }
        let facts = [
            ("plugin boundary", view.boundary.clone()),
            ("interfaces", view.interfaces.join(", ")),
            ("target", view.target.clone()),
            ("built with", view.rustc.clone()),
        ];
        context.ui.data(format_args!("sundae {}\n\n{}", view.version, key_values(&facts)))
    }
}
