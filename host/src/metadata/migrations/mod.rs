//! From any earlier format of the database to today's. Migrations are numbered, and never edited once released.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::error::MetadataError;
use super::rows::now_ms;
use super::{OWNER, PATIENCE, WORKSPACE};

/// Says that a SQLite file is one of ours: "Sndy" as a number.
const APPLICATION_ID: i32 = 0x536e_6479;

/// One for each format, in order; the number of a format is how many of them have been done.
const MIGRATIONS: [fn(&Transaction<'_>) -> rusqlite::Result<()>; 3] = [first, engine, fan_out];

/// The number of today's format.
#[expect(clippy::cast_possible_truncation, reason = "there are a few")]
pub(super) const LATEST: u32 = MIGRATIONS.len() as u32;

/// Makes the database what this version expects.
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
) -> Result<(), MetadataError> {
    let failed = |source| MetadataError::opening(path, source);
    // Within a transaction: another process may be making it what it is to be, and half of that is nothing we know.
    let snapshot = connection.transaction().map_err(failed)?;
    let is_latest = format(&snapshot, path)? == LATEST;
    snapshot.finish().map_err(failed)?;
    if is_latest {
        return Ok(());
    }
    write_ahead(connection).map_err(failed)?;
    // Two processes may come here at once: who is second finds that there is nothing left to do.
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let done = format(&transaction, path)?;
    for migration in &MIGRATIONS[done as usize..] {
        migration(&transaction).map_err(failed)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
    transaction.pragma_update(None, "user_version", LATEST).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Turns the write-ahead log on.
///
/// SQLite does not wait for others here, as it does everywhere else: of two processes that both want this and see each
/// other, it tells one that the database is busy.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match connection.execute_batch("PRAGMA journal_mode = WAL;") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begun.elapsed() < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(2));
            }
            other => return other,
        }
    }
}

/// The number of the database's format; 0 if it is empty.
fn format(connection: &Connection, path: &Path) -> Result<u32, MetadataError> {
    let failed = |source| MetadataError::opening(path, source);
    let pragma = |name: &str| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(failed)
    };
    let format = u32::try_from(pragma("user_version")?).unwrap_or(u32::MAX);
    let application = pragma("application_id")?;
    if application != i64::from(APPLICATION_ID) {
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(failed)?;
        if application != 0 || format != 0 || tables != 0 {
            return Err(MetadataError::Foreign { path: path.to_owned() });
        }
    }
    if format > LATEST {
        let (found, known) = (format, LATEST);
        return Err(MetadataError::FromTheFuture { path: path.to_owned(), found, known });
    }
    Ok(format)
}

fn engine(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(include_str!("0002_engine.sql"))
}

fn fan_out(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(include_str!("0003_fan_out.sql"))
}

fn first(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(include_str!("0001_first.sql"))?;
    let id = || uuid::Uuid::new_v4().to_string();
    let (now, workspace, stack) = (now_ms(), id(), id());
    transaction.execute(
        "INSERT INTO workspace (id, name, created) VALUES (?1, ?2, ?3)",
        params![workspace, WORKSPACE, now],
    )?;
    transaction.execute(
        "INSERT INTO stack (id, workspace, name, owner, is_shared, created, updated)
         VALUES (?1, ?2, 'default', ?3, 0, ?4, ?4)",
        params![stack, workspace, OWNER, now],
    )?;
    for (position, kind) in ["orchestrator", "artifact-store"].into_iter().enumerate() {
        let component = id();
        transaction.execute(
            "INSERT INTO component
               (id, workspace, kind, name, flavor, plugin, config, owner, is_shared, created, updated)
             VALUES (?1, ?2, ?3, 'default', 'local', ?4, '{}', ?5, 0, ?6, ?6)",
            params![component, workspace, kind, format!("local-{kind}"), OWNER, now],
        )?;
        transaction.execute(
            "INSERT INTO stack_component (stack, position, component) VALUES (?1, ?2, ?3)",
            params![stack, position, component],
        )?;
    }
    transaction
        .execute("INSERT INTO setting (name, value) VALUES ('active-stack', ?1)", [stack])?;
    Ok(())
}
