//! What went into cache keys.

use std::collections::BTreeMap;

use rusqlite::OptionalExtension as _;

use super::rows::json;
use super::{Database, MetadataError};
use crate::engine::cache_key::KeyParts;

impl Database {
    /// What went into these cache keys, as far as that is recorded.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn key_parts<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a String>,
    ) -> Result<BTreeMap<String, KeyParts>, MetadataError> {
        let failed = self.failed("read what went into cache keys");
        let sql = "SELECT parts FROM cache_key WHERE key = ?1";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let mut found = BTreeMap::new();
        for key in keys {
            let parts = statement.query_row([key], |row| json(row, "parts"));
            if let Some(parts) = parts.optional().map_err(&failed)? {
                found.insert(key.clone(), parts);
            }
        }
        Ok(found)
    }
}
