//! Digests of files that were read before.

use std::path::Path;

use rusqlite::params;

use super::Database;
use super::rows::now_ms;
use crate::artifact::{KnownDigests, Look};

/// A database that cannot be asked knows nothing: then files are read, as they would be without it.
impl KnownDigests for Database {
    fn find(&self, path: &Path, look: &Look) -> Option<String> {
        let sql = "SELECT digest FROM file_digest WHERE path = ?1 AND size = ?2 AND modified_ns = ?3 AND changed_ns = ?4
             AND inode = ?5 AND device = ?6";
        let (inode, device) = (look.inode.cast_signed(), look.device.cast_signed());
        let values =
            params![path.to_str()?, look.size, look.modified_ns, look.changed_ns, inode, device];
        let mut statement = self.connection.prepare_cached(sql).ok()?;
        statement.query_row(values, |row| row.get(0)).ok()
    }

    fn remember(&self, path: &Path, look: &Look, digest: &str) {
        let Some(path) = path.to_str() else { return };
        let sql = "INSERT OR REPLACE INTO file_digest (path, size, modified_ns, changed_ns, inode, device, digest, noted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (inode, device) = (look.inode.cast_signed(), look.device.cast_signed());
        let values = params![
            path,
            look.size,
            look.modified_ns,
            look.changed_ns,
            inode,
            device,
            digest,
            now_ms()
        ];
        if let Ok(mut statement) = self.connection.prepare_cached(sql) {
            drop(statement.execute(values));
        }
    }
}
