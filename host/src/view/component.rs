//! A registered component.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::plugin::{Catalog, State};
use crate::stack::{Component, SecretReference};

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
    pub reason: Option<String>,
    /// Whether others may use it.
    pub shared: bool,
    /// Who registered it.
    pub owner: String,
    /// What was given for its fields. Of a secret the name of its variable is shown, and anything else is masked.
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
            let is_hidden = is_secret(name) && SecretReference::of(value).is_none();
            let value = if is_hidden { Value::from(MASK) } else { value.clone() };
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

/// A registered component with everything that is known of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComponentDetail {
    /// What lists show, too.
    #[serde(flatten)]
    pub component: ComponentView,
    /// The values that fields have because they were not given.
    pub defaults: Map<String, Value>,
    /// The names of the fields that were not given and have no default.
    pub unset: Vec<String>,
    /// The names of the stacks that it is part of.
    pub stacks: Vec<String>,
}

impl ComponentDetail {
    /// A component as it stands with what is installed, and the stacks that it is part of.
    #[must_use]
    pub fn new(
        component: &Component,
        catalog: &Catalog,
        active: bool,
        stacks: Vec<String>,
    ) -> Self {
        let flavor =
            catalog.flavor_of(&component.plugin, component.kind.as_str(), &component.flavor);
        let (mut defaults, mut unset) = (Map::new(), Vec::new());
        let fields = flavor.iter().flat_map(|flavor| &flavor.schema().fields);
        for field in fields.filter(|field| !component.config.contains_key(&field.name)) {
            match &field.default {
                Some(_) if field.secret => drop(defaults.insert(field.name.clone(), MASK.into())),
                Some(value) => drop(defaults.insert(field.name.clone(), value.clone())),
                None => unset.push(field.name.clone()),
            }
        }
        let component = ComponentView::new(component, catalog, active);
        Self { component, defaults, unset, stacks }
    }
}

fn missing(component: &Component) -> String {
    format!("the plugin `{}` is not installed", component.plugin)
}

/// Whether a component works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedView {
    /// The kind of the component.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What was found to work, in order.
    pub checks: Vec<CheckView>,
    /// What does not.
    pub error: Option<String>,
}

/// Something that a component can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckView {
    /// What: `write an object`.
    pub check: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
}
