//! `sundae KIND register`

use clap::{ArgMatches, Args};
use serde_json::Map;
use sundae_plugin_api::ComponentKind;

use super::config::{check_drafted, check_name_is_free, configured, forget_draft, installed};
use super::fields::SetArgs;
use super::show_json;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::metadata::NewComponent;

/// Register a component
///
/// A component is a flavor with a name and a configuration. The fields of the configuration are options of this command once
/// it knows the flavor: `sundae KIND register --flavor=NAME --help` shows them, with what they are for. Relative paths start
/// from the current folder. Whether the flavor accepts the configuration is checked before anything is registered.
///
/// Example: sundae KIND register my_component --flavor=local
#[derive(Debug, Args)]
pub(crate) struct Register {
    /// The name, unique among the components of this kind
    name: String,

    /// The flavor; `sundae KIND flavor --list` shows those that are installed
    #[arg(long, short)]
    flavor: String,

    #[command(flatten)]
    set: SetArgs,
}

impl Register {
    pub(super) fn run(
        &self,
        kind: ComponentKind,
        words: &ArgMatches,
        context: &Context,
    ) -> Result<(), Failure> {
        check_name_is_free(context, kind, &self.name)?;
        let flavor = installed(context, kind, &self.flavor)?;
        let (schema, full_name) = (flavor.schema(), flavor.identity.full_name());
        let settings = self.set.settings(words, schema);
        let config = configured(context, &full_name, schema, &settings, &Map::new())?;
        let draft = NewComponent {
            kind,
            name: &self.name,
            flavor: &flavor.identity.name,
            plugin: &flavor.plugin.name,
            config: &config,
        }
        .drafted();
        let registered = check_drafted(context, &draft)
            .and_then(|()| Ok(context.database()?.insert_component(&draft)?))
            .inspect_err(|_| forget_draft(context, &draft))?;
        context.say_where()?;
        context.ui.say(format_args!("Successfully registered {kind} `{}`.", registered.name));
        let noun = kind.as_str().replace('-', " ");
        context.ui.say(format_args!(
            "To see the new {noun} that you just registered, just run:\n\n  sundae {kind} describe {}",
            registered.name
        ));
        show_json(context, &registered)
    }
}
