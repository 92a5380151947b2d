//! Which runs are wanted, and in which order: as conditions for the database, so that few are read of many.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, params_from_iter};

use super::rows::name_of;
use super::runs::RunRecord;
use super::{Database, MetadataError};
use crate::engine::event::RunStatus;

/// Which runs are wanted. The newest come first, where nothing else is said.
#[derive(Debug, Clone, Default)]
pub struct RunFilter<'a> {
    /// Only those of this pipeline.
    pub pipeline: Option<&'a str>,
    /// Only those with one of these statuses; with any, if there are none.
    pub statuses: &'a [RunStatus],
    /// Only those on the stack that was called so.
    pub stack: Option<&'a str>,
    /// Only those that began then or later.
    pub since: Option<Timestamp>,
    /// Only those whose params meet all of these.
    pub params: &'a [Test],
    /// Only those whose metrics meet all of these; the name is `METRIC` or `STEP.METRIC`.
    pub metrics: &'a [Test],
    /// Only those that began before this run did.
    pub before: Option<&'a RunRecord>,
    /// By what they are sorted.
    pub order: Option<&'a RunOrder>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// A condition on something that has a name and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// The name.
    pub name: String,
    /// How its value is compared.
    pub comparison: Comparison,
    /// With what, as it was typed.
    pub text: String,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    Unequal,
    /// `~`: the text is part of it, whatever the case.
    Contains,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// As SQL writes it; there is none for [`Self::Contains`].
    fn sign(self) -> &'static str {
        match self {
            Self::Equal | Self::Contains => "=",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

/// By what runs are sorted; those without a value come last, and of equal ones the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOrder {
    /// By what.
    pub column: RunColumn,
    /// Whether the greatest come first.
    pub is_descending: bool,
}

/// Something of a run that runs can be sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunColumn {
    /// Their pipeline, and then their number.
    Name,
    /// The name of their pipeline.
    Pipeline,
    /// The name of their stack.
    Stack,
    /// How they stand.
    Status,
    /// When they began.
    Started,
    /// When they ended.
    Ended,
    /// How long they took.
    Duration,
    /// A param.
    Param(String),
    /// A metric: `METRIC` or `STEP.METRIC`.
    Metric(String),
}

impl Database {
    /// Runs, the newest first or as the filter says.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn runs(&self, filter: &RunFilter<'_>) -> Result<Vec<RunRecord>, MetadataError> {
        let mut runs = Vec::new();
        // What is shown of a run costs more than to find it: so it is looked up for those that are shown.
        for id in self.run_ids(filter)? {
            runs.extend(self.run(&id)?);
        }
        Ok(runs)
    }

    fn run_ids(&self, filter: &RunFilter<'_>) -> Result<Vec<String>, MetadataError> {
        let failed = self.failed("read the runs");
        let mut clause = Clause::of(filter);
        let order = clause.order(filter.order);
        let limit = filter.limit.map_or(i64::MAX, i64::from);
        let sql =
            format!("SELECT id FROM run WHERE {} ORDER BY {order} LIMIT {limit}", clause.text());
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let values = params_from_iter(clause.values);
        let rows = statement.query_map(values, |row| row.get(0)).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// How many runs a filter lets through, whatever its limit.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn run_count(&self, filter: &RunFilter<'_>) -> Result<u64, MetadataError> {
        let clause = Clause::of(filter);
        let sql = format!("SELECT count(*) FROM run WHERE {}", clause.text());
        self.connection
            .query_row(&sql, params_from_iter(clause.values), |row| row.get(0))
            .map_err(self.failed("count the runs"))
    }

    /// The names of the pipelines that have run.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn pipelines(&self) -> Result<Vec<String>, MetadataError> {
        let failed = self.failed("read the runs");
        // Each time the next greater one: so the index is entered once for each pipeline, and not read through.
        let next = "SELECT min(pipeline) FROM run WHERE pipeline > ?1";
        let mut statement = self.connection.prepare_cached(next).map_err(&failed)?;
        let mut names = vec![String::new()];
        while let Some(name) = statement
            .query_row([&names[names.len() - 1]], |row| row.get::<_, Option<String>>(0))
            .optional()
            .map_err(&failed)?
            .flatten()
        {
            names.push(name);
        }
        names.remove(0);
        Ok(names)
    }
}

/// Conditions for what is wanted and no others, so that indexes are used; and their values.
#[derive(Default)]
struct Clause {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Clause {
    fn of(filter: &RunFilter<'_>) -> Self {
        let mut clause = Self::default();
        for (column, value) in [("pipeline", filter.pipeline), ("stack", filter.stack)] {
            if let Some(value) = value {
                let value = clause.value(value.to_owned());
                clause.conditions.push(format!("{column} = {value}"));
            }
        }
        if !filter.statuses.is_empty() {
            let statuses = filter.statuses.iter().map(|status| clause.value(name_of(*status)));
            let statuses = statuses.collect::<Vec<_>>().join(", ");
            clause.conditions.push(format!("status IN ({statuses})"));
        }
        if let Some(since) = filter.since {
            let since = clause.value(since.as_millisecond());
            clause.conditions.push(format!("started >= {since}"));
        }
        if let Some(run) = filter.before {
            let (started, id) =
                (clause.value(run.started.as_millisecond()), clause.value(run.id.clone()));
            clause.conditions.push(format!(
                "(started, number) < ({started}, (SELECT number FROM run WHERE id = {id}))"
            ));
        }
        filter.params.iter().for_each(|test| clause.param(test));
        filter.metrics.iter().for_each(|test| clause.metric(test));
        clause
    }

    fn text(&self) -> String {
        if self.conditions.is_empty() { "true".to_owned() } else { self.conditions.join(" AND ") }
    }

