//! Secrets as they are kept: sealed. This module never sees a value.

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::rows::{now_ms, timestamp};
use super::{Database, MetadataError};

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRecord {
    /// Its name, unique.
    pub name: String,
    /// When it was first set.
    pub created: Timestamp,
    /// When it was last set.
    pub updated: Timestamp,
}

impl Database {
    /// Keeps a sealed secret; one of that name is replaced. Returns whether there was one.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_secret(&self, name: &str, sealed: &[u8]) -> Result<bool, MetadataError> {
        let was_there = self.sealed_secret(name)?.is_some();
        let sql = "INSERT INTO secret (name, sealed, created, updated) VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (name) DO UPDATE SET sealed = excluded.sealed, updated = excluded.updated";
        let failed = self.failed("keep a secret");
        self.connection.execute(sql, params![name, sealed, now_ms()]).map_err(failed)?;
        Ok(was_there)
    }

    /// The sealed secret of that name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn sealed_secret(&self, name: &str) -> Result<Option<Vec<u8>>, MetadataError> {
        self.connection
            .query_row("SELECT sealed FROM secret WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .map_err(self.failed("read a secret"))
    }

    /// All secrets, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn secrets(&self) -> Result<Vec<SecretRecord>, MetadataError> {
        let failed = self.failed("read the secrets");
        let sql = "SELECT name, created, updated FROM secret ORDER BY name";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map([], |row| {
            Ok(SecretRecord {
                name: row.get("name")?,
                created: timestamp(row, "created")?,
                updated: timestamp(row, "updated")?,
            })
        });
        rows.and_then(Iterator::collect).map_err(&failed)
    }

    /// Forgets a secret. Returns whether there was one.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn delete_secret(&self, name: &str) -> Result<bool, MetadataError> {
        let failed = self.failed("delete a secret");
        let deleted = self.connection.execute("DELETE FROM secret WHERE name = ?1", [name]);
        Ok(deleted.map_err(failed)? > 0)
    }
}
