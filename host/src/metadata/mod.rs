//! What is registered and what has run. The only module that knows the database.
//!
//! One SQLite file with a write-ahead log: readers never wait, writers wait for each other, and a process that is killed at
//! any moment loses nothing that it was told is done. A [`Database`] belongs to one thread.

mod artifacts;
mod attempts;
mod components;
mod error;
mod file_digests;
mod following;
mod history;
mod keeping;
mod key_parts;
mod lineage;
mod migrations;
mod probes;
mod recording;
mod resuming;
mod rows;
mod run_filter;
mod run_lock;
mod runs;
mod secrets;
mod settings;
mod stacks;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

pub use artifacts::{ArtifactFilter, ArtifactRecord};
pub use attempts::AttemptRecord;
pub use components::NewComponent;
pub use error::MetadataError;
pub use following::{StepMark, WarningRecord};
pub use history::RunHistory;
pub use keeping::{RunBrief, RunNeed};
pub use lineage::{Direction, Execution, Lineage};
pub use run_filter::{Comparison, RunColumn, RunFilter, RunOrder, Test};
pub use run_lock::{Requests, RunLock, request_stop};
pub use runs::{NewRun, RunRecord, StackMember, StepRecord};
pub use secrets::SecretRecord;

/// Who owns what is registered here.
pub const OWNER: &str = "default";

/// The workspace that exists from the start.
pub const WORKSPACE: &str = "default";

/// How long a writer waits for others before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The local database.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    /// Opens the database at `path`; makes it, with its folder and the default stack, if there is none.
    ///
    /// # Errors
    /// [`MetadataError`]: it cannot be opened, is not one of ours, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, MetadataError> {
        let failed = |source| MetadataError::opening(path, source);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| MetadataError::Folder { path: folder.to_owned(), source })?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(PATIENCE).map_err(failed)?;
        // Statements are planned once, and not again for each value of their parameters.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
        connection.set_prepared_statement_cache_capacity(64);
        migrations::bring_up_to_date(&mut connection, path)?;
        // With a write-ahead log, a kill loses nothing at this level; a power cut may lose the last moments, never more.
        connection
            .execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
            .map_err(failed)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does several things as one: all or none of them, and nobody else writes in between.
    fn transaction<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, MetadataError>,
    ) -> Result<T, MetadataError> {
        let begun = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate);
        let transaction = begun.map_err(self.failed(doing))?;
        let result = work(&transaction)?;
        transaction.commit().map_err(self.failed(doing))?;
        Ok(result)
    }

    /// Makes errors of SQLite say what was being done.
    fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> MetadataError + '_ {
        move |source| MetadataError::while_doing(doing, &self.path, source)
    }
}
