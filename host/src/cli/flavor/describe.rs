//! `sundae flavor describe`

use clap::Args;

use super::super::table::{cell, key_values, value};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::nearest::suggestion;
use crate::plugin::{Catalog, Flavor};
use crate::view::{FieldView, FlavorView};

/// Describe a flavor: its plugin, and the fields of its configuration
///
/// Example: sundae flavor describe artifact-store/local
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// The flavor; the kind may be left out where only one kind has a flavor of this name
    #[arg(value_name = "KIND/NAME")]
    flavor: String,
}

impl Describe {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        show(context, &find(context.catalog()?, &self.flavor)?)
    }
}

/// The flavor that `KIND/NAME`, or `NAME` alone, means.
///
/// # Errors
/// There is none, or there are several.
pub(super) fn find<'a>(catalog: &'a Catalog, text: &str) -> Result<Flavor<'a>, Failure> {
    if let Some((kind, name)) = text.split_once('/')
        && let Some(flavor) = catalog.flavor(&kind.replace('_', "-"), name)
    {
        return Ok(flavor);
    }
    let flavors = catalog.flavors();
    let mut all: Vec<_> = flavors.iter().map(|flavor| flavor.identity.full_name()).collect();
    all.sort();
    all.dedup();
    let named: Vec<_> = flavors.iter().filter(|flavor| flavor.identity.name == text).collect();
    let mut kinds: Vec<_> = named.iter().map(|flavor| flavor.identity.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    match kinds.as_slice() {
        [kind] => catalog.flavor(kind, text).ok_or_else(|| unknown(text, &all)),
        [] => Err(unknown(text, &all)),
        several => {
            let names: Vec<_> = several.iter().map(|kind| format!("{kind}/{text}")).collect();
            Err(Failure::new(format!("several kinds have a flavor `{text}`"))
                .hint(format!("say which: {}", names.join(", "))))
        }
    }
}

fn unknown(text: &str, all: &[String]) -> Failure {
    let names = all.iter().map(String::as_str);
    Failure::plugin(format!("there is no flavor `{text}`")).hint_if_any(
        suggestion(text, "installed", names).or_else(|| {
            Some(
                "no plugin is installed; `sundae status` shows where they are looked for"
                    .to_owned(),
            )
        }),
    )
}

/// Shows everything about a flavor.
///
/// # Errors
/// stdout cannot be written.
pub(in crate::cli) fn show(context: &Context, flavor: &Flavor<'_>) -> Result<(), Failure> {
    let view = FlavorView::new(flavor);
    if context.wants_json() {
        return context.ui.json(&view);
    }
    context.ui.data(text(&view, &flavor.identity.full_name()))
}

fn text(view: &FlavorView, full_name: &str) -> String {
    let mut facts = vec![
        ("plugin", joined([&view.plugin, &view.version])),
        ("state", view.state.clone()),
        ("reason", view.reason.clone().unwrap_or_default()),
        ("interfaces", view.interfaces.join(", ")),
        ("library", format!("{} ({})", view.path, view.origin)),
        ("licence", view.license.clone().unwrap_or_default()),
        ("homepage", view.homepage.clone().unwrap_or_default()),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    let summary = view.summary.as_deref().map_or(String::new(), |text| format!(": {text}"));
    let fields = match view.config.as_slice() {
        [] => "It has nothing to configure.".to_owned(),
        fields => {
            format!("Fields of its configuration:{}", fields.iter().map(field).collect::<String>())
        }
    };
    format!(
        "{full_name}{summary}\n\n{}\n\n{fields}\n\nTo register a component of it:\n\n  {}",
        key_values(&facts),
        example(view)
    )
}

fn joined(texts: [&Option<String>; 2]) -> String {
    texts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// A field with what it wants, and its help below.
fn field(field: &FieldView) -> String {
    let mut wants = vec![if field.choices.is_empty() {
        cell("", &serde_json::to_value(field.field_type).unwrap_or_default())
    } else {
        field.choices.join(" | ")
    }];
    wants.extend(field.required.then(|| "required".to_owned()));
    wants.extend(field.secret.then(|| "secret".to_owned()));
    wants.extend(match &field.default {
        Some(_) if field.secret => None,
        default => default.as_ref().map(|default| format!("default: {}", value(default))),
    });
    let help = if field.help.is_empty() { String::new() } else { format!("\n    {}", field.help) };
    format!("\n\n  {} ({}){help}", field.name, wants.join(", "))
}

/// A command that registers a component of the flavor, with a place for each field that must be given.
fn example(view: &FlavorView) -> String {
    let (kind, name) = (view.kind.as_deref().unwrap_or("KIND"), view.flavor.as_deref());
    let fields = view.config.iter().filter(|field| field.required).map(|field| {
        let value = if field.secret { "'{env.VARIABLE}'" } else { "…" };
        format!(" --{}={value}", field.name.replace('_', "-"))
    });
    format!(
        "sundae {kind} register my_{} --flavor={}{}",
        kind.replace('-', "_"),
        name.unwrap_or("NAME"),
        fields.collect::<String>()
    )
}
