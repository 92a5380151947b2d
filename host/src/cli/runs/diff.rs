//! `sundae runs diff`

use super::{database, find_run, word};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::sections::{Line, Section, sections};
use crate::cli::table::{duration, number, short_digest, size, value};
use crate::cli::ui::{DIM, styled};
use crate::engine::event::StepStatus;
use crate::metadata::{RunFilter, RunRecord};
use crate::view::{
    Change, Content, MetricChange, OutputChange, RunDiff, RunFacts, StepPair, StepSide,
};
use clap::Args;
use serde_json::Value;

/// Show what differs between two runs
///
/// Params, code, inputs, environment, stack; outputs and metrics; how each step went. Without a name, the last two runs of the
/// same pipeline are compared; with one, that run and the one before it.
///
/// Example: sundae runs diff training-2 training-3
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// A name, an id, or the start of an id
    a: Option<String>,

    /// Another one
    b: Option<String>,
}

impl Diff {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let (a, b) = self.runs(context)?;
        let database = database(context)?;
        let (steps_a, steps_b) = (database.steps(&a.id)?, database.steps(&b.id)?);
        let steps = steps_a.iter().chain(&steps_b);
        let parts = database.key_parts(steps.filter_map(|step| step.cache_key.as_ref()))?;
        let diff = RunDiff::new(
            RunFacts { run: &a, steps: &steps_a, parts: &parts },
            RunFacts { run: &b, steps: &steps_b, parts: &parts },
        );
        if context.wants_json() {
            return context.ui.json(&diff);
        }
        context.ui.data(text_of(&diff))
    }

    /// The two runs, the earlier one first where only one was named or none.
    fn runs(&self, context: &Context) -> Result<(RunRecord, RunRecord), Failure> {
        if let (Some(a), Some(b)) = (&self.a, &self.b) {
            return Ok((find_run(context, Some(a))?, find_run(context, Some(b))?));
        }
        let later = find_run(context, self.a.as_deref())?;
        let wanted = RunFilter {
            pipeline: Some(&later.pipeline),
            before: Some(&later),
            limit: Some(1),
            ..RunFilter::default()
        };
        match database(context)?.runs(&wanted)?.pop() {
            Some(earlier) => Ok((earlier, later)),
            None => Err(Failure::new(format!(
                "`{}` is the first run of pipeline `{}`: there is none before it",
                later.name, later.pipeline
            ))
            .hint(format!("name another run: `sundae runs diff RUN {}`", later.name))),
        }
    }
}

fn text_of(diff: &RunDiff) -> String {
    let (a, b) = (&diff.a.name, &diff.b.name);
    let head = match diff.same {
        false => format!("{a} → {b}"),
        true => {
            format!("{a} and {b} do not differ: params, code, inputs and results are the same.")
        }
    };
    format!("{head}\n\n{}", sections(&groups(diff))).trim_end().to_owned()
}

/// What differs, by what it is.
fn groups(diff: &RunDiff) -> [Section; 13] {
    let lines = |changes: &[Change]| changes.iter().map(line).collect::<Vec<_>>();
    let mut run = Vec::new();
    if diff.a.pipeline != diff.b.pipeline {
        run.push(("pipeline".to_owned(), arrow(&diff.a.pipeline, &diff.b.pipeline)));
    }
    if diff.a.status != diff.b.status {
        run.push(("status".to_owned(), arrow(&word(diff.a.status), &word(diff.b.status))));
    }
    let unexplained = diff.unexplained.iter().map(|step| {
        (step.clone(), "its command, code or environment; what it was is not recorded".to_owned())
    });
    [
        ("run", run),
        ("params", lines(&diff.params)),
        ("stack", lines(&diff.stack)),
        ("commands", diff.commands.iter().flat_map(command_lines).collect()),
        ("code", diff.code.iter().map(digest_line).collect()),
        ("params of steps", lines(&diff.step_params)),
        ("environment", lines(&diff.environment)),
        ("fingerprints", lines(&diff.fingerprints)),
        ("something else", unexplained.collect()),
        ("inputs", diff.inputs.iter().map(digest_line).collect()),
        ("outputs", diff.outputs.iter().map(output_line).collect()),
        ("metrics", diff.metrics.iter().map(metric_line).collect()),
        ("steps", diff.steps.iter().filter_map(step_line).collect()),
    ]
}

fn arrow(a: &str, b: &str) -> String {
    format!("{a} → {b}")
}

/// What stands for a value that there is not.
const NONE: &str = "–";

