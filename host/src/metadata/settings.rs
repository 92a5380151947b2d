//! What is set once for all projects: the active stack.

use rusqlite::OptionalExtension as _;

use super::stacks::gone;
use super::{Database, MetadataError};
use crate::stack::Stack;

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
    /// The stack is gone, or the database cannot be written.
    pub fn set_active_stack(&self, stack: &Stack) -> Result<(), MetadataError> {
        let sql =
            "INSERT INTO setting (name, value) SELECT 'active-stack', id FROM stack WHERE id = ?1
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        let failed = self.failed("set the active stack");
        match self.connection.execute(sql, [&stack.id]).map_err(failed)? {
            0 => Err(gone(&stack.name)),
            _ => Ok(()),
        }
    }
}
