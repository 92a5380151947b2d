//! Tables for people. Programs read `--output json`.

use std::io::IsTerminal as _;

use comfy_table::{ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

/// A heavy frame with light lines inside.
const FRAME: TableStyle = TableStyle::new()
    .top_border(LineStyle::new('┏', '━', '┯', '┓'))
    .header_lines(ContentLineStyle::new('┃', '│', '┃'))
    .header_separator(LineStyle::new('┠', '─', '┼', '┨'))
    .content_lines(ContentLineStyle::new('┃', '│', '┃'))
    .bottom_border(LineStyle::new('┗', '━', '┷', '┛'));

/// A table with a heading for each column.
#[must_use]
pub(super) fn table(headings: &[String], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(FRAME);
    if std::io::stdout().is_terminal()
        && let Some((width, _)) = terminal_size::terminal_size()
    {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.0);
    }
    table.set_header(headings);
    table.add_rows(rows);
    let text = table.to_string();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// A table with a line above and one below it, both in its middle.
#[must_use]
pub(super) fn titled(title: &str, table: &str, caption: &str) -> String {
    let width = table.lines().next().unwrap_or_default().width();
    format!("{}\n{table}\n{}", centred(title, width), centred(caption, width))
}

fn centred(text: &str, width: usize) -> String {
    let left = width.saturating_sub(text.width()) / 2;
    format!("{:left$}{text}", "")
}

/// Names and values below each other.
#[must_use]
pub(super) fn key_values(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.width() + 1).max().unwrap_or(0);
    let line = |(name, value): &(&str, String)| format!("{:width$}  {value}", format!("{name}:"));
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The heading of a column: `artifact-store` gives `ARTIFACT_STORE`. What is in milliseconds is shown in better units.
#[must_use]
pub(super) fn heading(column: &str) -> String {
    let name = match column.split_once('.') {
        // Of several steps that have a metric, each has a column of its own.
        Some(("metric" | "metrics" | "param" | "params", name)) => name,
        _ => column.rsplit('.').next().unwrap_or(column),
    };
    name.strip_suffix("_ms").unwrap_or(name).replace('-', "_").to_uppercase()
}

/// A value as a cell shows it.
#[must_use]
pub(super) fn cell(column: &str, value: &Value) -> String {
    match value {
        Value::Bool(true) if column == "active" => "👉".to_owned(),
        Value::Bool(false) if column == "active" => String::new(),
        Value::Bool(true) => "✔".to_owned(),
        Value::Bool(false) => "➖".to_owned(),
        Value::Null => String::new(),
        Value::String(text) if column == "digest" => short_digest(text),
        Value::String(text) if TIMES.contains(&column) => time(text),
        Value::String(text) => text.clone(),
        Value::Number(number) if column == "size" => size(number.as_u64().unwrap_or(0)),
        Value::Number(number) if column == "duration_ms" => duration(number.as_i64().unwrap_or(0)),
        Value::Number(number) if number.is_f64() => self::number(number.as_f64().unwrap_or(0.0)),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => joined(items.iter().map(|item| cell("", item))),
        Value::Object(map) => match (map.get("name"), map.get("state").and_then(Value::as_str)) {
            (Some(name), None | Some("available")) => cell("", name),
            (Some(name), Some(state)) => format!("{} ({state})", cell("", name)),
            _ if column == "steps" => {
                joined(map.iter().map(|(status, number)| format!("{number} {status}")))
            }
            _ => joined(map.iter().map(|(name, value)| format!("{name}={}", cell("", value)))),
        },
    }
}

/// The columns that are times.
const TIMES: [&str; 4] = ["started", "ended", "created", "updated"];

/// As many digits of a digest as tell one from another.
const DIGITS_SHOWN: usize = 12;

/// A digest for people.
#[must_use]
pub(super) fn short_digest(digest: &str) -> String {
    digest.chars().take(DIGITS_SHOWN).collect()
}

/// A time as a clock on the wall here would show it.
#[must_use]
pub(super) fn time(text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => {
            time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        Err(_) => text.to_owned(),
    }
}

/// A number with as many digits as people look at.
#[must_use]
pub(super) fn number(value: f64) -> String {
    const DIGITS: i32 = 6;
    let magnitude = value.abs();
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-4..1e12).contains(&magnitude) {
        return format!("{value:.5e}");
    }
    #[expect(clippy::cast_possible_truncation, reason = "between -4 and 12")]
    let before_point = magnitude.log10().floor() as i32 + 1;
    let decimals = usize::try_from(DIGITS - before_point).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A value as somebody would write it, alone and not in a column.
#[must_use]
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        other => cell("", other),
    }
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// Bytes, in a unit that people can read.
#[must_use]
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// So many of something: `1 object`, `2 objects`.
#[must_use]
pub(super) fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Milliseconds, in a unit that people can read.
#[must_use]
pub(super) fn duration(ms: i64) -> String {
    let seconds = ms / 1000;
    match ms {
        ..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{seconds}.{} s", ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_and_durations_are_read_at_a_glance() {
        let sizes =
            [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345, "12 kB"), (999_600, "1.0 MB")];
        for (bytes, expected) in sizes {
            assert_eq!(size(bytes), expected);
        }
        assert_eq!(size(u64::MAX), "18447 PB");
        let durations =
            [(3, "3 ms"), (1250, "1.2 s"), (61_000, "1 min 01 s"), (3_660_000, "1 h 01 min")];
        for (ms, expected) in durations {
            assert_eq!(duration(ms), expected);
        }
    }

    #[test]
    fn numbers_have_the_digits_that_matter() {
        for (value, expected) in [
            (0.0, "0"),
            (0.953_216_374_269, "0.953216"),
            (0.5, "0.5"),
            (12.0, "12"),
            (1_234_567.8, "1234568"),
            (-3.25, "-3.25"),
            (0.000_012_345_678, "1.23457e-5"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(value), expected);
        }
    }

    #[test]
    fn a_component_that_cannot_be_used_says_so_in_its_cell() {
        let stores =
            json!([{ "name": "a", "state": "available" }, { "name": "b", "state": "missing" }]);
        assert_eq!(cell("artifact-store", &stores), "a, b (missing)");
        assert_eq!(heading("components.artifact-store"), "ARTIFACT_STORE");
    }

    #[test]
    fn wide_characters_do_not_break_the_frame() {
        let rows =
            [vec!["👉".to_owned(), "default".to_owned()], vec![String::new(), "b".to_owned()]];
        let table = table(&["ACTIVE".to_owned(), "NAME".to_owned()], &rows);
        assert_eq!(
            table,
            "┏━━━━━━━━┯━━━━━━━━━┓\n┃ ACTIVE │ NAME    ┃\n┠────────┼─────────┨\n┃ 👉     │ default ┃\n┃        │ b       ┃\n┗━━━━━━━━┷━━━━━━━━━┛"
        );
    }
}
