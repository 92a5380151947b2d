//! Registered components.

use jiff::Timestamp;
use rusqlite::{ErrorCode, OptionalExtension as _, Row, params};
use serde_json::{Map, Value};
use sundae_plugin_api::ComponentKind;

use super::rows::{json, named, now_ms, timestamp, to_json};
use super::{Database, MetadataError, OWNER};
use crate::stack::Component;

/// A component to be registered.
#[derive(Debug, Clone)]
pub struct NewComponent<'a> {
    /// Its kind.
    pub kind: ComponentKind,
    /// Its name, unique within the kind.
    pub name: &'a str,
    /// The name of its flavor.
    pub flavor: &'a str,
    /// The plugin that offers the flavor.
    pub plugin: &'a str,
    /// What was given for the fields of the flavor's schema.
    pub config: &'a Map<String, Value>,
}

impl NewComponent<'_> {
    /// The component as it will be registered, under an id of its own.
    #[must_use]
    pub fn drafted(&self) -> Component {
        let now = Timestamp::now();
        Component {
            id: uuid::Uuid::new_v4().to_string(),
            kind: self.kind,
            name: self.name.to_owned(),
            flavor: self.flavor.to_owned(),
            plugin: self.plugin.to_owned(),
            config: self.config.clone(),
            owner: OWNER.to_owned(),
            is_shared: false,
            created: now,
            updated: now,
        }
    }
}

pub(super) const COLUMNS: &str = "component.id, component.kind, component.name, component.flavor, component.plugin, \
     component.config, component.owner, component.is_shared, component.created, component.updated";

pub(super) fn component_of(row: &Row<'_>) -> rusqlite::Result<Component> {
    Ok(Component {
        id: row.get("id")?,
        kind: named(row, "kind")?,
        name: row.get("name")?,
        flavor: row.get("flavor")?,
        plugin: row.get("plugin")?,
        config: json(row, "config")?,
        owner: row.get("owner")?,
        is_shared: row.get("is_shared")?,
        created: timestamp(row, "created")?,
        updated: timestamp(row, "updated")?,
    })
}

impl Database {
    /// The registered components, of one kind or of all, in the order in which they were registered.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn components(&self, kind: Option<ComponentKind>) -> Result<Vec<Component>, MetadataError> {
        let failed = self.failed("read the components");
        let sql = format!(
            "SELECT {COLUMNS} FROM component WHERE ?1 IS NULL OR kind = ?1 ORDER BY created, name"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&failed)?;
        let kind = kind.map(ComponentKind::as_str);
        let rows = statement.query_map([kind], component_of).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// The component with this id.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn component(&self, id: &str) -> Result<Option<Component>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM component WHERE id = ?1");
        self.connection
            .query_row(&sql, [id], component_of)
            .optional()
            .map_err(self.failed("read a component"))
    }

    /// Registers a component.
    ///
    /// # Errors
    /// [`MetadataError::NameTaken`], or the database cannot be written.
    pub fn register_component(&self, new: &NewComponent<'_>) -> Result<Component, MetadataError> {
        self.insert_component(&new.drafted())
    }

    /// As [`Self::register_component`], of a component that was drafted before, so that it could be tried.
    ///
    /// # Errors
    /// As there.
    pub fn insert_component(&self, component: &Component) -> Result<Component, MetadataError> {
        let sql = "INSERT INTO component
               (id, workspace, kind, name, flavor, plugin, config, owner, is_shared, created, updated)
             SELECT ?1, workspace.id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM workspace WHERE name = ?11";
        let values = params![
            component.id,
            component.kind.as_str(),
            component.name,
            component.flavor,
            component.plugin,
            to_json(&component.config),
            component.owner,
            component.is_shared,
            component.created.as_millisecond(),
            component.updated.as_millisecond(),
            super::WORKSPACE
        ];
        self.connection.execute(sql, values).map_err(|error| {
            self.taken(error, "register a component", component.kind, &component.name)
        })?;
        self.component(&component.id)?.ok_or_else(|| gone(component.kind, &component.name))
    }

    /// Replaces the configuration of a component, if it still is the one that `component` has.
    ///
    /// # Errors
    /// [`MetadataError::Changed`], the database cannot be written, or the component is gone.
    pub fn set_component_config(
        &self,
        component: &Component,
        config: &Map<String, Value>,
    ) -> Result<Component, MetadataError> {
        let sql = "UPDATE component SET config = ?2, updated = ?3 WHERE id = ?1 AND config = ?4";
        let before = to_json(&component.config);
        let changed = self
            .connection
            .execute(sql, params![component.id, to_json(config), now_ms(), before])
            .map_err(self.failed("change a component"))?;
        match (changed, self.component(&component.id)?) {
            (1.., Some(component)) => Ok(component),
            (0, Some(_)) => {
                let what = format!("{} `{}`", component.kind, component.name);
                Err(MetadataError::Changed { what })
            }
            (_, None) => Err(gone(component.kind, &component.name)),
        }
    }

    /// Gives a component another name.
    ///
    /// # Errors
    /// [`MetadataError::NameTaken`], the component is gone, or the database cannot be written.
    pub fn rename_component(
        &self,
        component: &Component,
        name: &str,
    ) -> Result<Component, MetadataError> {
        let changed = self
            .connection
            .execute(
                "UPDATE component SET name = ?2, updated = ?3 WHERE id = ?1",
                params![component.id, name, now_ms()],
            )
            .map_err(|error| self.taken(error, "rename a component", component.kind, name))?;
        let renamed = if changed == 0 { None } else { self.component(&component.id)? };
        renamed.ok_or_else(|| gone(component.kind, &component.name))
    }

    /// Deletes a component that no stack uses.
    ///
    /// # Errors
    /// [`MetadataError::InUse`], or the database cannot be written. It is no error if it is gone already.
    pub fn delete_component(&self, component: &Component) -> Result<(), MetadataError> {
        self.transaction("delete a component", |transaction| {
            let failed = self.failed("delete a component");
            let stacks = self.stacks_with(&component.id)?;
            if !stacks.is_empty() {
                let (kind, name) = (component.kind, component.name.clone());
                return Err(MetadataError::InUse { kind, name, stacks });
            }
            transaction
                .execute("DELETE FROM component WHERE id = ?1", [&component.id])
                .map_err(failed)?;
            Ok(())
        })
    }

    /// The names of the stacks that a component is part of.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn stacks_with(&self, component: &str) -> Result<Vec<String>, MetadataError> {
        let failed = self.failed("read the stacks of a component");
        let sql = "SELECT DISTINCT stack.name FROM stack JOIN stack_component ON stack_component.stack = stack.id
             WHERE stack_component.component = ?1 ORDER BY stack.name";
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let rows = statement.query_map([component], |row| row.get(0)).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    fn taken(
        &self,
        error: rusqlite::Error,
        doing: &'static str,
        kind: ComponentKind,
        name: &str,
    ) -> MetadataError {
        self.unless_taken(error, doing, || MetadataError::component_name_taken(kind, name))
    }

    /// The error of a write that may have met a name that is taken.
    pub(super) fn unless_taken(
        &self,
        error: rusqlite::Error,
        doing: &'static str,
        taken: impl FnOnce() -> MetadataError,
    ) -> MetadataError {
        if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
            return taken();
        }
        self.failed(doing)(error)
    }
}

fn gone(kind: ComponentKind, name: &str) -> MetadataError {
    MetadataError::Gone { what: format!("{kind} `{name}`") }
}
