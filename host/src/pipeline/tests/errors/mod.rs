//! What is said of a file that cannot be used: the whole text, for every kind of problem.

mod conditions;
mod data;
mod items;
mod overrides;
mod placeholders;
mod references;
mod steps;
mod syntax;
mod top;

use std::path::Path;

use crate::pipeline::{Format, Pipeline};

fn check(file: &str, expected: &str) {
    assert_eq!(error_of(&dedent(file), Format::Toml, &[]), dedent(expected).trim_end());
}

fn check_json(file: &str, expected: &str) {
    assert_eq!(error_of(&dedent(file), Format::Json, &[]), dedent(expected).trim_end());
}

fn check_override(file: &str, (key, value): (&str, &str), expected: &str) {
    let overrides = [(key.to_owned(), value.to_owned())];
    assert_eq!(error_of(&dedent(file), Format::Toml, &overrides), dedent(expected).trim_end());
}

fn error_of(file: &str, format: Format, overrides: &[(String, String)]) -> String {
    let name = if format == Format::Json { "p.json" } else { "p.toml" };
    let error = Pipeline::parse(file, format, name, Path::new("/project"), overrides).unwrap_err();
    error.to_string()
}

/// Takes from every line what the first one is indented by.
pub(super) fn dedent(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let indent = text.len() - text.trim_start_matches(' ').len();
    let lines = text.lines().map(|line| line.get(indent..).unwrap_or_default());
    lines.map(|line| format!("{line}\n")).collect()
}