    /// Adds a value; the result is what stands for it.
    fn value(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// A param counts by what it is: `0.10` means the number 0.1, and the text `0.10`.
    fn param(&mut self, test: &Test) {
        let path = self.value(param_path(&test.name));
        let (kind, found) = (format!("json_type(params, {path})"), format!("(params ->> {path})"));
        let text = self.value(test.text.clone());
        let number = test.text.parse::<f64>().ok().map(|number| self.value(number));
        let sign = test.comparison.sign();
        let condition = match test.comparison {
            Comparison::Contains => format!("instr(lower({found}), lower({text})) > 0"),
            Comparison::Equal | Comparison::Unequal => {
                let written = self.value(as_json(&test.text));
                // Of the words that stand for themselves, the type is the word.
                let mut same = format!(
                    "({kind} = 'text' AND {found} = {text}) OR {kind} = {text} OR (params -> {path}) = {written}"
                );
                if let Some(number) = number {
                    same.push_str(&format!(
                        " OR ({kind} IN ('integer', 'real') AND {found} = {number})"
                    ));
                }
                let not = if test.comparison == Comparison::Unequal { "NOT " } else { "" };
                format!("{not}coalesce({same}, false)")
            }
            _ => match number {
                Some(number) => {
                    format!("{kind} IN ('integer', 'real') AND {found} {sign} {number}")
                }
                None => format!("{kind} = 'text' AND {found} {sign} {text}"),
            },
        };
        self.conditions.push(format!("({condition})"));
    }

    /// What is shown for a run is the value of the latest step that has the metric, so that is what counts.
    fn metric(&mut self, test: &Test) {
        let named = self.metric_named(&test.name);
        let shown = metric_value(&named);
        let sign = test.comparison.sign();
        let wanted = match test.text.parse::<f64>() {
            Ok(number) => self.value(number),
            Err(_) => self.value(Value::Null),
        };
        self.conditions.push(match test.comparison {
            Comparison::Unequal => format!("coalesce({shown} != {wanted}, true)"),
            // First by the index, which finds the few that can be meant.
            _ => format!(
                "id IN (SELECT m.run FROM metric m WHERE {named} AND m.value {sign} {wanted}) AND {shown} {sign} {wanted}"
            ),
        });
    }

    /// The condition for a row `m` of metrics to be the one of this name.
    fn metric_named(&mut self, name: &str) -> String {
        let whole = self.value(name.to_owned());
        match name.split_once('.') {
            None => format!("m.name = {whole}"),
            Some((step, metric)) => {
                let (step, metric) = (self.value(step.to_owned()), self.value(metric.to_owned()));
                format!("(m.name = {whole} OR (m.name = {metric} AND m.step = {step}))")
            }
        }
    }

    fn order(&mut self, order: Option<&RunOrder>) -> String {
        const NEWEST: &str = "started DESC, number DESC";
        let Some(RunOrder { column, is_descending }) = order else { return NEWEST.to_owned() };
        let way = if *is_descending { "DESC" } else { "ASC" };
        let by = match column {
            RunColumn::Name => return format!("pipeline {way}, number {way}"),
            RunColumn::Started => return format!("started {way}, number {way}"),
            RunColumn::Pipeline => "pipeline".to_owned(),
            RunColumn::Stack => "stack".to_owned(),
            RunColumn::Status => "status".to_owned(),
            RunColumn::Ended => "ended".to_owned(),
            RunColumn::Duration => "ended - started".to_owned(),
            RunColumn::Param(name) => {
                let path = self.value(param_path(name));
                format!("(params ->> {path})")
            }
            RunColumn::Metric(name) => metric_value(&self.metric_named(name)),
        };
        format!("{by} {way} NULLS LAST, {NEWEST}")
    }
}

fn metric_value(named: &str) -> String {
    // A run has few metrics, and a name has many: the `+` keeps the index of names out of this.
    let named = named.replace("m.name", "+m.name");
    format!(
        "(SELECT m.value FROM metric m LEFT JOIN step_run s ON s.run = m.run AND s.name = m.step \
         WHERE m.run = run.id AND s.parent IS NULL AND {named} ORDER BY s.position DESC LIMIT 1)"
    )
}

/// Where a param is within the JSON of all.
fn param_path(name: &str) -> String {
    // No param has a quote in its name; with one, this would be no path.
    format!("$.\"{}\"", name.replace('"', ""))
}

/// What was typed as the database writes it, if it is a list or a table.
fn as_json(text: &str) -> Value {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.is_array() || value.is_object() => Value::from(value.to_string()),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How SQLite finds the runs of a filter.
    fn plan(database: &Database, filter: &RunFilter<'_>) -> String {
        let mut clause = Clause::of(filter);
        let order = clause.order(filter.order);
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT id FROM run WHERE {} ORDER BY {order} LIMIT 50",
            clause.text()
        );
        let mut statement = database.connection.prepare(&sql).unwrap();
        let rows = statement
            .query_map(params_from_iter(clause.values), |row| row.get::<_, String>("detail"))
            .unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
    }

    #[test]
    fn the_newest_runs_are_found_by_an_index_and_not_by_sorting_all() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("sundae.db")).unwrap();
        let filters = [
            (RunFilter::default(), "run_by_start"),
            (RunFilter { statuses: &[RunStatus::Failed], ..RunFilter::default() }, "run_by_status"),
            (RunFilter { pipeline: Some("p"), ..RunFilter::default() }, "run_by_pipeline"),
        ];
        for (filter, index) in filters {
            let plan = plan(&database, &filter);
            assert!(plan.contains(index), "{filter:?}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
        }
    }
}