fn called(step: Option<&str>, name: &str) -> String {
    step.map_or_else(|| name.to_owned(), |step| format!("{step}.{name}"))
}

fn line(change: &Change) -> Line {
    let shown = |side: &Option<Value>| side.as_ref().map_or_else(|| NONE.to_owned(), value);
    let name = called(change.step.as_deref(), &change.name);
    (name, arrow(&shown(&change.a), &shown(&change.b)))
}

/// The lines of a command between the first and the last that differ.
fn command_lines(change: &Change) -> Vec<Line> {
    let text = |side: &'_ Option<Value>| {
        let text = side.as_ref().and_then(Value::as_str).unwrap_or_default();
        text.trim().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (a, b) = (text(&change.a), text(&change.b));
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let gone = a[..a.len() - end].iter().map(|line| format!("- {line}"));
    let new = b[..b.len() - end].iter().map(|line| format!("+ {line}"));
    let step = change.step.clone().unwrap_or_default();
    let names = std::iter::once(step).chain(std::iter::repeat(String::new()));
    names.zip(gone.chain(new)).collect()
}

fn digest_line(change: &Change) -> Line {
    let shown = |side: &Option<Value>| side.as_ref().and_then(Value::as_str).map(short_digest);
    let what = match (shown(&change.a), shown(&change.b)) {
        (Some(a), Some(b)) => arrow(&a, &b),
        (None, Some(b)) => format!("only there now: {b}"),
        (Some(a), None) => format!("not there any more: {a}"),
        (None, None) => String::new(),
    };
    let name = match &change.step {
        // A path has dots of its own.
        Some(step) if change.name.contains(['.', '/']) => format!("{step}: {}", change.name),
        step => called(step.as_deref(), &change.name),
    };
    (name, what)
}

fn output_line(change: &OutputChange) -> Line {
    let digest = |side: &Option<Content>| {
        side.as_ref().map_or_else(|| NONE.to_owned(), |side| short_digest(&side.digest))
    };
    let mut what = arrow(&digest(&change.a), &digest(&change.b));
    if let (Some(a), Some(b)) = (&change.a, &change.b)
        && a.size != b.size
    {
        let sizes = format!("({})", arrow(&size(a.size), &size(b.size)));
        what.push_str(&format!("  {}", styled(DIM, sizes)));
    }
    (called(Some(&change.step), &change.name), what)
}

fn metric_line(change: &MetricChange) -> Line {
    let shown = |side: Option<f64>| side.map_or_else(|| NONE.to_owned(), number);
    let mut what = arrow(&shown(change.a), &shown(change.b));
    if let (Some(difference), Some(a)) = (change.difference, change.a) {
        let sign = if difference > 0.0 { "+" } else { "" };
        let mut by = format!("{sign}{}", number(difference));
        if a != 0.0 {
            by.push_str(&format!(", {sign}{:.1} %", difference / a.abs() * 100.0));
        }
        what.push_str(&format!("  {}", styled(DIM, format!("({by})"))));
    }
    (called(Some(&change.step), &change.name), what)
}

/// A step that went otherwise. How long it took differs always a little: that is shown when it matters.
fn step_line(pair: &StepPair) -> Option<Line> {
    let shown = |side: &StepSide| {
        let took = match (side.status, side.duration_ms) {
            (StepStatus::Completed | StepStatus::Failed, Some(ms)) => {
                format!(" in {}", duration(ms))
            }
            _ => String::new(),
        };
        let from = side.cached_from.as_ref().map(|run| format!(" from {run}")).unwrap_or_default();
        format!("{}{took}{from}", word(side.status))
    };
    let what = match (&pair.a, &pair.b) {
        (Some(a), Some(b)) if a.status == b.status && !differs_much(a, b) => return None,
        (Some(a), Some(b)) => arrow(&shown(a), &shown(b)),
        (None, Some(b)) => format!("only there now: {}", shown(b)),
        (Some(a), None) => format!("not there any more: {}", shown(a)),
        (None, None) => return None,
    };
    Some((pair.step.clone(), what))
}

/// Whether one took longer by a second and a fifth of its time.
fn differs_much(a: &StepSide, b: &StepSide) -> bool {
    let (Some(a_ms), Some(b_ms)) = (a.duration_ms, b.duration_ms) else { return false };
    let (more, less) = (a_ms.max(b_ms), a_ms.min(b_ms));
    a.status != StepStatus::Cached && more - less >= 1000 && (more - less) * 5 >= more
}
