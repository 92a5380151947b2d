//! A flavor that is installed, and the table of kinds.

use serde::Serialize;
use serde_json::Value;
use sundae_plugin_api::{ComponentKind, FieldType};

use crate::plugin::Flavor;

/// An installed flavor, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlavorView {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// What it does, in a line.
    pub summary: String,
    /// The plugin that offers it.
    pub plugin: String,
    /// The version of the plugin.
    pub version: String,
    /// Whether it can be used: `available`, `shadowed`, `incompatible`, `quarantined`.
    pub state: String,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The interfaces that it speaks.
    pub interfaces: Vec<String>,
    /// Why its folder was looked into: `option`, `environment`, `project`, `user`, `system`, `distribution`.
    pub origin: String,
    /// The library.
    pub path: String,
    /// How components of it are configured.
    pub config: Vec<FieldView>,
    /// The licence of the plugin.
    pub license: String,
    /// Where the plugin's users find more.
    pub homepage: String,
}

/// A field of a flavor's configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldView {
    /// Its name.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Whether it must be given.
    pub required: bool,
    /// Whether its value is never shown.
    pub secret: bool,
    /// The value it has if it is not given.
    pub default: Option<Value>,
    /// The values that it can have, where they are few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What it is for.
    pub help: String,
}

impl FlavorView {
    /// A flavor as it stands.
    #[must_use]
    pub fn new(flavor: &Flavor<'_>) -> Self {
        let (identity, plugin) = (flavor.identity, flavor.plugin);
        let fields = flavor.schema().fields.iter().map(|field| FieldView {
            name: field.name.clone(),
            field_type: field.field_type,
            required: field.required && field.default.is_none(),
            secret: field.secret,
            default: field.default.clone(),
            choices: field.choices.clone(),
            help: field.help.clone(),
        });
        Self {
            name: identity.name.clone(),
            kind: identity.kind.clone(),
            summary: identity.summary.clone(),
            plugin: plugin.name.clone(),
            version: plugin.version.clone(),
            state: flavor.state.word().to_owned(),
            reason: flavor.state.reason(),
            interfaces: identity.interfaces.clone(),
            origin: flavor.library.origin.to_string(),
            path: flavor.library.path.display().to_string(),
            config: fields.collect(),
            license: plugin.license.clone(),
            homepage: plugin.homepage.clone(),
        }
    }
}

/// A kind of component, with what there is of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindView {
    /// Its name.
    pub kind: String,
    /// What it is for.
    pub purpose: String,
    /// Whether a stack cannot be without one.
    pub required: bool,
    /// Whether a stack may have several.
    pub many_per_stack: bool,
    /// The names of the flavors that are installed and can be used.
    pub flavors: Vec<String>,
    /// The names of the components that are registered.
    pub components: Vec<String>,
}

impl KindView {
    /// A kind with its flavors and components.
    #[must_use]
    pub fn new(kind: ComponentKind, flavors: Vec<String>, components: Vec<String>) -> Self {
        Self {
            kind: kind.as_str().to_owned(),
            purpose: kind.purpose().to_owned(),
            required: kind.required(),
            many_per_stack: kind.many_per_stack(),
            flavors,
            components,
        }
    }
}
