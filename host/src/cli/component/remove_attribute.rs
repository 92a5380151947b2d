//! `sundae KIND remove-attribute`

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::config::{check, check_drafted};
use super::show_json;
use super::update::check_may_change;
use crate::cli::Failure;
use crate::cli::context::{Context, wanted};
use crate::nearest::suggestion;
use crate::stack::Component;

/// Take fields out of the configuration of a component
///
/// Each then has its default again.
///
/// Example: sundae KIND remove-attribute my_component FIELD
#[derive(Debug, Args)]
pub(crate) struct RemoveAttribute {
    /// Name, id or start of the id
    name: String,

    /// The fields; `-` and `_` are the same
    #[arg(required = true)]
    fields: Vec<String>,
}

impl RemoveAttribute {
    pub(super) fn run(&self, kind: ComponentKind, context: &Context) -> Result<(), Failure> {
        let component = context.component(kind, &self.name)?;
        check_may_change(&component)?;
        let mut config = component.config.clone();
        for field in &self.fields {
            let name = field.trim_start_matches('-').replace('-', "_");
            let Some(key) = config.keys().find(|key| key.replace('-', "_") == name).cloned() else {
                let given = suggestion(field, "given are", config.keys().map(String::as_str));
                let message = format!("{kind} `{}` was not given `{field}`", component.name);
                return Err(Failure::new(message).hint_if_any(given));
            };
            config.remove(&key);
        }
        let flavor = context.loader()?.find(&wanted(&component, &config))?;
        check(&flavor.identity.full_name(), flavor.schema(), &config)?;
        check_drafted(context, &Component { config: config.clone(), ..component.clone() })?;
        let updated = context.database()?.set_component_config(&component, &config)?;
        context.say_where()?;
        context.ui.say(format_args!("Successfully updated {kind} `{}`.", updated.name));
        show_json(context, &updated)
    }
}
