//! How steps were executed last.

use std::path::Path;

use rusqlite::{OptionalExtension as _, params};

use super::Database;
use super::rows::named;
use crate::engine::explain::{Execution, History};

/// So many runs are looked at: a step that was in none of them is new.
const LOOKED_AT: u32 = 50;

/// The earlier runs of a pipeline.
pub struct RunHistory<'a> {
    database: &'a Database,
    pipeline: &'a str,
    /// The root of the project.
    project: Option<String>,
    /// But for this run.
    except: &'a str,
}

impl Database {
    /// The runs of a pipeline of a project, but for the one with this id.
    #[must_use]
    pub fn history<'a>(
        &'a self,
        pipeline: &'a str,
        project: Option<&Path>,
        except: Option<&'a str>,
    ) -> RunHistory<'a> {
        let project = project.map(|root| root.display().to_string());
        RunHistory { database: self, pipeline, project, except: except.unwrap_or_default() }
    }
}

impl RunHistory<'_> {
    fn find(&self, step: &str) -> rusqlite::Result<Option<Execution>> {
        let sql = "SELECT earlier.name AS run, step_run.status, parts
             FROM (SELECT id, name, number FROM run WHERE pipeline = ?1 AND id <> ?2 AND project IS ?5
                   ORDER BY number DESC LIMIT ?3) AS earlier
             JOIN step_run ON step_run.run = earlier.id AND step_run.name = ?4
             JOIN cache_key ON cache_key.key = step_run.cache_key
             ORDER BY earlier.number DESC LIMIT 1";
        let mut statement = self.database.connection.prepare_cached(sql)?;
        let values = params![self.pipeline, self.except, LOOKED_AT, step, self.project];
        let execution = statement.query_row(values, |row| {
            Ok(Execution {
                run: row.get("run")?,
                status: named(row, "status")?,
                parts: row.get("parts")?,
            })
        });
        execution.optional()
    }
}

impl History for RunHistory<'_> {
    /// A database that cannot be read is no reason to stop a run: the reason is only told to people.
    fn last(&self, step: &str) -> Option<Execution> {
        self.find(step).ok().flatten()
    }
}
