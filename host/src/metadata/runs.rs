//! Runs and their steps, as they are recorded.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sundae_plugin_api::ComponentKind;
use sundae_plugin_api::orchestrator::Usage;

use super::rows::{json, json_if_any, named, now_ms, timestamp, timestamp_if_any, to_json};
use super::{Database, MetadataError, OWNER};
use crate::artifact::ArtifactRef;
use crate::engine::event::{DATA, RunStatus, StepStatus};
use crate::stack::{Component, Named};

/// A run that is about to begin.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// Its id: letters, digits and `-`.
    pub id: &'a str,
    /// The name of the pipeline.
    pub pipeline: &'a str,
    /// The name of the stack.
    pub stack: &'a str,
    /// The components of the stack.
    pub members: &'a [StackMember],
    /// The root of the project, if it belongs to one.
    pub project: Option<PathBuf>,
    /// The params of the pipeline.
    pub params: &'a BTreeMap<String, Value>,
    /// What is needed to go on with it, as JSON; kept until it completes.
    pub plan: &'a str,
    /// The session of the process that has it.
    pub session: Option<i32>,
    /// What the runs of a sweep have in common.
    pub sweep: Option<&'a str>,
}

/// A component of the stack that a run had, as it was called then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackMember {
    /// Its id: what it is found by, whatever it is called now.
    pub id: String,
    /// Its kind.
    pub kind: ComponentKind,
    /// Its name.
    pub name: String,
}

impl From<&Component> for StackMember {
    fn from(component: &Component) -> Self {
        Self { id: component.id.clone(), kind: component.kind, name: component.name.clone() }
    }
}

/// A recorded run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub id: String,
    /// Its name, unique: `training-3`.
    pub name: String,
    /// The name of the pipeline.
    pub pipeline: String,
    /// The name of the stack.
    pub stack: String,
    /// The components of the stack, as they were.
    pub members: Vec<StackMember>,
    /// The root of the project.
    pub project: Option<PathBuf>,
    /// The params of the pipeline.
    pub params: BTreeMap<String, Value>,
    /// Who started it.
    pub owner: String,
    /// How it stands.
    pub status: RunStatus,
    /// Why, where it did not complete.
    pub reason: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What the runs of a sweep have in common.
    pub sweep: Option<String>,
    /// How often it went on after it had ended or was killed.
    pub resumed: u32,
    /// How many of its steps have which status.
    pub steps: BTreeMap<String, u32>,
    /// The last value of each metric; of two steps with the same one, that of the later step in the plan.
    pub metrics: BTreeMap<String, f64>,
    /// The last value of each metric, by `STEP.METRIC`.
    pub step_metrics: BTreeMap<String, f64>,
}

/// A recorded step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepRecord {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: StepStatus,
    /// How many items it has, if it has items and that is known.
    pub items: Option<u32>,
    /// The step that it is an item of.
    pub parent: Option<String>,
    /// Why it ran, or why it did not complete.
    pub reason: Option<String>,
    /// Its cache key, once it is known.
    pub cache_key: Option<String>,
    /// The run that made the outputs, where they come from the cache.
    pub cached_from: Option<String>,
    /// How often it was tried.
    pub attempt: u32,
    /// Its inputs: name → (step, output).
    pub inputs: BTreeMap<String, (String, String)>,
    /// The steps that it waits for without taking anything from them.
    pub after: Vec<String>,
    /// The exit code of its last attempt.
    pub exit_code: Option<i32>,
    /// While it runs, the file that its log is written to, if that is on this machine.
    pub log_file: Option<PathBuf>,
    /// Its log, in the artifact store.
    pub log: Option<ArtifactRef>,
    /// The last lines of its log, where it failed.
    pub log_tail: Option<String>,
    /// What it noted.
    pub notes: Vec<String>,
    /// The last value of each metric.
    pub metrics: BTreeMap<String, f64>,
    /// By output name.
    pub outputs: BTreeMap<String, ArtifactRef>,
    /// When its last attempt began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Where that ran and what it used, as far as its orchestrator knew.
    pub usage: Usage,
}

