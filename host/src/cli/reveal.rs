//! The values of secrets, looked up when they are needed: those of components, and those that steps name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sundae_plugin_api::ConfigSchema;

use super::Failure;
use super::context::Context;
use crate::plugin::{Loader, Wanted};
use crate::secret::{Key, KeyError, VARIABLE, mask_from_now_on, open};
use crate::stack::{Component, SecretReference};

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
        if given.is_some_and(|value| SecretReference::of(value).is_none()) {
            let name = &field.name;
            return Err(Failure::usage(format!(
                "field `{name}` is a secret, and a configuration is kept in clear"
            ))
            .hint(format!(
                "keep it with `sundae secret set NAME`, and name it here, with the quotes: --{name}='{{secret.NAME}}'; \
                 or name an environment variable that holds it: --{name}='{{env.VARIABLE}}'"
            )));
        }
    }
    Ok(())
}

/// The configuration of a component as its flavor gets it: defaults filled in, secrets looked up.
///
/// # Errors
/// Its plugin cannot be used, or a secret is not there.
pub(super) fn revealed(
    context: &Context,
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
        let Some(value) = config.get(&field.name) else { continue };
        let Some(reference) = SecretReference::of(value) else {
            // A worker is told the values themselves.
            mask_from_now_on(value.as_str());
            continue;
        };
        let value = match reference {
            SecretReference::Secret(name) => named(context, component, name)?,
            SecretReference::Variable(name) => of_variable(component, &field.name, name)?,
        };
        config.insert(field.name.clone(), Value::from(value));
    }
    Ok(config)
}

/// The secrets that the configuration of a component names: it may ask the host for these, and for no others.
///
/// # Errors
/// A secret is not there.
pub(super) fn of_component(
    context: &Context,
    component: &Component,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut secrets = BTreeMap::new();
    for value in component.config.values() {
        if let Some(SecretReference::Secret(name)) = SecretReference::of(value) {
            secrets.insert(name.to_owned(), named(context, component, name)?);
        }
    }
    Ok(secrets)
}

fn named(context: &Context, component: &Component, name: &str) -> Result<String, Failure> {
    let found = by_name(context, [name])?;
    found.into_values().next().ok_or_else(|| {
        let (kind, component) = (component.kind, &component.name);
        Failure::new(format!("{kind} `{component}` needs the secret `{name}`, which is not set"))
            .hint(format!("`sundae secret set {name}` sets it"))
    })
}

fn of_variable(component: &Component, field: &str, name: &str) -> Result<String, Failure> {
    let Ok(value) = std::env::var(name) else {
        let (kind, component) = (component.kind, &component.name);
        return Err(Failure::new(format!(
            "the secret `{field}` of {kind} `{component}` is in the environment variable {name}, which is not set"
        ))
        .hint(format!("set {name} and try again")));
    };
    mask_from_now_on([value.as_str()]);
    Ok(value)
}

/// The secrets of these names, as far as they are set. From now on, none of them is shown.
///
/// # Errors
/// The key is missing or another one, or a secret is damaged.
pub(super) fn by_name<'n>(
    context: &Context,
    names: impl IntoIterator<Item = &'n str>,
) -> Result<BTreeMap<String, String>, Failure> {
    let names: BTreeSet<&str> = names.into_iter().collect();
    let mut secrets = BTreeMap::new();
    let mut key = None;
    for name in names {
        let Some(sealed) = context.database()?.sealed_secret(name)? else { continue };
        if key.is_none() {
            key = Some(Key::find(&context.home.secret_key())?);
        }
        let Some(key) = &key else { continue };
        let value = open(key, name, &sealed).map_err(|why| {
            Failure::new(format!("the secret `{name}` cannot be read: {why}"))
                .hint(format!("bring its key back, or set it anew: `sundae secret set {name}`"))
        })?;
        secrets.insert(name.to_owned(), value.to_string());
    }
    mask_from_now_on(secrets.values().map(String::as_str));
    Ok(secrets)
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let failure = Self::new(format!("secrets cannot be read: {error}"));
        match &error {
            KeyError::Open(path) => {
                failure.hint(format!("`chmod 600 {}` keeps others out", path.display()))
            }
            KeyError::BadVariable => failure
                .hint("unset it to use the key file, or make a key with `openssl rand -hex 32`"),
            KeyError::BadFile(_) => failure.hint("bring it back from a copy; or, if there is none, remove it"),
            KeyError::Absent(_) => failure.hint(format!(
                "bring it back from a copy, or set {VARIABLE}; if it is lost, so are they: `sundae secret delete NAME --force` \
                 removes them, and the next `sundae secret set` makes a new key"
            )),
            KeyError::Io { .. } => failure,
        }
    }
}
