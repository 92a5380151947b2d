//! A registered stack.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ComponentView;
use crate::plugin::Catalog;
use crate::stack::Stack;

/// A registered stack, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StackView {
    /// Whether it is the one that a run would use here and now.
    pub active: bool,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Whether others may use it.
    pub shared: bool,
    /// Who registered it.
    pub owner: String,
    /// Its components, by kind.
    pub components: BTreeMap<String, Vec<StackMemberView>>,
    /// When it was registered.
    pub created: String,
    /// When it was last changed.
    pub updated: String,
}

/// A component of a stack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StackMemberView {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its flavor.
    pub flavor: String,
    /// Whether its flavor can be used.
    pub state: String,
}

/// The stack that a run would use here and now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActiveStackView {
    /// The stack.
    #[serde(flatten)]
    pub stack: StackView,
    /// Who says so: `global` or `project`.
    pub scope: String,
}

impl StackView {
    /// A stack as it stands with what is installed.
    #[must_use]
    pub fn new(stack: &Stack, catalog: &Catalog, active: bool) -> Self {
        let mut components: BTreeMap<String, Vec<StackMemberView>> = BTreeMap::new();
        for component in &stack.components {
            let view = ComponentView::new(component, catalog, active);
            let ComponentView { name, id, kind, flavor, state, .. } = view;
            components.entry(kind).or_default().push(StackMemberView { name, id, flavor, state });
        }
        Self {
            active,
            name: stack.name.clone(),
            id: stack.id.clone(),
            shared: stack.is_shared,
            owner: stack.owner.clone(),
            components,
            created: stack.created.to_string(),
            updated: stack.updated.to_string(),
        }
    }
}
