//! `sundae flavor retry`

use std::path::Path;

use clap::Args;

use super::describe;
use crate::cli::context::Context;
use crate::cli::{Failure, exit_code};
use crate::plugin::{Catalog, Library, retry};
use crate::view::FlavorView;

/// Load the plugins in quarantine again, and let those out that behave
///
/// A plugin is put into quarantine when its first load went wrong. When its fault was not in the file (a library that it
/// needs, a variable that was not set), it can be tried again after that was mended. A file that has changed is tried again
/// by itself.
///
/// Example: sundae flavor retry artifact-store/local
#[derive(Debug, Args)]
pub(crate) struct Retry {
    /// Only the plugin of this flavor, or the library in this file [default: all that are in quarantine]
    #[arg(value_name = "KIND/NAME or FILE")]
    which: Option<String>,
}

impl Retry {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let catalog = context.catalog()?;
        let mut libraries = match &self.which {
            Some(which) => vec![library(context, catalog, which)?],
            None => catalog.libraries.iter().collect(),
        };
        libraries.retain(|library| library.quarantine.is_some());
        match &self.which {
            Some(which) if libraries.is_empty() => {
                context.ui.say(format_args!("`{which}` is not in quarantine."));
            }
            None if libraries.is_empty() => context.ui.say("No plugin is in quarantine."),
            _ => {}
        }
        let mut failed = 0;
        for library in &libraries {
            // All that is known of the place: earlier contents of the file may have been in quarantine, too.
            retry(context.database()?, Some(&library.path));
            failed += usize::from(!can_be_loaded(context, &library.path)?);
        }
        if context.wants_json() {
            show_json(context, &libraries)?;
        }
        if failed == 0 { Ok(()) } else { Err(Failure::silent(exit_code::PLUGIN)) }
    }
}

/// The library that a flavor's name or a path means.
fn library<'a>(
    context: &Context,
    catalog: &'a Catalog,
    which: &str,
) -> Result<&'a Library, Failure> {
    let path = context.absolute(which.as_ref());
    let canonical = path.canonicalize().ok();
    let is_it = |library: &&Library| {
        library.path == path
            || (canonical.is_some() && library.path.canonicalize().ok() == canonical)
    };
    match catalog.libraries.iter().find(is_it) {
        Some(library) => Ok(library),
        None => Ok(describe::find(catalog, which)?.library),
    }
}

/// Whether a library can be loaded now; tells either way.
fn can_be_loaded(context: &Context, path: &Path) -> Result<bool, Failure> {
    let shown = path.display();
    match context.loader()?.try_library(path) {
        Ok(()) => {
            context.ui.say(format_args!("{shown} can be loaded, and is out of quarantine."));
            Ok(true)
        }
        Err(error) => {
            context.ui.fail(&Failure::plugin(error.to_string()));
            Ok(false)
        }
    }
}

/// Writes what became of the libraries, flavor by flavor.
fn show_json(context: &Context, libraries: &[&Library]) -> Result<(), Failure> {
    let catalog = Catalog::read(&context.places()?, context.database()?);
    let mut flavors = FlavorView::all(&catalog);
    let paths: Vec<_> = libraries.iter().map(|one| one.path.display().to_string()).collect();
    flavors.retain(|flavor| paths.contains(&flavor.path));
    context.ui.json(&flavors)
}
