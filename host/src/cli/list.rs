//! What all lists have in common: filter, sort, columns, limit; a table or JSON.

use clap::Args;
use serde::Serialize;

use super::Failure;
use super::context::Context;
use super::table::{cell, heading, table};
use crate::view::{Filter, Listing, Order};

/// How a list is to be shown.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "List options")]
pub(super) struct ListArgs {
    /// Only rows that meet a condition, such as `name=default`, `name~prod`, `size>=1000`; can be given several times
    #[arg(long, value_name = "CONDITION")]
    pub filter: Vec<Filter>,

    /// Sort by this column; `-COLUMN` turns the order around
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub sort: Option<Order>,

    /// The columns to show, parted by commas: any key of the JSON output
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    pub columns: Option<Vec<String>>,

    /// Show so many rows at most
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
}

impl ListArgs {
    /// How many rows are needed at most, where that is known before they are looked at.
    #[must_use]
    pub(super) fn rows_needed(&self) -> Option<u32> {
        let in_order = self.filter.is_empty() && self.sort.is_none();
        self.limit.filter(|_| in_order).and_then(|limit| u32::try_from(limit).ok())
    }

    /// Shows rows; `columns` are those of the table where none are chosen, `nothing` is said where there are no rows.
    ///
    /// # Errors
    /// A column that was named does not exist, or stdout cannot be written.
    pub(super) fn show<T: Serialize>(
        &self,
        context: &Context,
        rows: &[T],
        columns: &[&str],
        nothing: &str,
    ) -> Result<(), Failure> {
        let mut listing = Listing::of(rows);
        listing.filter(&self.filter)?;
        if let Some(order) = &self.sort {
            listing.sort(order)?;
        }
        listing.rows.truncate(self.limit.unwrap_or(usize::MAX));
        if context.wants_json() {
            return match &self.columns {
                Some(columns) => context.ui.json(&listing.select(columns)?),
                None => context.ui.json(&listing.rows),
            };
        }
        if listing.rows.is_empty() {
            context.ui.say(nothing);
            return Ok(());
        }
        let default = || columns.iter().map(|column| (*column).to_owned()).collect();
        let columns: Vec<String> = self.columns.clone().unwrap_or_else(default);
        let headings: Vec<_> = columns.iter().map(|column| heading(column)).collect();
        let text_of = |values: Vec<serde_json::Value>| {
            columns.iter().zip(&values).map(|(column, value)| cell(column, value)).collect()
        };
        let cells: Vec<Vec<String>> = listing.cells(&columns)?.into_iter().map(text_of).collect();
        context.ui.data(table(&headings, &cells))
    }
}
