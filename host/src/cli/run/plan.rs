//! `sundae run --dry-run`: what a run would do.

use anstyle::Style;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::ui::{BAD, DIM, GOOD, WARNING, styled};
use crate::engine::explain::in_short;
use crate::engine::prospect::{Prospect, prospects};
use crate::pipeline::{Pipeline, Step};
use crate::stack::Stack;
use crate::view::{PlanRow, Would};
use sundae_plugin_api::ComponentKind;

use super::check_resources;
use super::data::Looking;
use super::display::cached;
use super::workshop::{member, secrets_of};

/// What would become of each step on a stack.
///
/// # Errors
/// The artifact store cannot be opened or asked.
pub(super) fn look_ahead<'a>(
    context: &Context,
    pipeline: &'a Pipeline,
    stack: &Stack,
    use_cache: bool,
) -> Result<Vec<(&'a Step, Prospect)>, Failure> {
    let loader = context.loader()?;
    let component = member(stack, ComponentKind::ArtifactStore)?;
    let store = context.open_artifact_store(&loader, component)?;
    let database = context.database()?;
    let root = context.project()?.map(|project| project.root.clone());
    let history = database.history(&pipeline.name, root.as_deref(), None);
    let staging = tempfile::tempdir()
        .map_err(|error| Failure::new(format!("cannot make a temporary folder: {error}")))?;
    let (store_id, staging) = (component.id.as_str(), staging.path());
    let looking = Looking { store: &*store, store_id, staging, known: database };
    let data = looking.at_all(pipeline)?;
    prospects(pipeline, &data, &*store, use_cache, &history, database).map_err(Failure::new)
}

/// Refuses what a run would refuse before it begins: too little of a resource, secrets that are not set.
///
/// # Errors
/// Which, and what to do.
pub(super) fn check(context: &Context, pipeline: &Pipeline, stack: &Stack) -> Result<(), Failure> {
    secrets_of(context, pipeline)?;
    let component = member(stack, ComponentKind::Orchestrator)?;
    let orchestrator = context.open_orchestrator(&context.loader()?, component)?;
    check_resources(pipeline, &component.name, &orchestrator.capabilities())
}

/// What would become of each step, as it is shown.
pub(super) fn rows(prospects: Vec<(&Step, Prospect)>) -> Vec<PlanRow> {
    let rows = prospects.into_iter();
    rows.map(|(step, prospect)| PlanRow::new(&step.name, prospect)).collect()
}

/// Shows the plan; `explain`: with every reason, and when what is cached was made.
///
/// # Errors
/// It cannot be written.
pub(super) fn show(
    context: &Context,
    stack: &Stack,
    pipeline: &Pipeline,
    prospects: Vec<(&Step, Prospect)>,
    explain: bool,
) -> Result<(), Failure> {
    let rows = rows(prospects);
    if context.wants_json() {
        return context.ui.json(&rows);
    }
    let width = rows.iter().map(|row| row.step.len()).max().unwrap_or(0);
    let lines: Vec<_> = rows.iter().map(|row| line(row, width, explain)).collect();
    context.ui.data(lines.join("\n"))?;
    context.ui.say(format_args!(
        "Nothing was run. Pipeline `{}` on stack `{}`: {}",
        pipeline.name,
        stack.name,
        counts(&rows)
    ));
    Ok(())
}

fn line(row: &PlanRow, width: usize, explain: bool) -> String {
    let (style, what) = words(row, explain);
    let start = format!("{:width$}  {}", row.step, styled(style, what));
    let indent = " ".repeat(width + 2);
    match row.reasons.as_slice() {
        [] => start,
        reasons if explain => {
            let more = reasons.iter().map(|reason| format!("\n{indent}- {reason}"));
            start + &more.collect::<String>()
        }
        reasons => format!("{start}: {}", in_short(reasons)),
    }
}

fn words(row: &PlanRow, explain: bool) -> (Style, String) {
    match row.would {
        Would::BeCached => {
            let from = row.cached_from.as_deref().unwrap_or_default();
            (DIM, cached(from, row.made.filter(|_| explain)))
        }
        Would::Run => (GOOD, "would run".to_owned()),
        Would::Depend => {
            (WARNING, format!("depends on what {} will make", quoted(&row.depends_on)))
        }
        Would::LackInputs => (BAD, format!("lacks what {} should make", quoted(&row.depends_on))),
        Would::BeMissing => (BAD, "is needed, and not known".to_owned()),
        Would::Fail => (BAD, "would fail".to_owned()),
        Would::BeSkipped => (DIM, "would be skipped".to_owned()),
        Would::RunOnFailure => (DIM, "would run if something failed".to_owned()),
        Would::RunAlways => (GOOD, "would run, whatever happens".to_owned()),
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn counts(rows: &[PlanRow]) -> String {
    let words: [(&[Would], &str, &str); 7] = [
        (&[Would::Run, Would::RunAlways], "would run", "would run"),
        (&[Would::BeCached], "is cached", "are cached"),
        (&[Would::Depend, Would::RunOnFailure], "depends on others", "depend on others"),
        (&[Would::LackInputs], "lacks inputs", "lack inputs"),
        (&[Would::BeSkipped], "would be skipped", "would be skipped"),
        (&[Would::BeMissing], "is not known", "are not known"),
        (&[Would::Fail], "would fail", "would fail"),
    ];
    let counted = words.iter().filter_map(|(which, one, several)| {
        match rows.iter().filter(|row| which.contains(&row.would)).count() {
            0 => None,
            1 => Some(format!("1 {one}")),
            number => Some(format!("{number} {several}")),
        }
    });
    counted.collect::<Vec<_>>().join(", ")
}
