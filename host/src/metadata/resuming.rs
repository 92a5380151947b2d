//! What is needed to go on with a run: its plan, and how far it had come.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::rows::{named, to_json};
use super::runs::OF_ALL;
use super::{Database, MetadataError};
use crate::artifact::ArtifactRef;
use crate::engine::event::{PlannedStep, StepStatus};
use crate::engine::known::{Known, KnownEnd, KnownStep};

impl Database {
    /// The plan of a run, as [`NewRun::plan`](super::NewRun) has it; `None` if the run has completed, or was begun by an older version.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn plan(&self, run: &str) -> Result<Option<String>, MetadataError> {
        let sql = "SELECT plan FROM run_plan WHERE run = ?1";
        let plan = self.connection.query_row(sql, [run], |row| row.get(0)).optional();
        plan.map_err(self.failed("read the plan of a run"))
    }

    /// The session of the process that has a run or had it last.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn session(&self, run: &str) -> Result<Option<i32>, MetadataError> {
        let sql = "SELECT session FROM run WHERE id = ?1";
        let session = self.connection.query_row(sql, [run], |row| row.get(0)).optional();
        Ok(session.map_err(self.failed("read a run"))?.flatten())
    }

    /// Records that a run is under way again, and says how far it had come. The caller has its lock.
    ///
    /// # Errors
    /// The database cannot be written; or the run has completed meanwhile, or is gone.
    pub fn resume_run(&self, run: &str, session: Option<i32>) -> Result<Known, MetadataError> {
        let doing = "record that a run goes on";
        let changed = self.transaction(doing, |transaction| {
            let sql = "UPDATE run SET status = 'running', reason = NULL, ended = NULL, resumed = resumed + 1, session = ?2
                 WHERE id = ?1 AND status <> 'completed'";
            transaction.execute(sql, params![run, session]).map_err(self.failed(doing))
        })?;
        if changed == 0 {
            return Err(MetadataError::Changed { what: format!("run {run}") });
        }
        self.known(run)
    }

    /// The files of logs that are not in the artifact store, since nothing was heard of the end of their attempts; by step.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn log_files(&self, run: &str) -> Result<Vec<(String, PathBuf)>, MetadataError> {
        let failed = self.failed("read the steps of a run");
        let sql = "SELECT name, log_file FROM step_run WHERE run = ?1 AND log IS NULL AND log_file IS NOT NULL";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let file = |row: &Row<'_>| Ok((row.get(0)?, PathBuf::from(row.get::<_, String>(1)?)));
        let rows = statement.query_map([run], file).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Records the log of the last attempt of a step, of whose end nothing was heard.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn keep_log(&self, run: &str, step: &str, log: &ArtifactRef) -> Result<(), MetadataError> {
        let sql = "UPDATE step_run SET log = ?3, log_file = NULL WHERE run = ?1 AND name = ?2";
        let values = params![run, step, to_json(log)];
        let kept = self.connection.execute(sql, values).map_err(self.failed("record a log"));
        kept.map(drop)
    }

    fn known(&self, run: &str) -> Result<Known, MetadataError> {
        let failed = self.failed("read how far a run had come");
        let sql = "SELECT resumed FROM run WHERE id = ?1";
        let resumed = self.connection.query_row(sql, [run], |row| row.get(0)).map_err(&failed)?;
        let mut outputs = self.outputs(run, OF_ALL)?;
        let mut metrics = self.metrics(run, OF_ALL)?;
        let sql =
            "SELECT name, status, attempt, cache_key, handle, job FROM step_run WHERE run = ?1";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let mut rows = statement.query([run]).map_err(&failed)?;
        let mut known = Known { resumed, ..Known::default() };
        while let Some(row) = rows.next().map_err(&failed)? {
            let name: String = row.get("name").map_err(&failed)?;
            let outputs = outputs.remove(&name).unwrap_or_default();
            let metrics = metrics.remove(&name).unwrap_or_default();
            known.steps.insert(name, known_step(row, outputs, metrics).map_err(&failed)?);
        }
        Ok(known)
    }
}

fn known_step(
    row: &Row<'_>,
    outputs: BTreeMap<String, ArtifactRef>,
    metrics: BTreeMap<String, f64>,
) -> rusqlite::Result<KnownStep> {
    let status: StepStatus = named(row, "status")?;
    let end = match (status, row.get("handle")?, row.get("job")?) {
        (StepStatus::Completed | StepStatus::Cached, ..) => {
            KnownEnd::Done { status, outputs, metrics }
        }
        (_, Some(handle), Some(job)) => KnownEnd::UnderWay { handle, job },
        _ => KnownEnd::Open,
    };
    Ok(KnownStep { attempts: row.get("attempt")?, key: row.get("cache_key")?, end })
}

/// Writes down that a run goes on: what is not done waits again.
pub(super) fn resumed(
    transaction: &Transaction<'_>,
    run: &str,
    steps: &[PlannedStep],
    done: &BTreeMap<String, StepStatus>,
) -> rusqlite::Result<()> {
    // The process may have been killed before it could write down the steps.
    let sql = "INSERT OR IGNORE INTO step_run (run, position, name, status, inputs, after)
         VALUES (?1, ?2, ?3, 'waiting', ?4, ?5)";
    let mut insert = transaction.prepare_cached(sql)?;
    for (position, step) in steps.iter().enumerate() {
        let (inputs, after) = (to_json(&step.inputs), to_json(&step.after));
        insert.execute(params![run, position, step.name, inputs, after])?;
    }
    // What is known of an attempt stays until another one follows; a step that had none only waited.
    let sql = "UPDATE step_run SET status = 'waiting', reason = iif(attempt = 0, NULL, reason),
         ended = iif(attempt = 0, NULL, ended)
         WHERE run = ?1 AND status NOT IN ('completed', 'cached', 'waiting')";
    transaction.execute(sql, [run])?;
    let sql = "SELECT name FROM step_run WHERE run = ?1 AND status <> 'waiting'";
    let mut kept = transaction.prepare(sql)?;
    let kept = kept.query_map([run], |row| row.get::<_, String>(0))?;
    let mut again = transaction
        .prepare("UPDATE step_run SET status = 'waiting' WHERE run = ?1 AND name = ?2")?;
    for name in kept.collect::<Result<Vec<_>, _>>()?.iter().filter(|name| !done.contains_key(*name))
    {
        again.execute([run, name])?;
    }
    Ok(())
}
