//! The options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::ui::Volume;

/// The long names of the options that every command takes.
pub(super) const OPTIONS: [&str; 4] = ["output", "plugin-dir", "quiet", "verbose"];

/// The options that every command takes.
#[derive(Debug, Clone, Default, Args)]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    // No doc comments here: they would give each value a line of its own in every help.
    #[default]
    Table,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_options_are_known() {
        let command = Globals::augment_args(clap::Command::new("x"));
        let longs: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        assert_eq!(longs, OPTIONS);
    }
}
