//! From what is given for a component to a configuration that its flavor accepts. Nothing is stored before that is known.

use serde_json::{Map, Value};
use sundae_plugin_api::{ComponentKind, ConfigProblem, ConfigSchema};

use crate::cli::Failure;
use crate::cli::context::{Context, wanted};
use crate::cli::reveal;
use crate::metadata::MetadataError;
use crate::nearest::suggestion;
use crate::plugin::Flavor;
use crate::stack::{Component, SecretReference, Setting, settings_from};

/// The flavor of a kind that is called so: `local`, or `artifact-store/local`.
///
/// # Errors
/// Nothing that is installed has it.
pub(super) fn installed<'a>(
    context: &'a Context,
    kind: ComponentKind,
    name: &str,
) -> Result<Flavor<'a>, Failure> {
    let catalog = context.catalog()?;
    let short = name.strip_prefix(kind.as_str()).and_then(|rest| rest.strip_prefix('/'));
    let short = short.unwrap_or(name);
    if let Some(flavor) = catalog.flavor(kind.as_str(), short) {
        return Ok(flavor);
    }
    let flavors = catalog.flavors();
    let of_kind = flavors.iter().filter(|flavor| flavor.identity.kind == kind.as_str());
    let names: Vec<_> = of_kind.map(|flavor| flavor.identity.name.as_str()).collect();
    let known = suggestion(short, "installed", names.iter().copied())
        .unwrap_or_else(|| format!("no plugin that is installed has a flavor of kind {kind}"));
    Err(Failure::plugin(format!("there is no flavor {kind}/{short}"))
        .hint(format!("{known}; `sundae status` shows where plugins are looked for")))
}

/// The configuration that settings make of the one before, checked by the schema of the flavor.
///
/// # Errors
/// A field that there is not, values of the wrong type, secrets that are written out, required fields that are missing.
pub(super) fn configured(
    context: &Context,
    full_name: &str,
    schema: &ConfigSchema,
    settings: &[Setting],
    before: &Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    let config = settings_from(settings, schema, before, &context.folder).map_err(|error| {
        let hint = error.suggestion.clone();
        Failure::usage(said(full_name, &error.problem)).hint_if_any(hint)
    })?;
    reveal::check_not_written_out(&config, schema)?;
    check(full_name, schema, &config)?;
    Ok(config)
}

/// Checks a whole configuration by the schema of its flavor.
///
/// # Errors
/// Everything that is wrong, at once.
pub(super) fn check(
    full_name: &str,
    schema: &ConfigSchema,
    config: &Map<String, Value>,
) -> Result<(), Failure> {
    let Err(problems) = schema.check(config) else { return Ok(()) };
    let problems: Vec<_> = problems.iter().map(|problem| said(full_name, problem)).collect();
    let message = match problems.as_slice() {
        [problem] => problem.clone(),
        several => format!(
            "the configuration does not suit the flavor {full_name}:\n  {}",
            several.join("\n  ")
        ),
    };
    Err(Failure::usage(message)
        .hint(format!("`sundae flavor describe {full_name}` shows all its fields")))
}

fn said(full_name: &str, problem: &ConfigProblem) -> String {
    match problem {
        ConfigProblem::Unknown { field } => no_such_field(full_name, field),
        other => other.to_string(),
    }
}

/// That a flavor has no field of that name, in words.
pub(super) fn no_such_field(full_name: &str, field: &str) -> String {
    format!("the flavor {full_name} has no field `{field}`")
}

/// Checks the configuration of a component that is not registered yet, as if it had been given on the command line.
///
/// # Errors
/// As [`configured`], or its plugin cannot be used.
pub(in crate::cli) fn check_configured(
    context: &Context,
    component: &Component,
) -> Result<(), Failure> {
    let loader = context.loader()?;
    let flavor = loader.find(&wanted(component, &component.config))?;
    let named = |failure: Failure| Failure {
        message: format!("{} `{}`: {}", component.kind, component.name, failure.message),
        ..failure
    };
    reveal::check_not_written_out(&component.config, flavor.schema()).map_err(named)?;
    check(&flavor.identity.full_name(), flavor.schema(), &component.config).map_err(named)
}

/// Checks whether the flavor accepts a component that is not registered yet.
///
/// # Errors
/// It does not, or its plugin cannot be used.
pub(in crate::cli) fn check_drafted(
    context: &Context,
    component: &Component,
) -> Result<(), Failure> {
    let loader = context.loader()?;
    let flavor = loader.find(&wanted(component, &component.config))?;
    for field in flavor.schema().fields.iter().filter(|field| field.secret) {
        let reference = component.config.get(&field.name).and_then(SecretReference::of);
        let Some(unset) =
            reference.map(|reference| unset(context, reference)).transpose()?.flatten()
        else {
            continue;
        };
        context.ui.warn(format_args!(
            "the secret `{}` is {unset}: whether the flavor accepts the configuration will be seen when it is used",
            field.name
        ));
        return Ok(());
    }
    context.check_component(component)
}

/// Where the value of a reference is, if it is not there.
fn unset(context: &Context, reference: SecretReference<'_>) -> Result<Option<String>, Failure> {
    Ok(match reference {
        SecretReference::Variable(name) if std::env::var_os(name).is_none() => {
            Some(format!("in the environment variable {name}, which is not set here"))
        }
        SecretReference::Secret(name) if context.database()?.sealed_secret(name)?.is_none() => {
            Some(format!("`{{secret.{name}}}`, which is not set yet (`sundae secret set {name}`)"))
        }
        _ => None,
    })
}

/// Checks whether a component can get this name.
///
/// # Errors
/// Another one has it.
pub(in crate::cli) fn check_name_is_free(
    context: &Context,
    kind: ComponentKind,
    name: &str,
) -> Result<(), Failure> {
    crate::stack::check_name(name)?;
    match context.components(kind)?.iter().any(|component| component.name == name) {
        true => Err(MetadataError::component_name_taken(kind, name).into()),
        false => Ok(()),
    }
}

/// Removes what a draft may have made when it was tried: nobody will ever use it.
pub(in crate::cli) fn forget_draft(context: &Context, draft: &Component) {
    for folder in
        [context.home.component_data(&draft.id), context.home.component_scratch(&draft.id)]
    {
        // It may never have been made.
        drop(std::fs::remove_dir_all(folder));
    }
}
