//! The artifacts of recorded runs.

use jiff::Timestamp;
use rusqlite::{Row, params_from_iter};

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

/// Which artifacts are wanted.
#[derive(Debug, Clone, Default)]
pub struct ArtifactFilter<'a> {
    /// Only those of the run with this id.
    pub run: Option<&'a str>,
    /// Only those of runs of this pipeline.
    pub pipeline: Option<&'a str>,
    /// Only outputs of steps of this name.
    pub step: Option<&'a str>,
    /// Only outputs of this name.
    pub output: Option<&'a str>,
    /// Only those whose digest starts so.
    pub digest: Option<&'a str>,
    /// At most so many.
    pub limit: Option<u32>,
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
    /// Artifacts, those of the newest runs first, those of one run in the order of its plan.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn artifacts(
        &self,
        filter: &ArtifactFilter<'_>,
    ) -> Result<Vec<ArtifactRecord>, MetadataError> {
        let failed = self.failed("read the artifacts");
        let limit = filter.limit.map_or(i64::MAX, i64::from);
        let (conditions, values) = filter.conditions();
        // Where nothing narrows it down: from the newest run on, so that a limit is reached soon. The limit of the subquery is
        // none; it keeps SQLite from rearranging this.
        let tables = match (filter.run, filter.digest) {
            (None, None) => {
                "(SELECT * FROM run ORDER BY started DESC, number DESC LIMIT -1) AS run CROSS JOIN artifact"
            }
            _ => "artifact JOIN run",
        };
        let sql = format!(
            "SELECT run.id AS run_id, run.name AS run_name, artifact.step, artifact.output, artifact.kind,
                 artifact.digest, artifact.size, artifact.executable, artifact.metadata, artifact.created
             FROM {tables} ON run.id = artifact.run
             LEFT JOIN step_run ON step_run.run = artifact.run AND step_run.name = artifact.step
             WHERE {conditions}
             ORDER BY run.started DESC, run.number DESC, step_run.position, artifact.output LIMIT {limit}"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let rows = statement.query_map(params_from_iter(values), record_of).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}

impl<'a> ArtifactFilter<'a> {
    /// Conditions for what is wanted and no others, so that indexes are used; and their values.
    fn conditions(&self) -> (String, Vec<&'a str>) {
        let mut conditions = vec!["true"];
        let mut values = Vec::new();
        let wanted = [
            (self.run, "run.id = ?"),
            (self.pipeline, "run.pipeline = ?"),
            (self.step, "artifact.step = ?"),
            (self.output, "artifact.output = ?"),
            // A range and not LIKE: the text is no pattern, and the index is used.
            (self.digest, "artifact.digest >= ?"),
            (self.digest, "artifact.digest < ? || 'g'"),
        ];
        // Those of items are in the folders of their steps.
        if self.step.is_none() && self.digest.is_none() {
            conditions.push("instr(artifact.step, ':') = 0");
        }
        for (value, condition) in wanted {
            if let Some(value) = value {
                conditions.push(condition);
                values.push(value);
            }
        }
        (conditions.join(" AND "), values)
    }
}