impl Named for RunRecord {
    fn name(&self) -> &str {
        &self.name
    }
    fn id(&self) -> &str {
        &self.id
    }
}

/// How many steps of the run of this row have which status, as JSON. Items count for their step.
pub(super) const STEP_COUNTS: &str = "(SELECT json_group_object(status, steps) FROM \
     (SELECT status, count(*) AS steps FROM step_run WHERE step_run.run = run.id AND parent IS NULL GROUP BY status))";

/// The metrics of the run of this row with their steps, as JSON; those of later steps in the plan come later.
pub(super) const STEP_METRICS: &str = "(SELECT json_group_array(json_array(step, name, value)) FROM (SELECT metric.step, metric.name, \
     value FROM metric LEFT JOIN step_run ON step_run.run = metric.run AND step_run.name = metric.step \
     WHERE metric.run = run.id AND step_run.parent IS NULL ORDER BY step_run.position))";

/// The condition for a metric or an artifact to be one of a step of the plan, one of an item, or any.
const OF_PLAN: &str = "instr(step, ':') = 0";
const OF_ITEMS: &str = "instr(step, ':') > 0";
pub(super) const OF_ALL: &str = "true";

/// What is told of a run. Of one that has ended, steps and metrics were counted then.
fn run_columns() -> String {
    let counted = |column: &str, now: &str| {
        format!("CASE status WHEN 'running' THEN {now} ELSE coalesce({column}, {now}) END")
    };
    format!(
        "id, name, pipeline, stack, members, project, params, owner, status, reason, started, ended, sweep, resumed, {} AS steps, {} AS metrics",
        counted("step_counts", STEP_COUNTS),
        counted("step_metrics", STEP_METRICS)
    )
}

fn run_of(row: &Row<'_>) -> rusqlite::Result<RunRecord> {
    let metrics: Vec<(String, String, f64)> = json(row, "metrics")?;
    let step_metrics = metrics.iter().map(|(step, name, value)| (format!("{step}.{name}"), *value));
    let path =
        |column: &str| row.get::<_, Option<String>>(column).map(|path| path.map(PathBuf::from));
    Ok(RunRecord {
        id: row.get("id")?,
        name: row.get("name")?,
        pipeline: row.get("pipeline")?,
        stack: row.get("stack")?,
        members: json(row, "members")?,
        project: path("project")?,
        params: json(row, "params")?,
        owner: row.get("owner")?,
        status: named(row, "status")?,
        reason: row.get("reason")?,
        started: timestamp(row, "started")?,
        ended: timestamp_if_any(row, "ended")?,
        sweep: row.get("sweep")?,
        resumed: row.get("resumed")?,
        steps: json(row, "steps")?,
        step_metrics: step_metrics.collect(),
        metrics: metrics.into_iter().map(|(_, name, value)| (name, value)).collect(),
    })
}

/// What [`step_of`] reads.
pub(super) const STEP_COLUMNS: &str = "name, status, items, parent, reason, cache_key, cached_from, attempt, inputs, after, exit_code, log_file, \
     log, log_tail, notes, started, ended, usage";

pub(super) fn step_of(row: &Row<'_>) -> rusqlite::Result<StepRecord> {
    Ok(StepRecord {
        name: row.get("name")?,
        status: named(row, "status")?,
        items: row.get("items")?,
        parent: row.get("parent")?,
        reason: row.get("reason")?,
        cache_key: row.get("cache_key")?,
        cached_from: row.get("cached_from")?,
        attempt: row.get("attempt")?,
        inputs: json(row, "inputs")?,
        after: json(row, "after")?,
        exit_code: row.get("exit_code")?,
        log_file: row.get::<_, Option<String>>("log_file")?.map(PathBuf::from),
        log: json_if_any(row, "log")?,
        log_tail: row.get("log_tail")?,
        notes: json_if_any(row, "notes")?.unwrap_or_default(),
        metrics: BTreeMap::new(),
        outputs: BTreeMap::new(),
        started: timestamp_if_any(row, "started")?,
        ended: timestamp_if_any(row, "ended")?,
        usage: json_if_any(row, "usage")?.unwrap_or_default(),
    })
}

