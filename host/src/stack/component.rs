//! A registered component, and a stack of them.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sundae_plugin_api::ComponentKind;

/// A registered, named, configured instance of a flavor.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// A UUID.
    pub id: String,
    /// What it is an instance of.
    pub kind: ComponentKind,
    /// Unique within its kind.
    pub name: String,
    /// The name of its flavor.
    pub flavor: String,
    /// The plugin that it was registered with: a later install of another one never takes its place silently.
    pub plugin: String,
    /// What was given when it was registered; defaults are not in it.
    pub config: Map<String, Value>,
    /// Who registered it.
    pub owner: String,
    /// Whether others may use it.
    pub is_shared: bool,
    /// When it was registered.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

/// A named set of components.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    /// A UUID.
    pub id: String,
    /// Unique.
    pub name: String,
    /// By kind in the order of [`ComponentKind::ALL`]; of one kind the first is the one that counts unless told otherwise.
    pub components: Vec<Component>,
    /// Who registered it.
    pub owner: String,
    /// Whether others may use it.
    pub is_shared: bool,
    /// When it was registered.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

impl Stack {
    /// The components of a kind.
    pub fn of_kind(&self, kind: ComponentKind) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(move |component| component.kind == kind)
    }

    /// The first component of a kind.
    #[must_use]
    pub fn first(&self, kind: ComponentKind) -> Option<&Component> {
        self.of_kind(kind).next()
    }
}
