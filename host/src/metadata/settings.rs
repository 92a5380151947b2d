//! What is set once for all projects: the active stack.

use rusqlite::OptionalExtension as _;

use super::{Database, MetadataError};

impl Database {
    /// The id of the stack that is active where no project says otherwise.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn active_stack(&self) -> Result<Option<String>, MetadataError> {
        self.connection
            .query_row("SELECT value FROM setting WHERE name = 'active-stack'", [], |row| {
                row.get(0)
            })
            .optional()
            .map_err(self.failed("read the active stack"))
    }

    /// Makes a stack the active one.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn set_active_stack(&self, id: &str) -> Result<(), MetadataError> {
        let sql = "INSERT INTO setting (name, value) VALUES ('active-stack', ?1)
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.connection.execute(sql, [id]).map_err(self.failed("set the active stack"))?;
        Ok(())
    }
}
