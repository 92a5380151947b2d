//! `sundae runs list`

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::since::Since;
use super::{database, pipeline_hint};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::list::ListArgs;
use crate::engine::event::RunStatus;
use crate::metadata::{Comparison, RunColumn, RunFilter, RunOrder, Test};
use crate::view::{Filter, Order, RunRow};

const COLUMNS: [&str; 7] =
    ["name", "pipeline", "stack", "status", "steps", "started", "duration_ms"];

/// So many are shown where nothing is said.
const SHOWN: usize = 50;

/// More params and metrics than these make a table that nobody can read; `--columns` takes any.
const MOST_PARAMS: usize = 4;
const MOST_METRICS: usize = 6;

/// List what has run, the latest first
///
/// Params and metrics are columns, too: `param.NAME`, `metric.NAME`, and `metric.STEP.NAME` where several steps have a metric of
/// that name. Where all runs are of one pipeline, the table has its metrics, and the params in which the runs differ.
///
/// Example: sundae runs list --pipeline training --metric 'accuracy>=0.9' --sort -metric.accuracy
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only runs of this pipeline
    #[arg(long, value_name = "PIPELINE")]
    pipeline: Option<String>,

    /// Only runs that stand so; several are parted by commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<Status>,

    /// Only runs on the stack that was called so
    #[arg(long, value_name = "STACK")]
    stack: Option<String>,

    /// Only runs that began since: `2d`, `12h`, `30m`, or a date such as `2026-11-20`
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,

    /// Only runs with such a param: `c=0.1`, `model!=svm`, `c>=1`; can be given several times
    #[arg(long, value_name = "CONDITION")]
    param: Vec<ParamTest>,

    /// Only runs with such a metric: `accuracy>=0.9`, `train.loss<0.1`; can be given several times
    #[arg(long, value_name = "CONDITION")]
    metric: Vec<MetricTest>,

    /// Show all, and not the latest 50 only
    #[arg(long, conflicts_with = "limit")]
    all: bool,

    #[command(flatten)]
    list: ListArgs,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Status {
    /// It goes on
    Running,
    /// Every step completed or was cached
    Completed,
    /// A step failed
    Failed,
    /// Somebody stopped it
    Cancelled,
    /// The process that ran it is gone
    Interrupted,
}

impl From<Status> for RunStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Running => Self::Running,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
            Status::Interrupted => Self::Interrupted,
        }
    }
}

/// A condition on a param.
#[derive(Debug, Clone)]
struct ParamTest(Test);

/// A condition on a metric.
#[derive(Debug, Clone)]
struct MetricTest(Test);

fn test(text: &str, example: &str) -> Result<Test, String> {
    let no_condition = |_| format!("it must be NAME=VALUE, or with !=, <, <=, >, >=: `{example}`");
    let Filter { column: name, comparison, text } = text.parse().map_err(no_condition)?;
    Ok(Test { name, comparison, text })
}

impl FromStr for ParamTest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        test(text, "c=0.1").map(Self)
    }
}

impl FromStr for MetricTest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let test = test(text, "accuracy>=0.9")?;
        if test.text.parse::<f64>().is_err() || test.comparison == Comparison::Contains {
            return Err(format!(
                "a metric is a number, and is compared with one: `{}>=0.9`",
                test.name
            ));
        }
        Ok(Self(test))
    }
}

