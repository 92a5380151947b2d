//! `sundae stack get`

use clap::Args;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::view::{ActiveStackView, StackView};

/// Print the name of the active stack
///
/// Example: sundae stack get
#[derive(Debug, Args)]
pub(crate) struct Get {}

impl Get {
    #[expect(clippy::unused_self, reason = "as the other commands do")]
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let active = context.active_stack()?;
        if context.wants_json() {
            let stack = StackView::new(&active.stack, context.catalog()?, true);
            return context
                .ui
                .json(&ActiveStackView { stack, scope: active.scope.word().to_owned() });
        }
        context.ui.data(&active.stack.name)
    }
}
