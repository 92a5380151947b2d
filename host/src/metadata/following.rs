//! What is asked again and again while somebody watches a run of another process: cheap where nothing has changed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Row, params};

use super::rows::{named, timestamp};
use super::runs::{STEP_COLUMNS, step_of};
use super::{Database, MetadataError, StepRecord};
use crate::engine::event::{RunStatus, StepStatus};

/// How a step stands, and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepMark {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: StepStatus,
    /// How often it was tried.
    pub attempt: u32,
    /// How many items it has, if it has items and that is known.
    pub items: Option<u32>,
}

/// Something that somebody should know of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarningRecord {
    /// Larger for later ones.
    pub number: i64,
    /// When it was told.
    pub told: Timestamp,
    /// In words.
    pub message: String,
}

fn mark_of(row: &Row<'_>) -> rusqlite::Result<StepMark> {
    Ok(StepMark {
        name: row.get("name")?,
        status: named(row, "status")?,
        attempt: row.get("attempt")?,
        items: row.get("items")?,
    })
}

fn warning_of(row: &Row<'_>) -> rusqlite::Result<WarningRecord> {
    Ok(WarningRecord {
        number: row.get("number")?,
        told: timestamp(row, "told")?,
        message: row.get("message")?,
    })
}

impl Database {
    /// A number that is another one when another process has written something since.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn version(&self) -> Result<i64, MetadataError> {
        let version = self.connection.pragma_query_value(None, "data_version", |row| row.get(0));
        version.map_err(self.failed("look for changes"))
    }

    /// How a run stands, and why; `None` if there is none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn standing(
        &self,
        run: &str,
    ) -> Result<Option<(RunStatus, Option<String>)>, MetadataError> {
        let failed = self.failed("read a run");
        let sql = "SELECT status, reason FROM run WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let standing = |row: &Row<'_>| Ok((named(row, "status")?, row.get("reason")?));
        statement.query_row([run], standing).optional().map_err(&failed)
    }

    /// How the steps of a run stand, in the order of its plan; behind them the items of fan-outs.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn step_marks(&self, run: &str) -> Result<Vec<StepMark>, MetadataError> {
        let failed = self.failed("read the steps of a run");
        let sql =
            "SELECT name, status, attempt, items FROM step_run WHERE run = ?1 ORDER BY position";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map([run], mark_of).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// These steps of a run with their metrics, without their outputs.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn some_steps(&self, run: &str, names: &[&str]) -> Result<Vec<StepRecord>, MetadataError> {
        let failed = self.failed("read steps of a run");
        let sql = format!("SELECT {STEP_COLUMNS} FROM step_run WHERE run = ?1 AND name = ?2");
        let mut of_step = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let sql = "SELECT name, value FROM metric WHERE run = ?1 AND step = ?2";
        let mut of_metrics = self.connection.prepare_cached(sql).map_err(&failed)?;
        let mut steps = Vec::new();
        for name in names {
            let values = params![run, name];
            let Some(mut step) = of_step.query_row(values, step_of).optional().map_err(&failed)?
            else {
                continue;
            };
            let metrics = of_metrics.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)));
            let metrics = metrics.map_err(&failed)?.collect::<Result<BTreeMap<_, _>, _>>();
            step.metrics = metrics.map_err(&failed)?;
            steps.push(step);
        }
        Ok(steps)
    }

    /// What was warned of in a run, after the warning with that number.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn warnings(&self, run: &str, after: i64) -> Result<Vec<WarningRecord>, MetadataError> {
        let failed = self.failed("read the warnings of a run");
        let sql = "SELECT number, told, message FROM run_warning WHERE run = ?1 AND number > ?2 ORDER BY number";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map(params![run, after], warning_of).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}
