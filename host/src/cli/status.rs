//! `sundae status`

use clap::Args;

use super::Failure;
use super::context::Context;
use super::table::{cell, key_values, table};
use crate::metadata::WORKSPACE;
use crate::view::{ActiveNameView, ComponentView, FlavorView, PlaceView, ProjectView, StatusView};

/// Show what commands given here work with
///
/// The local database, the project, the active stack and who says so, the folders in which plugins are looked for; and what does
/// not work, with the reason.
///
/// Example: sundae status
#[derive(Debug, Args)]
pub(crate) struct Status {}

impl Status {
    #[expect(clippy::unused_self, reason = "as the other commands do")]
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let mut status = StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            home: context.home.folder.display().to_string(),
            database: context.home.database().display().to_string(),
            workspace: WORKSPACE.to_owned(),
            project: None,
            active_stack: None,
            plugin_folders: Vec::new(),
            problems: Vec::new(),
        };
        // What can be told is told, also where the rest cannot.
        let failed = fill(&mut status, context).err();
        if context.wants_json() {
            context.ui.json(&status)?;
        } else {
            context.ui.data(text(&status))?;
        }
        failed.map_or(Ok(()), Err)
    }
}

fn fill(status: &mut StatusView, context: &Context) -> Result<(), Failure> {
    status.project = context.project()?.map(|project| ProjectView {
        name: project.name.clone(),
        file: project.file().display().to_string(),
        stack: project.stack.clone(),
    });
    context.database()?;
    match context.active_stack() {
        Ok(active) => {
            let (name, id) = (active.stack.name.clone(), active.stack.id.clone());
            let scope = active.scope.word().to_owned();
            status.active_stack = Some(ActiveNameView { name, id, scope });
        }
        Err(failure) => status.problems.push(failure.message),
    }
    let catalog = context.catalog()?;
    let places = context.places()?;
    status.plugin_folders = places.iter().map(|place| PlaceView::new(place, catalog)).collect();
    for component in context.database()?.components(None)? {
        let view = ComponentView::new(&component, catalog, false);
        if let Some(reason) = view.reason {
            let (kind, name, state) = (view.kind, view.name, view.state);
            status.problems.push(format!("{kind} `{name}` is {state}: {reason}"));
        }
    }
    let flavors = FlavorView::all(catalog);
    let unusable = |flavor: &&FlavorView| !matches!(&*flavor.state, "available" | "shadowed");
    for flavor in flavors.iter().filter(unusable) {
        let reason = flavor.reason.as_deref().unwrap_or("unknown");
        status.problems.push(format!("{} is {}: {reason}", flavor.path, flavor.state));
    }
    // A plugin of several flavors has one problem.
    status.problems.dedup();
    Ok(())
}

fn text(status: &StatusView) -> String {
    let none = || "none".to_owned();
    let project = status.project.as_ref();
    let project = project.map(|project| format!("{} ({})", project.name, project.file));
    let active = status.active_stack.as_ref();
    let active = active.map(|active| format!("{} ({})", active.name, active.scope));
    let facts = [
        ("version", status.version.clone()),
        ("home", status.home.clone()),
        ("database", status.database.clone()),
        ("workspace", status.workspace.clone()),
        ("project", project.unwrap_or_else(none)),
        ("active stack", active.unwrap_or_else(none)),
    ];
    let mut text = key_values(&facts);
    if !status.plugin_folders.is_empty() {
        let headings = ["FOLDER", "ORIGIN", "PLUGINS"].map(str::to_owned);
        let rows: Vec<_> = status.plugin_folders.iter().map(row).collect();
        text.push_str(
            "\n\nPlugins are looked for in these folders; the first that has a flavor wins:\n",
        );
        text.push_str(&table(&headings, &rows));
    }
    if !status.problems.is_empty() {
        text.push_str("\n\nProblems:");
        for problem in &status.problems {
            text.push_str(&format!("\n  {problem}"));
        }
    }
    text
}

fn row(place: &PlaceView) -> Vec<String> {
    let plugins =
        if place.exists { cell("", &place.plugins.into()) } else { "no such folder".to_owned() };
    vec![place.folder.clone(), place.origin.clone(), plugins]
}
