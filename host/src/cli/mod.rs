//! The command line: folders are nouns, files are verbs. A command's file has its arguments and what it does; its doc
//! comment is its help.

mod context;
pub mod exit_code;
mod failure;
mod globals;
mod home;
mod list;
mod probe_plugin;
mod secret;
mod stack;
mod table;
mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args as _, Command, FromArgMatches as _, Subcommand};

pub use failure::Failure;

use context::Context;
use globals::Globals;
use ui::Ui;

/// The commands that are not about a kind of component.
#[derive(Debug, Subcommand)]
enum TopLevel {
    /// Register, describe and choose stacks
    #[command(subcommand)]
    Stack(stack::StackCommand),
}

/// Runs the program with these words, the first of which is its own name.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    if let Some(code) = probe_plugin::run_if_asked(&words) {
        return ExitCode::from(code);
    }
    match command(&words).try_get_matches_from(&words) {
        Ok(matches) => ExitCode::from(run(&matches)),
        Err(error) => ExitCode::from(misused(&error)),
    }
}

fn command(_words: &[OsString]) -> Command {
    let command = Command::new("sundae")
        .about("Runs pipelines on stacks made of plugins")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true);
    TopLevel::augment_subcommands(Globals::augment_args(command))
}

fn run(matches: &ArgMatches) -> u8 {
    let globals = match Globals::from_arg_matches(matches) {
        Ok(globals) => globals,
        Err(error) => return misused(&error),
    };
    let ui = Ui::new(globals.volume());
    match Context::new(globals).and_then(|context| dispatch(matches, &context)) {
        Ok(()) => exit_code::DONE,
        Err(failure) => {
            ui.fail(&failure);
            failure.code
        }
    }
}

fn dispatch(matches: &ArgMatches, context: &Context) -> Result<(), Failure> {
    let command =
        TopLevel::from_arg_matches(matches).map_err(|error| Failure::usage(error.to_string()))?;
    match command {
        TopLevel::Stack(command) => command.run(context),
    }
}

/// Says what is wrong with the command line, or the help or version that was asked for.
fn misused(error: &clap::Error) -> u8 {
    // Where there is nobody to tell, there is nothing to do about it.
    drop(error.print());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => exit_code::DONE,
        _ => exit_code::USAGE,
    }
}