impl List {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let statuses: Vec<_> = self.status.iter().copied().map(RunStatus::from).collect();
        let params: Vec<_> = self.param.iter().map(|test| test.0.clone()).collect();
        let metrics: Vec<_> = self.metric.iter().map(|test| test.0.clone()).collect();
        let order = self.list.sort.as_ref().and_then(run_order);
        let is_in_order = self.list.sort.is_none() || order.is_some();
        let limit = if self.all { None } else { Some(self.list.limit.unwrap_or(SHOWN)) };
        // What the database cannot filter or sort by is looked at here, and for that all are needed.
        let read = limit.filter(|_| is_in_order && self.list.filter.is_empty());
        let wanted = RunFilter {
            pipeline: self.pipeline.as_deref(),
            statuses: &statuses,
            stack: self.stack.as_deref(),
            since: self.since.map(|since| since.0),
            params: &params,
            metrics: &metrics,
            order: order.as_ref(),
            limit: read.and_then(|limit| u32::try_from(limit).ok()),
            ..RunFilter::default()
        };
        let runs = database(context)?.runs(&wanted)?;
        let rows: Vec<_> = runs.iter().map(RunRow::new).collect();
        let nothing = match self.is_narrowed() || !rows.is_empty() {
            true => "No run meets the conditions.",
            false => "Nothing has run yet: `sundae run FILE` runs a pipeline.",
        };
        let is_cut = self.list.limit.is_none() && rows.len() >= SHOWN && !self.all;
        let columns = columns(&rows);
        let columns: Vec<_> = columns.iter().map(String::as_str).collect();
        let list = ListArgs { limit, sort: self.sort_left(), ..self.list.clone() };
        list.show(context, &rows, &columns, nothing)?;
        if rows.is_empty()
            && let Some(hint) = pipeline_hint(context, self.pipeline.as_deref())?
        {
            context.ui.hint(hint);
        }
        if is_cut && self.list.filter.is_empty() {
            let all = database(context)?.run_count(&wanted)?;
            if all > SHOWN as u64 {
                context.ui.hint(format_args!(
                    "these are {SHOWN} of {all} runs; `--limit NUMBER` or `--all` shows more"
                ));
            }
        }
        Ok(())
    }

    fn is_narrowed(&self) -> bool {
        self.pipeline.is_some()
            || !self.status.is_empty()
            || self.stack.is_some()
            || self.since.is_some()
            || !self.param.is_empty()
            || !self.metric.is_empty()
    }

    /// By what the list is still to be sorted, or at least found to have such a column. Names are in the order of their
    /// numbers already, which is not that of their letters.
    fn sort_left(&self) -> Option<Order> {
        self.list.sort.clone().filter(|order| order.column != "name")
    }
}

/// The order, if the database can sort so.
fn run_order(order: &Order) -> Option<RunOrder> {
    let column = match order.column.as_str() {
        "name" => RunColumn::Name,
        "pipeline" => RunColumn::Pipeline,
        "stack" => RunColumn::Stack,
        "status" => RunColumn::Status,
        "started" => RunColumn::Started,
        "ended" => RunColumn::Ended,
        "duration_ms" => RunColumn::Duration,
        other => match other.split_once('.')? {
            ("metric" | "metrics", name) => RunColumn::Metric(name.to_owned()),
            ("param" | "params", name) => RunColumn::Param(name.to_owned()),
            _ => return None,
        },
    };
    Some(RunOrder { column, is_descending: order.is_descending })
}

/// The columns of the table. Of one pipeline, runs are compared: so what is the same for all gives way to what differs.
fn columns(rows: &[RunRow]) -> Vec<String> {
    let differs = |of: fn(&RunRow) -> &str| rows.iter().map(of).collect::<BTreeSet<_>>().len() > 1;
    if rows.is_empty() || differs(|row| &row.pipeline) {
        return COLUMNS.map(str::to_owned).to_vec();
    }
    let mut columns = vec!["name".to_owned()];
    if differs(|row| &row.stack) {
        columns.push("stack".to_owned());
    }
    columns.extend(["status", "steps"].map(str::to_owned));
    let params: BTreeSet<_> = rows.iter().flat_map(|row| row.params.keys()).collect();
    let varies = |name: &&&String| {
        let values = rows.iter().map(|row| row.params.get(**name).map(Value::to_string));
        values.collect::<BTreeSet<_>>().len() > 1
    };
    let params: Vec<_> = params.iter().filter(varies).collect();
    columns.extend(params.iter().take(MOST_PARAMS).map(|name| format!("param.{name}")));
    columns.extend(metric_columns(rows).into_iter().take(MOST_METRICS));
    columns.extend(["started", "duration_ms"].map(str::to_owned));
    columns
}

/// A metric that several steps have has a column for each of them.
fn metric_columns(rows: &[RunRow]) -> Vec<String> {
    let mut steps: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let both = rows.iter().flat_map(|row| row.step_metrics.keys());
    for (step, name) in both.filter_map(|both| both.split_once('.')) {
        steps.entry(name).or_default().insert(step);
    }
    let columns = steps.into_iter().flat_map(|(name, steps)| match steps.len() {
        1 => vec![format!("metric.{name}")],
        _ => steps.iter().map(|step| format!("metric.{step}.{name}")).collect(),
    });
    columns.collect()
}
