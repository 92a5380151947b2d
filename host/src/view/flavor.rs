//! A flavor that is installed, and the table of kinds.

use serde::Serialize;
use serde_json::Value;
use sundae_plugin_api::{ComponentKind, FieldType};

use crate::plugin::{Catalog, Flavor, Library};

/// An installed flavor, as it is shown; or a file in a plugin folder that should have some and does not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlavorView {
    /// Its name; none where the file cannot tell.
    pub flavor: Option<String>,
    /// Its kind.
    pub kind: Option<String>,
    /// What it does, in a line.
    pub summary: Option<String>,
    /// The plugin that offers it.
    pub plugin: Option<String>,
    /// The version of the plugin.
    pub version: Option<String>,
    /// Whether it can be used: `available`, `shadowed`, `incompatible`, `quarantined`, `unreadable`.
    pub state: String,
    /// Why not.
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
    pub license: Option<String>,
    /// Where the plugin's users find more.
    pub homepage: Option<String>,
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
            flavor: Some(identity.name.clone()),
            kind: Some(identity.kind.clone()),
            summary: said(&identity.summary),
            plugin: Some(plugin.name.clone()),
            version: Some(plugin.version.clone()),
            state: flavor.state.word().to_owned(),
            reason: flavor.state.reason(),
            interfaces: identity.interfaces.clone(),
            config: fields.collect(),
            license: said(&plugin.license),
            homepage: said(&plugin.homepage),
            ..Self::of_file(flavor.library)
        }
    }

    /// A file that has no flavor, although it looks like a library: why not is in words, with the cure.
    #[must_use]
    pub fn without_flavor(library: &Library) -> Self {
        let reason = match &library.identity {
            Err(unreadable) => format!("{unreadable}; {}", unreadable.cure()),
            Ok(_) => "it offers no flavor; take it out of the plugin folder".to_owned(),
        };
        Self { reason: Some(reason), ..Self::of_file(library) }
    }

    fn of_file(library: &Library) -> Self {
        Self {
            flavor: None,
            kind: None,
            summary: None,
            plugin: library.identity.as_ref().ok().map(|identity| identity.name.clone()),
            version: library.identity.as_ref().ok().map(|identity| identity.version.clone()),
            state: "unreadable".to_owned(),
            reason: None,
            interfaces: Vec::new(),
            origin: library.origin.to_string(),
            path: library.path.display().to_string(),
            config: Vec::new(),
            license: None,
            homepage: None,
        }
    }

    /// Everything in a catalog: its flavors by kind, then the files that have none.
    #[must_use]
    pub fn all(catalog: &Catalog) -> Vec<Self> {
        let mut flavors = catalog.flavors();
        // Kinds that this host does not know come last.
        let place = |flavor: &Flavor<'_>| {
            let kinds = ComponentKind::ALL.iter();
            kinds.map(|kind| kind.as_str()).position(|kind| kind == flavor.identity.kind)
        };
        flavors.sort_by_key(|flavor| place(flavor).unwrap_or(usize::MAX));
        let is_bare = |library: &&Library| {
            library.identity.as_ref().map_or(true, |identity| identity.flavors.is_empty())
        };
        let bare = catalog.libraries.iter().filter(is_bare);
        flavors.iter().map(Self::new).chain(bare.map(Self::without_flavor)).collect()
    }

    /// Whether it can be used.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.state == "available"
    }
}

/// What plugins leave empty they do not say.
fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
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
