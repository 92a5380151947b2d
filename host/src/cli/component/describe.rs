//! `sundae KIND describe`

use clap::Args;
use serde_json::Value;
use sundae_plugin_api::ComponentKind;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::table::{cell, table, titled, value};
use crate::stack::{Component, with_article};
use crate::view::ComponentDetail;

/// Describe a component: its flavor, its configuration, the stacks that use it
///
/// Example: sundae KIND describe default
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Name, id or start of the id [default: the one of the active stack]
    name: Option<String>,
}

impl Describe {
    pub(super) fn run(&self, kind: ComponentKind, context: &Context) -> Result<(), Failure> {
        let component = match &self.name {
            Some(name) => context.component(kind, name)?,
            None => of_active_stack(context, kind)?,
        };
        let active = super::is_active(context, &component);
        let stacks = context.database()?.stacks_with(&component.id)?;
        let detail = ComponentDetail::new(&component, context.catalog()?, active, stacks);
        if context.wants_json() {
            return context.ui.json(&detail);
        }
        context.ui.data(text(kind, &detail))?;
        if let Some(reason) = &detail.component.reason {
            let state = &detail.component.state;
            context.ui.warn(format_args!("{kind} `{}` is {state}: {reason}", component.name));
            if !component.config.is_empty() && state == "missing" {
                context
                    .ui
                    .say("Its values are hidden: only its plugin knows which of them are secret.");
            }
            context.ui.hint(
                "`sundae status` shows where plugins are looked for, `sundae flavor --list` what is there",
            );
        }
        Ok(())
    }
}

/// The component of a kind that the active stack uses.
///
/// # Errors
/// It has none.
pub(super) fn of_active_stack(
    context: &Context,
    kind: ComponentKind,
) -> Result<Component, Failure> {
    let active = context.active_stack()?;
    active.stack.first(kind).cloned().ok_or_else(|| {
        Failure::new(format!("the active stack `{}` has no {kind}", active.stack.name))
            .hint(format!("`sundae {kind} list` shows the registered ones"))
    })
}

fn text(kind: ComponentKind, detail: &ComponentDetail) -> String {
    let component = &detail.component;
    let given = component.config.iter().map(|(name, given)| (name, value(given)));
    let defaults = detail.defaults.iter();
    let defaults = defaults.map(|(name, default)| (name, format!("{} (default)", value(default))));
    let unset = detail.unset.iter().map(|name| (name, cell("", &Value::Bool(false))));
    let rows: Vec<_> =
        given.chain(defaults).chain(unset).map(|(name, value)| vec![name.clone(), value]).collect();
    let active = if component.active { " (ACTIVE)" } else { "" };
    let caption = format!("'{}' {}{active}", component.name, component.kind);
    let head = if rows.is_empty() {
        format!("{caption}\nIts flavor has nothing to configure.")
    } else {
        let table = table(&["FIELD".to_owned(), "VALUE".to_owned()], &rows);
        titled("Component Configuration", &table, &caption)
    };
    let visibility = if component.shared { "shared" } else { "private" };
    let stacks: Vec<_> = detail.stacks.iter().map(|name| format!("'{name}'")).collect();
    let stacks = match stacks.as_slice() {
        [] => "no stack".to_owned(),
        [one] => format!("the stack {one}"),
        several => format!("the stacks {}", several.join(", ")),
    };
    format!(
        "{head}\nComponent '{}' with id '{}' is owned by user {} and is '{visibility}'.\nIt is {} of flavor '{}' (plugin \
         {}), and part of {stacks}.",
        component.name,
        component.id,
        component.owner,
        with_article(kind),
        component.flavor,
        component.plugin
    )
}
