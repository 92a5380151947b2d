//! `sundae stack import`

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Map;

use super::document::{Document, Member};
use super::members;
use super::register::check_name_is_free;
use super::show_json;
use crate::cli::Failure;
use crate::cli::component::{check_configured, check_drafted, forget_draft};
use crate::cli::context::Context;
use crate::metadata::NewComponent;
use crate::stack::{Component, check_name};

/// Register the stack in a file, with its components
///
/// Components that are registered already with the same flavor and configuration are used as they are. A component whose name
/// is taken by a different one is refused, unless `--prefix` gives it another name. All is registered, or nothing.
///
/// Example: sundae stack import stack.toml --name imported
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// A file that `sundae stack export` wrote; `-` reads it from stdin
    file: PathBuf,

    /// Register the stack under this name
    #[arg(long)]
    name: Option<String>,

    /// Put this in front of the names of components that are taken by different ones
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
}

/// What a stack needs, sorted by whether it is there.
#[derive(Default)]
struct Sorted {
    /// All of its components.
    components: Vec<Component>,
    /// Those that are not registered yet.
    new: Vec<Component>,
}

impl Import {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let document = Document::from_toml(&self.text(context)?, &self.file)?;
        let name = self.name.as_ref().unwrap_or(&document.name);
        check_name_is_free(context, name).map_err(|failure| match self.name {
            Some(_) => failure,
            None => failure.hint("register it under another name: --name NAME"),
        })?;
        let sorted = self.sorted(context, &document.components)?;
        let checked = sorted
            .new
            .iter()
            .try_for_each(|draft| {
                check_configured(context, draft).and_then(|()| check_drafted(context, draft))
            })
            .and_then(|()| members::check(context, &sorted.components))
            .and_then(|()| {
                Ok(context.database()?.import_stack(name, &sorted.components, &sorted.new)?)
            });
        let stack = checked.inspect_err(|_| {
            sorted.new.iter().for_each(|draft| forget_draft(context, draft));
        })?;
        context.say_where()?;
        for component in &sorted.components {
            let is_new = sorted.new.iter().any(|new| new.id == component.id);
            let done = if is_new { "Registered" } else { "Used the registered" };
            context.ui.say(format_args!("{done} {} `{}`.", component.kind, component.name));
        }
        context.ui.say(format_args!("Stack '{}' successfully imported!", stack.name));
        show_json(context, &stack)
    }

    fn text(&self, context: &Context) -> Result<String, Failure> {
        let read = if self.file == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(context.absolute(&self.file))
        };
        read.map_err(|error| Failure::new(format!("cannot read {}: {error}", self.file.display())))
    }

    /// Finds out which components are there, and which names are taken by others.
    fn sorted(&self, context: &Context, members: &[Member]) -> Result<Sorted, Failure> {
        let mut sorted = Sorted::default();
        let mut taken = Vec::new();
        for member in members {
            check_name(&member.name)?;
            let registered = context.components(member.kind)?;
            let prefixed = self.prefix.iter().map(|prefix| format!("{prefix}{}", member.name));
            let place = std::iter::once(member.name.clone()).chain(prefixed).find_map(|name| {
                match registered.iter().find(|component| component.name == name) {
                    None => Some(Err(name)),
                    Some(same) if member.is(same) => Some(Ok(same.clone())),
                    Some(_) => None,
                }
            });
            match place {
                Some(Ok(same)) => sorted.components.push(same),
                Some(Err(name)) => {
                    check_name(&name)?;
                    let draft = member.drafted(&name);
                    sorted.components.push(draft.clone());
                    sorted.new.push(draft);
                }
                None => taken.push(format!("{} `{}`", member.kind, member.name)),
            }
        }
        if taken.is_empty() {
            return Ok(sorted);
        }
        Err(Failure::new(format!(
            "there are other components of the same name, with another flavor or configuration: {}",
            taken.join(", ")
        ))
        .hint("register them under other names: --prefix TEXT"))
    }
}

impl Member {
    /// Whether a registered component is the same but for its id.
    fn is(&self, component: &Component) -> bool {
        component.flavor == self.flavor
            && component.plugin == self.plugin
            && component.config == self.config
    }

    fn drafted(&self, name: &str) -> Component {
        let config: &Map<_, _> = &self.config;
        NewComponent { kind: self.kind, name, flavor: &self.flavor, plugin: &self.plugin, config }
            .drafted()
    }
}
