//! Lists of anything: filter, sort, choose columns. Works on the JSON of the rows, so every list can do the same.

use std::cmp::Ordering;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Map, Value};

pub use crate::metadata::Comparison;
use crate::nearest::suggestion;

/// Rows as JSON objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    /// In the order in which they are shown.
    pub rows: Vec<Map<String, Value>>,
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The column's name.
    pub column: String,
    /// How its value is compared.
    pub comparison: Comparison,
    /// With what.
    pub text: String,
}

/// Longer ones first, so that `<=` is not taken for `<`.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("!=", Comparison::Unequal),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("=", Comparison::Equal),
    ("~", Comparison::Contains),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// By what rows are sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The column's name.
    pub column: String,
    /// Whether the greatest come first.
    pub is_descending: bool,
}

/// Why a list cannot be shown so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no column `{column}`")]
pub struct ListError {
    /// What was given.
    pub column: String,
    /// What there is.
    pub suggestion: Option<String>,
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = text.find(['=', '!', '~', '<', '>']).unwrap_or(0);
        let (column, rest) = text.split_at(first);
        let found = COMPARISONS.iter().find(|(sign, _)| rest.starts_with(sign));
        match found {
            Some((sign, comparison)) if !column.is_empty() => Ok(Self {
                column: column.trim().to_owned(),
                comparison: *comparison,
                text: rest[sign.len()..].trim().to_owned(),
            }),
            _ => Err("a filter is COLUMN=VALUE, or with !=, ~ (contains), <, <=, >, >=".to_owned()),
        }
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (is_descending, column) = match text.strip_prefix('-') {
            Some(column) => (true, column),
            None => (false, text),
        };
        Ok(Self { column: column.to_owned(), is_descending })
    }
}

impl Listing {
    /// The rows of a list.
    ///
    /// # Panics
    /// A row is no JSON object: that is a bug.
    #[must_use]
    pub fn of<T: Serialize>(rows: &[T]) -> Self {
        let as_map = |row: &T| match serde_json::to_value(row) {
            Ok(Value::Object(map)) => map,
            other => unreachable!("a row of a list is a struct of plain values, not {other:?}"),
        };
        Self { rows: rows.iter().map(as_map).collect() }
    }

    /// Keeps the rows that meet every condition.
    ///
    /// # Errors
    /// A condition is about a column that no row has.
    pub fn filter(&mut self, filters: &[Filter]) -> Result<(), ListError> {
        for filter in filters {
            self.check_column(&filter.column)?;
            self.rows.retain(|row| filter.is_met(cell(row, &filter.column)));
        }
        Ok(())
    }

    /// Sorts the rows; equal ones keep their order, and those without a value come last.
    ///
    /// # Errors
    /// No row has the column.
    pub fn sort(&mut self, order: &Order) -> Result<(), ListError> {
        self.check_column(&order.column)?;
        self.rows.sort_by(|a, b| {
            let (a, b) = (cell(a, &order.column), cell(b, &order.column));
            match (is_nothing(a), is_nothing(b)) {
                (false, false) if order.is_descending => compare(b, a),
                (false, false) => compare(a, b),
                (no_a, no_b) => no_a.cmp(&no_b),
            }
        });
        Ok(())
    }

    /// The texts of the cells of these columns, row by row.
    ///
    /// # Errors
    /// No row has a column.
    pub fn cells(&self, columns: &[String]) -> Result<Vec<Vec<Value>>, ListError> {
        for column in columns {
            self.check_column(column)?;
        }
        let value = |row: &Map<String, Value>, column: &String| {
            cell(row, column).cloned().unwrap_or(Value::Null)
        };
        Ok(self
            .rows
            .iter()
            .map(|row| columns.iter().map(|column| value(row, column)).collect())
            .collect())
    }

    /// The rows with these columns only.
    ///
    /// # Errors
    /// No row has a column.
    pub fn select(&self, columns: &[String]) -> Result<Vec<Map<String, Value>>, ListError> {
        let rows = self.cells(columns)?.into_iter();
        Ok(rows.map(|row| columns.iter().cloned().zip(row).collect()).collect())
    }

    /// An empty list has every column.
    fn check_column(&self, column: &str) -> Result<(), ListError> {
        if self.rows.is_empty() || self.rows.iter().any(|row| cell(row, column).is_some()) {
            return Ok(());
        }
        let mut names: Vec<&str> = self.rows[0].keys().map(String::as_str).collect();
        for value in self.rows[0].values() {
            names.extend(value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()));
        }
        let suggestion = suggestion(column, "columns", names.iter().copied());
        Err(ListError { column: column.to_owned(), suggestion })
    }
}

