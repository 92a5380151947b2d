//! `sundae stack describe`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::table::{heading, table, titled};
use crate::view::{ComponentView, StackView};

/// Describe a stack: its components, and whether it is the active one
///
/// Example: sundae stack describe default
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Name, id or start of the id [default: the active stack]
    name: Option<String>,
}

impl Describe {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let stack = match &self.name {
            Some(name) => context.stack(name)?,
            None => context.active_stack()?.stack,
        };
        let view = super::view(context, &stack)?;
        if context.wants_json() {
            return context.ui.json(&view);
        }
        context.ui.data(text(&view))?;
        for component in &stack.components {
            let component = ComponentView::new(component, context.catalog()?, view.active);
            if let Some(reason) = component.reason {
                let (kind, name, state) = (component.kind, component.name, component.state);
                context.ui.warn(format_args!("{kind} `{name}` is {state}: {reason}"));
            }
        }
        Ok(())
    }
}

fn text(stack: &StackView) -> String {
    let mut rows = Vec::new();
    for kind in ComponentKind::ALL {
        for member in stack.components.get(kind.as_str()).into_iter().flatten() {
            let name = match member.state.as_str() {
                "available" => member.name.clone(),
                state => format!("{} ({state})", member.name),
            };
            rows.push(vec![heading(kind.as_str()), name]);
        }
    }
    let table = table(&["KIND".to_owned(), "NAME".to_owned()], &rows);
    let active = if stack.active { " (ACTIVE)" } else { "" };
    let caption = format!("'{}' stack{active}", stack.name);
    let visibility = if stack.shared { "shared" } else { "private" };
    format!(
        "{}\nStack '{}' with id '{}' is owned by user {} and is '{visibility}'.",
        titled("Stack Configuration", &table, &caption),
        stack.name,
        stack.id,
        stack.owner
    )
}
