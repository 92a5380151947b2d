//! What runs need of an artifact store, and letting go of it; and deleting runs.

use rusqlite::{Row, params};
use sundae_plugin_api::ComponentKind;

use super::rows::{json, named, now_ms};
use super::runs::StackMember;
use super::{Database, MetadataError};
use crate::artifact::{ArtifactKind, ArtifactRef};
use crate::engine::event::RunStatus;

/// What is to be known of a run to decide what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunBrief {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The name of the pipeline.
    pub pipeline: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// Whether its artifacts were let go.
    pub is_released: bool,
    /// The id of its artifact store.
    pub store: Option<String>,
}

/// Something that a run has in its artifact store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunNeed {
    /// The id of the run.
    pub run: String,
    /// The step.
    pub step: String,
    /// The name of an output; or it is a log.
    pub output: Option<String>,
    /// File or folder.
    pub kind: ArtifactKind,
    /// Of its content.
    pub digest: String,
}

fn brief_of(row: &Row<'_>) -> rusqlite::Result<RunBrief> {
    let members: Vec<StackMember> = json(row, "members")?;
    let is_store = |member: &StackMember| member.kind == ComponentKind::ArtifactStore;
    Ok(RunBrief {
        id: row.get("id")?,
        name: row.get("name")?,
        pipeline: row.get("pipeline")?,
        status: named(row, "status")?,
        started_ms: row.get("started")?,
        is_released: row.get::<_, Option<i64>>("released")?.is_some(),
        store: members.into_iter().find(is_store).map(|store| store.id),
    })
}

fn output_of(row: &Row<'_>) -> rusqlite::Result<RunNeed> {
    Ok(RunNeed {
        run: row.get("run")?,
        step: row.get("step")?,
        output: row.get("output")?,
        kind: named(row, "kind")?,
        digest: row.get("digest")?,
    })
}

fn log_of(row: &Row<'_>) -> rusqlite::Result<RunNeed> {
    let log: ArtifactRef = json(row, "log")?;
    Ok(RunNeed {
        run: row.get("run")?,
        step: row.get("step")?,
        output: None,
        kind: log.kind,
        digest: log.digest,
    })
}

impl Database {
    /// All runs, the newest first, as far as it matters for what they keep.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn run_briefs(&self) -> Result<Vec<RunBrief>, MetadataError> {
        let failed = self.failed("read the runs");
        let sql = "SELECT id, name, pipeline, status, started, released, members FROM run
             ORDER BY started DESC, number DESC";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([], brief_of).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Visits everything that runs have in artifact stores: outputs, and the logs of all attempts.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn each_need(&self, mut visit: impl FnMut(RunNeed)) -> Result<(), MetadataError> {
        type Read = fn(&Row<'_>) -> rusqlite::Result<RunNeed>;
        let failed = self.failed("read what runs have produced");
        let sources: [(&str, Read); 3] = [
            ("SELECT run, step, output, kind, digest FROM artifact", output_of),
            ("SELECT run, name AS step, log FROM step_run WHERE log IS NOT NULL", log_of),
            ("SELECT run, step, log FROM attempt WHERE log IS NOT NULL", log_of),
        ];
        for (sql, read) in sources {
            let mut statement = self.connection.prepare(sql).map_err(&failed)?;
            let rows = statement.query_map([], read).map_err(&failed)?;
            for need in rows {
                visit(need.map_err(&failed)?);
            }
        }
        Ok(())
    }

    /// Visits the cache keys of all steps, with the ids of their runs.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn each_cache_key(&self, mut visit: impl FnMut(&str, &str)) -> Result<(), MetadataError> {
        let failed = self.failed("read the steps of runs");
        let sql = "SELECT run, cache_key FROM step_run WHERE cache_key IS NOT NULL";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let pair = || -> rusqlite::Result<(String, String)> { Ok((row.get(0)?, row.get(1)?)) };
            let (run, key) = pair().map_err(&failed)?;
            visit(&run, &key);
        }
        Ok(())
    }

    /// Records that these runs keep their artifacts no longer.
    ///
    /// # Errors
    /// The database cannot be written; then it is recorded of none.
    pub fn release_runs(&self, runs: &[String]) -> Result<(), MetadataError> {
        let doing = "record that artifacts are let go";
        self.transaction(doing, |transaction| {
            let failed = self.failed(doing);
            let sql = "UPDATE run SET released = ?2 WHERE id = ?1";
            for run in runs {
                let mut statement = transaction.prepare_cached(sql).map_err(&failed)?;
                statement.execute(params![run, now_ms()]).map_err(&failed)?;
            }
            Ok(())
        })
    }

    /// Deletes these runs with all that is recorded of them. One that is under way stays.
    ///
    /// # Errors
    /// The database cannot be written; then all of them are still there.
    pub fn delete_runs(&self, runs: &[String]) -> Result<u64, MetadataError> {
        self.transaction("delete runs", |transaction| {
            let failed = self.failed("delete runs");
            let mut deleted = 0;
            let remember = "INSERT INTO deleted_number (pipeline, number)
                 SELECT pipeline, number FROM run WHERE id = ?1
                 ON CONFLICT (pipeline) DO UPDATE SET number = max(number, excluded.number)";
            // What belongs to a run goes with it.
            let delete = "DELETE FROM run WHERE id = ?1 AND status <> 'running'";
            for run in runs {
                let execute = |sql| transaction.prepare_cached(sql)?.execute([run]);
                execute(remember).map_err(&failed)?;
                deleted += execute(delete).map_err(&failed)? as u64;
            }
            // And what went into keys that only they had.
            let unused = "DELETE FROM cache_key WHERE key NOT IN
                 (SELECT cache_key FROM step_run WHERE cache_key IS NOT NULL)";
            transaction.execute(unused, []).map_err(&failed)?;
            Ok(deleted)
        })
    }
}
