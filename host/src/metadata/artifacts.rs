//! The artifacts of recorded runs.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::rows::timestamp;
use super::runs::artifact_of;
use super::{Database, MetadataError};
use crate::artifact::ArtifactRef;

/// An output of a step of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ArtifactRecord {
    /// The id of the run.
    pub run_id: String,
    /// The name of the run.
    pub run: String,
    /// The step that has it as an output.
    pub step: String,
    /// The name of the output.
    pub output: String,
    /// What it is.
    pub artifact: ArtifactRef,
    /// When it was published.
    pub created: Timestamp,
}

impl ArtifactRecord {
    /// How it is written: `training-3/train.model`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}/{}.{}", self.run, self.step, self.output)
    }
}

fn record_of(row: &Row<'_>) -> rusqlite::Result<ArtifactRecord> {
    Ok(ArtifactRecord {
        run_id: row.get("run_id")?,
        run: row.get("run_name")?,
        step: row.get("step")?,
        output: row.get("output")?,
        artifact: artifact_of(row)?,
        created: timestamp(row, "created")?,
    })
}

impl Database {
    /// Artifacts, those of the newest runs first, `limit` at most; of one run or of all.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn artifacts(
        &self,
        run: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Vec<ArtifactRecord>, MetadataError> {
        let limit = limit.map_or(i64::MAX, i64::from);
        self.select_artifacts("?1 IS NULL OR run.id = ?1", params![run], limit)
    }

    /// The artifacts whose digest starts so.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn artifacts_with_digest(&self, start: &str) -> Result<Vec<ArtifactRecord>, MetadataError> {
        // A range and not LIKE: the text is no pattern, and the index is used.
        let condition = "digest >= ?1 AND digest < ?1 || 'g'";
        self.select_artifacts(condition, params![start], i64::MAX)
    }

    fn select_artifacts(
        &self,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
        limit: i64,
    ) -> Result<Vec<ArtifactRecord>, MetadataError> {
        let failed = self.failed("read the artifacts");
        let sql = format!(
            "SELECT run.id AS run_id, run.name AS run_name, artifact.step, artifact.output, artifact.kind,
                 artifact.digest, artifact.size, artifact.metadata, artifact.created
             FROM artifact JOIN run ON run.id = artifact.run
             LEFT JOIN step_run ON step_run.run = artifact.run AND step_run.name = artifact.step
             WHERE {condition}
             ORDER BY run.started DESC, run.number DESC, step_run.position, artifact.output LIMIT {limit}"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let rows = statement.query_map(values, record_of).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}
