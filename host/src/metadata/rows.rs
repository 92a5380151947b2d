//! Between the columns of the database and the values that they stand for.

use jiff::Timestamp;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The time now, as it is kept.
pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// The time in a column.
pub(super) fn timestamp(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    Ok(from_ms(row.get(column)?))
}

/// The time in a column that may be empty.
pub(super) fn timestamp_if_any(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(from_ms))
}

/// A time that is out of all bounds is as good as none.
fn from_ms(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The value that the text in a column is as JSON.
pub(super) fn json<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| damaged(column, &error))
}

/// As [`json`], of a column that may be empty.
pub(super) fn json_if_any<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| damaged(column, &error)))
        .transpose()
}

/// The value that the text in a column is the name of.
pub(super) fn named<T: DeserializeOwned>(
    row: &rusqlite::Row<'_>,
    column: &str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_value(serde_json::Value::from(text)).map_err(|error| damaged(column, &error))
}

fn damaged(column: &str, error: &serde_json::Error) -> rusqlite::Error {
    let error = format!("the column `{column}` cannot be read: {error}");
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into())
}

/// A value as JSON text.
pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text,
        Err(error) => unreachable!("what is kept is made of texts, numbers and maps: {error}"),
    }
}

/// The name of an enum's value, as it is written in JSON.
pub(super) fn name_of<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        other => unreachable!("an enum of plain names is written as a text, not {other:?}"),
    }
}