impl Database {
    /// Records that a run begins, and gives it a name: the pipeline's with the next number.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn begin_run(&self, new: &NewRun<'_>) -> Result<RunRecord, MetadataError> {
        self.transaction("record a run", |transaction| {
            let failed = self.failed("record a run");
            // Both from the ends of indexes, however many runs there are.
            let sql = "SELECT max(coalesce((SELECT max(number) FROM run WHERE pipeline = ?1), 0),
                 coalesce((SELECT number FROM deleted_number WHERE pipeline = ?1), 0)) + 1";
            let number: i64 =
                transaction.query_row(sql, [new.pipeline], |row| row.get(0)).map_err(&failed)?;
            let sql = "INSERT INTO run
                 (id, name, pipeline, number, stack, members, project, params, owner, status, started, session, sweep)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'running', ?10, ?11, ?12)";
            let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
            let values = params![
                new.id,
                format!("{}-{number}", new.pipeline),
                new.pipeline,
                number,
                new.stack,
                to_json(new.members),
                path(&new.project),
                to_json(new.params),
                OWNER,
                now_ms(),
                new.session,
                new.sweep,
            ];
            transaction.execute(sql, values).map_err(&failed)?;
            let sql = "INSERT INTO run_plan (run, plan) VALUES (?1, ?2)";
            transaction.execute(sql, params![new.id, new.plan]).map_err(&failed)?;
            Ok(())
        })?;
        let run = self.run(new.id)?;
        run.ok_or_else(|| MetadataError::Gone { what: format!("run {}", new.id) })
    }

    /// The run with this id or name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn run(&self, id_or_name: &str) -> Result<Option<RunRecord>, MetadataError> {
        let sql = format!("SELECT {} FROM run WHERE id = ?1 OR name = ?1", run_columns());
        self.connection
            .query_row(&sql, [id_or_name], run_of)
            .optional()
            .map_err(self.failed("read a run"))
    }

    /// The runs whose id starts so, or else those whose name comes near: what a person may have meant.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn runs_like(&self, text: &str) -> Result<Vec<RunRecord>, MetadataError> {
        // A range and not LIKE: the text is no pattern, and the index of the primary key is used.
        let condition = "id >= ?1 AND id < ?1 || x'f48fbfbf'";
        let starting = self.select_runs(condition, params![text], 20)?;
        if starting.is_empty() {
            self.select_runs("?1 = ?1", params![text], 1000)
        } else {
            Ok(starting)
        }
    }

    /// The ids of the runs that are marked as under way.
    pub(super) fn runs_under_way(&self) -> Result<Vec<String>, MetadataError> {
        let failed = self.failed("read the runs");
        // The status is written out, so that the index of just these is used.
        let sql = "SELECT id FROM run WHERE status = 'running'";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map([], |row| row.get(0)).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    fn select_runs(
        &self,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
        limit: i64,
    ) -> Result<Vec<RunRecord>, MetadataError> {
        let failed = self.failed("read the runs");
        let sql = format!(
            "SELECT {} FROM run WHERE {condition} ORDER BY started DESC, number DESC LIMIT {limit}",
            run_columns()
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let rows = statement.query_map(values, run_of).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// The steps of a run, in the order of its plan, without the items of fan-outs.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn steps(&self, run: &str) -> Result<Vec<StepRecord>, MetadataError> {
        let sql = format!(
            "SELECT {STEP_COLUMNS} FROM step_run WHERE run = ?1 AND parent IS NULL ORDER BY position"
        );
        self.select_steps(&sql, &[&run], OF_PLAN, run)
    }

    /// What the steps of a run take from outside, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn data(&self, run: &str) -> Result<BTreeMap<String, ArtifactRef>, MetadataError> {
        // A step of that name has a row of its own; and then there is no data.
        let of_data = "step = 'data' AND NOT EXISTS
             (SELECT 1 FROM step_run s WHERE s.run = artifact.run AND s.name = 'data')";
        Ok(self.outputs(run, of_data)?.remove(DATA).unwrap_or_default())
    }

    /// The items of a step of a run, in their order; none if it has none, or they are not known yet.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn items(&self, run: &str, step: &str) -> Result<Vec<StepRecord>, MetadataError> {
        let sql = format!(
            "SELECT {STEP_COLUMNS} FROM step_run WHERE run = ?1 AND parent = ?2 ORDER BY position"
        );
        self.select_steps(&sql, &[&run, &step], OF_ITEMS, run)
    }

    /// `of_steps`: a condition for the metrics and artifacts of these steps.
    fn select_steps(
        &self,
        sql: &str,
        values: &[&dyn rusqlite::ToSql],
        of_steps: &str,
        run: &str,
    ) -> Result<Vec<StepRecord>, MetadataError> {
        let failed = self.failed("read the steps of a run");
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map(values, step_of).map_err(&failed)?;
        let mut steps = rows.collect::<Result<Vec<_>, _>>().map_err(&failed)?;
        let mut metrics = self.metrics(run, of_steps)?;
        let mut outputs = self.outputs(run, of_steps)?;
        for step in &mut steps {
            step.metrics = metrics.remove(&step.name).unwrap_or_default();
            step.outputs = outputs.remove(&step.name).unwrap_or_default();
        }
        Ok(steps)
    }

    /// The metrics of a run, by step; only of those that meet the condition.
    pub(super) fn metrics(
        &self,
        run: &str,
        of_steps: &str,
    ) -> Result<BTreeMap<String, BTreeMap<String, f64>>, MetadataError> {
        let failed = self.failed("read the metrics of a run");
        let sql = format!("SELECT step, name, value FROM metric WHERE run = ?1 AND {of_steps}");
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let mut rows = statement.query([run]).map_err(&failed)?;
        let mut metrics: BTreeMap<String, BTreeMap<String, f64>> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let entry = || -> rusqlite::Result<(String, String, f64)> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            };
            let (step, name, value) = entry().map_err(&failed)?;
            metrics.entry(step).or_default().insert(name, value);
        }
        Ok(metrics)
    }

    /// The outputs of a run, by step; only of those that meet the condition.
    pub(super) fn outputs(
        &self,
        run: &str,
        of_steps: &str,
    ) -> Result<BTreeMap<String, BTreeMap<String, ArtifactRef>>, MetadataError> {
        let failed = self.failed("read the artifacts of a run");
        let sql = format!(
            "SELECT step, output, kind, digest, size, executable, metadata FROM artifact
             WHERE run = ?1 AND {of_steps}"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let mut rows = statement.query([run]).map_err(&failed)?;
        let mut outputs: BTreeMap<String, BTreeMap<String, ArtifactRef>> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let entry = || -> rusqlite::Result<(String, String, ArtifactRef)> {
                Ok((row.get("step")?, row.get("output")?, artifact_of(row)?))
            };
            let (step, output, artifact) = entry().map_err(&failed)?;
            outputs.entry(step).or_default().insert(output, artifact);
        }
        Ok(outputs)
    }
}

/// The artifact that the columns `kind`, `digest`, `size`, `executable` and `metadata` describe.
pub(super) fn artifact_of(row: &Row<'_>) -> rusqlite::Result<ArtifactRef> {
    Ok(ArtifactRef {
        kind: named(row, "kind")?,
        digest: row.get("digest")?,
        size: row.get("size")?,
        executable: row.get("executable")?,
        metadata: json::<Map<String, Value>>(row, "metadata")?,
    })
}
