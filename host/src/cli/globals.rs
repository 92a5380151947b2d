//! The options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::ui::Volume;

/// The options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Globals {
    /// How data is written: a table for people, or JSON whose shape is a promise
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table",
        hide_default_value = true
    )]
    pub output: Output,

    /// Look for plugins in this folder first; can be given several times
    #[arg(long, global = true, value_name = "FOLDER")]
    pub plugin_dir: Vec<PathBuf>,

    /// Say nothing but data and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Say what plugins log, too
    #[arg(long, short, global = true, action = ArgAction::SetTrue)]
    pub verbose: bool,
}

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// A table for people
    Table,
    /// JSON
    Json,
}

impl Globals {
    /// How much is said.
    #[must_use]
    pub(super) fn volume(&self) -> Volume {
        match (self.quiet, self.verbose) {
            (true, _) => Volume::Quiet,
            (_, true) => Volume::Verbose,
            _ => Volume::Normal,
        }
    }
}