/// What is written for short in front of a column's name, and the objects that it may be in.
const SHORT: [(&str, &[&str]); 2] =
    [("metric", &["metrics", "step_metrics"]), ("param", &["params"])];

/// The value of a column: a key of the row, `key.key` of an object in it, or else a key of any object in it.
fn cell<'a>(row: &'a Map<String, Value>, column: &str) -> Option<&'a Value> {
    if let Some(value) = row.get(column) {
        return Some(value);
    }
    if let Some((outer, inner)) = column.split_once('.') {
        let in_object = |outer: &str| row.get(outer).and_then(|value| value.get(inner));
        let meant = SHORT.iter().find(|(short, _)| *short == outer).map(|(_, objects)| *objects);
        let found = in_object(outer)
            .or_else(|| meant.unwrap_or_default().iter().find_map(|object| in_object(object)));
        if found.is_some() {
            return found;
        }
    }
    row.values().find_map(|value| value.as_object()?.get(column))
}

fn is_nothing(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a.and_then(Value::as_f64), b.and_then(Value::as_f64)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.map(text).cmp(&b.map(text)),
    }
}

/// A value as a person would write it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        // The name stands for the thing.
        Value::Object(map) => map.get("name").map_or_else(|| value.to_string(), text),
        other => other.to_string(),
    }
}

impl Filter {
    fn is_met(&self, value: Option<&Value>) -> bool {
        let found = value.map(text).unwrap_or_default();
        let order = || match (value.and_then(Value::as_f64), self.text.parse::<f64>()) {
            (Some(number), Ok(wanted)) => number.total_cmp(&wanted),
            _ => found.cmp(&self.text),
        };
        match self.comparison {
            Comparison::Equal => found == self.text || order() == Ordering::Equal,
            Comparison::Unequal => found != self.text && order() != Ordering::Equal,
            Comparison::Contains => found.to_lowercase().contains(&self.text.to_lowercase()),
            // What has no value is neither more nor less than another.
            _ if is_nothing(value) => false,
            Comparison::Less => order() == Ordering::Less,
            Comparison::AtMost => order() != Ordering::Greater,
            Comparison::Greater => order() == Ordering::Greater,
            Comparison::AtLeast => order() != Ordering::Less,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn listing() -> Listing {
        Listing::of(&[
            json!({ "name": "b", "size": 9, "metrics": { "accuracy": 0.9 } }),
            json!({ "name": "a", "size": 10, "metrics": {} }),
            json!({ "name": "c", "size": null, "metrics": { "accuracy": 0.95 } }),
        ])
    }

    fn names(listing: &Listing) -> Vec<&str> {
        listing.rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
    }

    fn filtered(filter: &str) -> Vec<String> {
        let mut listing = listing();
        listing.filter(&[filter.parse().unwrap()]).unwrap();
        names(&listing).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_columns_are_found_within() {
        assert_eq!(filtered("size>=9"), ["b", "a"]);
        assert_eq!(filtered("size<10"), ["b"], "what has no value is not less");
        assert_eq!(filtered("name!=a"), ["b", "c"]);
        assert_eq!(filtered("name~B"), ["b"]);
        assert_eq!(filtered("accuracy>0.9"), ["c"]);
        assert_eq!(filtered("metrics.accuracy=0.90"), ["b"]);
        assert_eq!(filtered("metric.accuracy=0.90"), ["b"]);
    }

    #[test]
    fn rows_without_a_value_come_last_either_way() {
        let mut listing = listing();
        for (order, expected) in [("size", ["b", "a", "c"]), ("-size", ["a", "b", "c"])] {
            listing.sort(&order.parse().unwrap()).unwrap();
            assert_eq!(names(&listing), expected);
        }
    }

    #[test]
    fn a_column_that_is_not_there_comes_with_those_that_are() {
        let error = listing().sort(&"sice".parse().unwrap()).unwrap_err();
        assert_eq!(error.to_string(), "there is no column `sice`");
        assert_eq!(
            error.suggestion.unwrap(),
            "did you mean `size`? columns: metrics, name, size, accuracy"
        );
        assert_eq!(Listing::default().sort(&"anything".parse().unwrap()), Ok(()));
        assert!("nonsense".parse::<Filter>().is_err());
    }
}
