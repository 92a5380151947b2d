//! Running a plan: schedule, cache, attempts, events. Knows no SQLite, no terminal, no HTTP.

pub mod event;
