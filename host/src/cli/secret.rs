//! Secrets in the configuration of components: kept as the name of an environment variable, and looked up when needed.

use serde_json::{Map, Value};
use sundae_plugin_api::ConfigSchema;

use super::Failure;
use crate::plugin::{Loader, Wanted};
use crate::stack::{Component, variable_of};

/// Refuses secrets that are written out: what is registered is kept in the database, in clear.
///
/// # Errors
/// A secret field has a value that is no reference.
pub(super) fn check_not_written_out(
    config: &Map<String, Value>,
    schema: &ConfigSchema,
) -> Result<(), Failure> {
    for field in schema.fields.iter().filter(|field| field.secret) {
        let given = config.get(&field.name).filter(|value| !value.is_null());
        if given.is_some_and(|value| variable_of(value).is_none()) {
            let name = &field.name;
            return Err(Failure::usage(format!(
                "field `{name}` is a secret, and secrets are not kept in the database"
            ))
            .hint(format!(
                "name an environment variable that holds it, and keep the quotes: --{name}='{{env.VARIABLE}}'"
            )));
        }
    }
    Ok(())
}

/// The configuration of a component as its flavor gets it: defaults filled in, secrets looked up.
///
/// # Errors
/// Its plugin cannot be used, or the variable of a secret is not set.
pub(super) fn revealed(
    component: &Component,
    loader: &Loader<'_>,
) -> Result<Map<String, Value>, Failure> {
    let wanted = Wanted {
        kind: component.kind,
        component: &component.name,
        plugin: &component.plugin,
        flavor: &component.flavor,
        config: &component.config,
    };
    let flavor = loader.find(&wanted)?;
    let schema = flavor.schema();
    let mut config = schema.with_defaults(&component.config);
    for field in schema.fields.iter().filter(|field| field.secret) {
        let Some(name) = config.get(&field.name).and_then(variable_of) else { continue };
        let Ok(value) = std::env::var(name) else {
            let (kind, component) = (component.kind, &component.name);
            return Err(Failure::new(format!(
                "the secret `{}` of {kind} `{component}` is in the environment variable {name}, which is not set",
                field.name
            ))
            .hint(format!("set {name} and try again")));
        };
        config.insert(field.name.clone(), Value::from(value));
    }
    Ok(config)
}
