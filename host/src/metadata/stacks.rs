//! Registered stacks.

use rusqlite::{Transaction, params};

use super::components::{COLUMNS, component_of};
use super::rows::{now_ms, timestamp};
use super::{Database, MetadataError, OWNER, WORKSPACE};
use crate::stack::{Component, Stack};

impl Database {
    /// The registered stacks, in the order in which they were registered.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn stacks(&self) -> Result<Vec<Stack>, MetadataError> {
        let failed = self.failed("read the stacks");
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT id, name, owner, is_shared, created, updated FROM stack ORDER BY created, name",
            )
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| {
                Ok(Stack {
                    id: row.get("id")?,
                    name: row.get("name")?,
                    components: Vec::new(),
                    owner: row.get("owner")?,
                    is_shared: row.get("is_shared")?,
                    created: timestamp(row, "created")?,
                    updated: timestamp(row, "updated")?,
                })
            })
            .map_err(&failed)?;
        let mut stacks = rows.collect::<Result<Vec<_>, _>>().map_err(&failed)?;
        for (stack, component) in self.members()? {
            if let Some(stack) = stacks.iter_mut().find(|known| known.id == stack) {
                stack.components.push(component);
            }
        }
        Ok(stacks)
    }

    /// The id of a stack and one of its components, for all.
    fn members(&self) -> Result<Vec<(String, Component)>, MetadataError> {
        let failed = self.failed("read the stacks");
        let sql = format!(
            "SELECT stack_component.stack AS stack, {COLUMNS} FROM stack_component
             JOIN component ON component.id = stack_component.component
             ORDER BY stack_component.stack, stack_component.position"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let rows = statement
            .query_map([], |row| Ok((row.get("stack")?, component_of(row)?)))
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Registers a stack of these components.
    ///
    /// # Errors
    /// [`MetadataError::NameTaken`], a component is gone, or the database cannot be written.
    pub fn register_stack(
        &self,
        name: &str,
        components: &[Component],
    ) -> Result<Stack, MetadataError> {
        self.import_stack(name, components, &[])
    }

    /// Registers a stack and those of its components that are new, all or nothing.
    ///
    /// # Errors
    /// [`MetadataError::NameTaken`] by the stack or a component, a component is gone, or the database cannot be written.
    pub fn import_stack(
        &self,
        name: &str,
        components: &[Component],
        new: &[Component],
    ) -> Result<Stack, MetadataError> {
        let id = uuid::Uuid::new_v4().to_string();
        self.transaction("register a stack", |transaction| {
            let sql = "INSERT INTO stack (id, workspace, name, owner, is_shared, created, updated)
                 SELECT ?1, workspace.id, ?2, ?3, 0, ?4, ?4 FROM workspace WHERE name = ?5";
            transaction.execute(sql, params![id, name, OWNER, now_ms(), WORKSPACE]).map_err(
                |error| {
                    let taken = || MetadataError::stack_name_taken(name);
                    self.unless_taken(error, "register a stack", taken)
                },
            )?;
            for component in new {
                self.insert_component(component)?;
            }
            self.put_members(transaction, &id, components)
        })?;
        self.stack_again(&id, name)
    }

    /// Makes a stack consist of these components, if it still consists of those that `stack` has.
    ///
    /// # Errors
    /// [`MetadataError::Changed`], the stack or a component is gone, or the database cannot be written.
    pub fn set_stack_components(
        &self,
        stack: &Stack,
        components: &[Component],
    ) -> Result<Stack, MetadataError> {
        self.transaction("change a stack", |transaction| {
            let failed = self.failed("change a stack");
            let sql = "UPDATE stack SET updated = ?2 WHERE id = ?1";
            if transaction.execute(sql, params![stack.id, now_ms()]).map_err(&failed)? == 0 {
                return Err(gone(&stack.name));
            }
            if !self.still_consists_of(stack)? {
                return Err(MetadataError::Changed { what: format!("stack `{}`", stack.name) });
            }
            transaction
                .execute("DELETE FROM stack_component WHERE stack = ?1", [&stack.id])
                .map_err(&failed)?;
            self.put_members(transaction, &stack.id, components)
        })?;
        self.stack_again(&stack.id, &stack.name)
    }

    fn still_consists_of(&self, stack: &Stack) -> Result<bool, MetadataError> {
        let members = self.members()?;
        let now = members.iter().filter(|(of, _)| *of == stack.id).map(|(_, member)| &member.id);
        Ok(now.eq(stack.components.iter().map(|component| &component.id)))
    }

    /// Gives a stack another name.
    ///
    /// # Errors
    /// [`MetadataError::NameTaken`], the stack is gone, or the database cannot be written.
    pub fn rename_stack(&self, stack: &Stack, name: &str) -> Result<Stack, MetadataError> {
        let changed = self
            .connection
            .execute(
                "UPDATE stack SET name = ?2, updated = ?3 WHERE id = ?1",
                params![stack.id, name, now_ms()],
            )
            .map_err(|error| {
                let taken = || MetadataError::stack_name_taken(name);
                self.unless_taken(error, "rename a stack", taken)
            })?;
        if changed == 0 { Err(gone(&stack.name)) } else { self.stack_again(&stack.id, name) }
    }

    /// Deletes a stack that is not the active one; its components stay.
    ///
    /// # Errors
    /// [`MetadataError::StackIsActive`], or the database cannot be written. It is no error if the stack is gone already.
    pub fn delete_stack(&self, stack: &Stack) -> Result<(), MetadataError> {
        self.transaction("delete a stack", |transaction| {
            if self.active_stack()?.as_ref() == Some(&stack.id) {
                return Err(MetadataError::StackIsActive { name: stack.name.clone() });
            }
            transaction
                .execute("DELETE FROM stack WHERE id = ?1", [&stack.id])
                .map_err(self.failed("delete a stack"))?;
            Ok(())
        })
    }

    fn put_members(
        &self,
        transaction: &Transaction<'_>,
        stack: &str,
        components: &[Component],
    ) -> Result<(), MetadataError> {
        let failed = self.failed("write the components of a stack");
        let sql = "INSERT INTO stack_component (stack, position, component)
             SELECT ?1, ?2, id FROM component WHERE id = ?3";
        let mut in_order: Vec<_> = components.iter().collect();
        in_order.sort_by_key(|component| component.kind);
        for (position, component) in in_order.into_iter().enumerate() {
            let values = params![stack, position, component.id];
            if transaction.execute(sql, values).map_err(&failed)? == 0 {
                let what = format!("{} `{}`", component.kind, component.name);
                return Err(MetadataError::Gone { what });
            }
        }
        Ok(())
    }

    fn stack_again(&self, id: &str, name: &str) -> Result<Stack, MetadataError> {
        self.stacks()?.into_iter().find(|stack| stack.id == id).ok_or_else(|| gone(name))
    }
}

pub(super) fn gone(name: &str) -> MetadataError {
    MetadataError::Gone { what: format!("stack `{name}`") }
}
