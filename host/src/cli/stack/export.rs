//! `sundae stack export`

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use sundae_plugin_api::ComponentKind;

use super::document::Document;
use crate::cli::context::Context;
use crate::cli::{Failure, reveal};
use crate::stack::Stack;

/// Write a stack with its components to a file, from which another machine can import it
///
/// Secrets are not in it: where one is needed stands the name of the environment variable that holds it.
///
/// Example: sundae stack export a_new_local_stack stack.toml
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Name, id or start of the id [default: the active stack]
    name: Option<String>,

    /// The file; it must not exist yet [default: what is written goes to stdout]
    file: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let stack = match &self.name {
            Some(name) => context.stack(name)?,
            None => context.active_stack()?.stack,
        };
        check_secrets(context, &stack)?;
        let document = Document::of(&stack);
        let Some(file) = &self.file else {
            if context.wants_json() {
                return context.ui.json(&document);
            }
            return context.ui.data(document.to_toml()?.trim_end());
        };
        let text = document.to_toml()?;
        let path = context.absolute(file);
        let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
        opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
            let shown = file.display();
            match error.kind() {
                io::ErrorKind::AlreadyExists => Failure::new(format!("{shown} is there already"))
                    .hint("move it away, or name another file"),
                _ => Failure::new(format!("cannot write {shown}: {error}")),
            }
        })?;
        context.ui.say(format_args!(
            "Stack '{}' successfully exported to {}!",
            stack.name,
            file.display()
        ));
        if context.wants_json() { context.ui.json(&document) } else { Ok(()) }
    }
}

/// A field may have become a secret in a version of its plugin that came after the registration.
fn check_secrets(context: &Context, stack: &Stack) -> Result<(), Failure> {
    for component in &stack.components {
        let kind: ComponentKind = component.kind;
        let catalog = context.catalog()?;
        let flavor = catalog.flavor_of(&component.plugin, kind.as_str(), &component.flavor);
        if let Some(flavor) = flavor {
            reveal::check_not_written_out(&component.config, flavor.schema()).map_err(
                |failure| Failure {
                    message: format!("{kind} `{}`: {}", component.name, failure.message),
                    ..failure
                },
            )?;
        }
    }
    Ok(())
}
