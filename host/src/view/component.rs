//! A registered component.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::plugin::{Catalog, State};
use crate::stack::Component;

/// What is shown in the place of a secret.
pub const MASK: &str = "***";

/// A registered component, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComponentView {
    /// Whether it is part of the active stack.
    pub active: bool,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its flavor.
    pub flavor: String,
    /// The plugin that it was registered with.
    pub plugin: String,
    /// Whether its flavor can be used: `available`, `missing`, `incompatible`, `quarantined`.
    pub state: String,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether others may use it.
    pub shared: bool,
    /// Who registered it.
    pub owner: String,
    /// What was given for its fields; secrets are masked.
    pub config: Map<String, Value>,
    /// When it was registered.
    pub created: String,
    /// When it was last changed.
    pub updated: String,
}

impl ComponentView {
    /// A component as it stands with what is installed.
    #[must_use]
    pub fn new(component: &Component, catalog: &Catalog, active: bool) -> Self {
        let kind = component.kind.as_str();
        let flavor = catalog.flavor_of(&component.plugin, kind, &component.flavor);
        let (state, reason) = match flavor.as_ref().map(|flavor| &flavor.state) {
            None => ("missing", Some(missing(component))),
            Some(State::Available | State::Shadowed { .. }) => ("available", None),
            Some(unusable) => (unusable.word(), unusable.reason()),
        };
        let is_secret = |name: &str| {
            flavor
                .as_ref()
                .is_none_or(|flavor| flavor.schema().field(name).is_none_or(|field| field.secret))
        };
        let shown = component.config.iter().map(|(name, value)| {
            let value = if is_secret(name) { Value::from(MASK) } else { value.clone() };
            (name.clone(), value)
        });
        Self {
            active,
            name: component.name.clone(),
            id: component.id.clone(),
            kind: kind.to_owned(),
            flavor: component.flavor.clone(),
            plugin: component.plugin.clone(),
            state: state.to_owned(),
            reason,
            shared: component.is_shared,
            owner: component.owner.clone(),
            config: shown.collect(),
            created: component.created.to_string(),
            updated: component.updated.to_string(),
        }
    }

    /// Whether its flavor can be used.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.state == "available"
    }
}

fn missing(component: &Component) -> String {
    format!("the plugin `{}` is not installed", component.plugin)
}
