//! The attempts of a step that another one followed: each keeps its reason and its log.

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};

use super::rows::{json_if_any, timestamp_if_any};
use super::{Database, MetadataError};
use crate::artifact::ArtifactRef;

/// A try of a step that was not the last one.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// From 1.
    pub attempt: u32,
    /// Why it failed.
    pub reason: Option<String>,
    /// The exit code of its command.
    pub exit_code: Option<i32>,
    /// Its log, in the artifact store.
    pub log: Option<ArtifactRef>,
    /// The last lines of its log.
    pub log_tail: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

fn attempt_of(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    Ok(AttemptRecord {
        attempt: row.get("attempt")?,
        reason: row.get("reason")?,
        exit_code: row.get("exit_code")?,
        log: json_if_any(row, "log")?,
        log_tail: row.get("log_tail")?,
        started: timestamp_if_any(row, "started")?,
        ended: timestamp_if_any(row, "ended")?,
    })
}

impl Database {
    /// The attempts of a step before its last one, in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn attempts(&self, run: &str, step: &str) -> Result<Vec<AttemptRecord>, MetadataError> {
        let failed = self.failed("read the attempts of a step");
        let sql = "SELECT attempt, reason, exit_code, log, log_tail, started, ended FROM attempt
             WHERE run = ?1 AND step = ?2 ORDER BY attempt";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map([run, step], attempt_of).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}

/// Another attempt of a step begins: what is recorded of the last one moves out of its place.
pub(super) fn put_aside(
    transaction: &Transaction<'_>,
    run: &str,
    step: &str,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO attempt (run, step, attempt, reason, exit_code, log, log_tail, started, ended)
         SELECT run, name, attempt, reason, exit_code, log, log_tail, started, ended FROM step_run
         WHERE run = ?1 AND name = ?2 AND attempt > 0";
    transaction.prepare_cached(sql)?.execute(params![run, step])?;
    Ok(())
}
