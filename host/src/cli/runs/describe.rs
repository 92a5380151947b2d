//! `sundae runs describe`

use clap::Args;

use super::{database, find_run, or_a_step, step, the_step_or_item, view_of, word};
use crate::cli::context::Context;
use crate::cli::table::{cell, duration, key_values, number, short_digest, size, table, time};
use crate::cli::ui::{BAD, WARNING, styled};
use crate::cli::{Failure, quote};
use crate::engine::event::StepStatus;
use crate::view::{RunView, StepDetail, StepView};

/// Describe a run: its params, its steps, what they produced; or one of its steps
///
/// A step that has items is described with how they ended; `STEP:0` is the first of them.
///
/// Example: sundae runs describe training-3 train
#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// A name, an id, or the start of an id; if left out, the latest run
    run: Option<String>,

    /// Only this step, with everything that is known of it
    step: Option<String>,
}

impl Describe {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let given = (self.run.as_deref(), self.step.as_deref());
        let run =
            find_run(context, given.0).map_err(|f| or_a_step(context, "describe", given, f))?;
        let steps = database(context)?.steps(&run.id)?;
        let data = database(context)?.data(&run.id)?;
        if let Some(name) = &self.step {
            let step = the_step_or_item(context, &run, &steps, name)?;
            let database = database(context)?;
            let parts = database.key_parts(&step.cache_key)?;
            let earlier = database.attempts(&run.id, name)?;
            let items = match step.items {
                Some(_) => database.items(&run.id, name)?,
                None => Vec::new(),
            };
            let of_items =
                database.key_parts(items.iter().filter_map(|item| item.cache_key.as_ref()))?;
            let detail = StepDetail::new(&run, &step, &data, &steps)
                .with(parts.values().next(), &earlier)
                .with_items(&items, &of_items);
            return match context.wants_json() {
                true => context.ui.json(&detail),
                false => context.ui.data(step::text_of(&detail)),
            };
        }
        let view = view_of(database(context)?, &run)?;
        if context.wants_json() {
            return context.ui.json(&view);
        }
        context.ui.data(text_of(&view))
    }
}

fn text_of(run: &RunView) -> String {
    let mut text = key_values(&head(run));
    text.push('\n');
    text.push_str(&steps_table(&run.steps));
    for step in run.steps.iter().filter(|step| step.status == StepStatus::Failed) {
        let reason = step.reason.as_deref().unwrap_or("it is not known why");
        let what = styled(BAD, format!("failed: {reason}"));
        let tail = step.log_tail.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "\n{}: {what}{}",
            step.name,
            quote::log_tail(tail, &run.name, &step.name)
        ));
    }
    text.push_str(&skipped(&run.steps));
    for step in run.steps.iter().filter(|step| !step.notes.is_empty()) {
        let notes: String = step.notes.iter().map(|note| format!("\n  {note}")).collect();
        text.push_str(&format!("\n{} noted:{notes}", step.name));
    }
    for warning in &run.warnings {
        text.push_str(&format!("\n{} {warning}", styled(WARNING, "warning:")));
    }
    text
}

/// Why steps were skipped: the first of them, for there may be many.
fn skipped(steps: &[StepView]) -> String {
    const SHOWN: usize = 10;
    let mut skipped = steps.iter().filter(|step| step.status == StepStatus::Skipped);
    let mut text = String::new();
    for step in skipped.by_ref().take(SHOWN) {
        let reason = step.reason.as_deref().unwrap_or("it is not known why");
        text.push_str(&format!("\n{}: skipped, because {reason}", step.name));
    }
    match skipped.count() {
        0 => text,
        more => text + &format!("\nand {more} more were skipped"),
    }
}

fn head(run: &RunView) -> Vec<(&'static str, String)> {
    let components =
        run.components.iter().map(|(kind, names)| format!("{kind} {}", names.join(", ")));
    let stack = format!("{} ({})", run.stack, components.collect::<Vec<_>>().join("; "));
    let status = match &run.reason {
        Some(reason) => format!("{}: {reason}", word(run.status)),
        None => word(run.status),
    };
    let params = run.params.iter().map(|(name, value)| format!("{name}={}", cell("", value)));
    let mut facts = vec![
        ("run", run.name.clone()),
        ("id", run.id.clone()),
        ("pipeline", run.pipeline.clone()),
        ("stack", stack),
        ("status", status),
        ("started", time(&run.started)),
    ];
    facts.extend(run.duration_ms.map(|ms| ("duration", duration(ms))));
    match run.resumed {
        0 => {}
        1 => facts.push(("resumed", "once".to_owned())),
        times => facts.push(("resumed", format!("{times} times"))),
    }
    facts.extend(run.project.clone().map(|root| ("project", root)));
    if !run.params.is_empty() {
        facts.push(("params", params.collect::<Vec<_>>().join(", ")));
    }
    if !run.data.is_empty() {
        let data = run.data.iter().map(|(name, data)| {
            format!("{name} ({}, {}, {})", data.kind, size(data.size), short_digest(&data.digest))
        });
        facts.push(("data", data.collect::<Vec<_>>().join(", ")));
    }
    facts
}

/// A heading, and what stands below it for a step.
type Column = (&'static str, fn(&StepView) -> String);

fn steps_table(steps: &[StepView]) -> String {
    let any = |has: fn(&StepView) -> bool| steps.iter().any(has);
    let mut columns: Vec<Column> = vec![
        ("STEP", |step| step.name.clone()),
        ("STATUS", |step| word(step.status)),
        ("DURATION", |step| step.duration_ms.map(duration).unwrap_or_default()),
    ];
    if any(|step| step.items.is_some()) {
        columns
            .push(("ITEMS", |step| step.items.map(|items| items.to_string()).unwrap_or_default()));
    }
    if any(|step| step.cached_from.is_some()) {
        columns.push(("CACHED_FROM", |step| step.cached_from.clone().unwrap_or_default()));
    }
    if any(|step| !step.outputs.is_empty()) {
        columns.push(("OUTPUTS", outputs_of));
    }
    if any(|step| !step.metrics.is_empty()) {
        columns.push(("METRICS", metrics_of));
    }
    let headings: Vec<_> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let row = |step: &StepView| columns.iter().map(|(_, text_of)| text_of(step)).collect();
    table(&headings, &steps.iter().map(row).collect::<Vec<Vec<_>>>())
}

fn outputs_of(step: &StepView) -> String {
    let outputs = step.outputs.iter();
    let lines =
        outputs.map(|(name, output)| format!("{name} ({}, {})", output.kind, size(output.size)));
    lines.collect::<Vec<_>>().join("\n")
}

fn metrics_of(step: &StepView) -> String {
    let lines = step.metrics.iter().map(|(name, value)| format!("{name} {}", number(*value)));
    lines.collect::<Vec<_>>().join("\n")
}
