//! `sundae KIND update`

use clap::{ArgMatches, Args};
use sundae_plugin_api::ComponentKind;

use super::config::{check_drafted, configured};
use super::fields::{SetArgs, nothing_given};
use super::show_json;
use crate::cli::Failure;
use crate::cli::context::{Context, wanted};
use crate::stack::{Component, is_default_component};

/// Change the configuration of a component
///
/// The fields of its flavor are options, as they are of `register`; what is not given stays as it is.
///
/// Example: sundae KIND update my_component --set FIELD=VALUE
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Name, id or start of the id
    name: String,

    #[command(flatten)]
    set: SetArgs,
}

impl Update {
    pub(super) fn run(
        &self,
        kind: ComponentKind,
        words: &ArgMatches,
        context: &Context,
    ) -> Result<(), Failure> {
        let component = context.component(kind, &self.name)?;
        check_may_change(&component)?;
        let flavor = context.loader()?.find(&wanted(&component, &component.config))?;
        let (schema, full_name) = (flavor.schema(), flavor.identity.full_name());
        let settings = self.set.settings(words, schema);
        if settings.is_empty() {
            return Err(nothing_given(schema));
        }
        let config = configured(context, &full_name, schema, &settings, &component.config)?;
        check_drafted(context, &Component { config: config.clone(), ..component.clone() })?;
        let updated = context.database()?.set_component_config(&component, &config)?;
        context.say_where()?;
        context.ui.say(format_args!("Successfully updated {kind} `{}`.", updated.name));
        show_json(context, &updated)
    }
}

/// The components that exist from the start stay as they are.
///
/// # Errors
/// It is one of them.
pub(super) fn check_may_change(component: &Component) -> Result<(), Failure> {
    if !is_default_component(component) {
        return Ok(());
    }
    let kind = component.kind;
    Err(Failure::new(format!(
        "the default {kind} stays as it is, so that there is always a stack to run on"
    ))
    .hint(format!("register one of your own: `sundae {kind} register NAME --flavor=F`")))
}
