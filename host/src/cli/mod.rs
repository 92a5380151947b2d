//! The command line: folders are nouns, files are verbs. A command's file has its arguments and what it does; its doc
//! comment is its help.

mod ago;
mod artifact;
mod ask;
mod completions;
mod component;
mod context;
pub mod exit_code;
mod failure;
mod flavor;
mod globals;
mod graph;
mod guard;
mod help;
mod home;
mod init;
mod kinds;
mod list;
mod probe_plugin;
mod progress;
mod quote;
mod reaper;
mod region;
mod reveal;
mod run;
mod runs;
mod secret;
mod sections;
mod signals;
mod stack;
mod status;
mod store;
mod table;
mod tree;
mod ui;
mod version;
mod worker;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, Args as _, Command, FromArgMatches as _, Subcommand};
use sundae_plugin_api::ComponentKind;

pub use failure::Failure;

use component::Asked;
use context::Context;
use globals::Globals;
use ui::Ui;

/// The commands that are not about one kind of component.
#[derive(Debug, Subcommand)]
enum TopLevel {
    Init(init::Init),
    Status(status::Status),
    Run(run::Run),
    Graph(graph::Graph),
    #[command(subcommand)]
    Runs(runs::RunsCommand),
    #[command(subcommand)]
    Artifact(artifact::ArtifactCommand),
    #[command(subcommand)]
    Store(store::StoreCommand),
    #[command(subcommand)]
    Stack(stack::StackCommand),
    Kinds(kinds::Kinds),
    #[command(subcommand)]
    Flavor(flavor::FlavorCommand),
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    Version(version::Version),
    Completions(completions::Completions),
}

/// Runs the program with these words, the first of which is its own name.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let by_the_way = probe_plugin::run_if_asked(&words).or_else(|| reaper::run_if_asked(&words));
    if let Some(code) = by_the_way {
        return ExitCode::from(code);
    }
    guard::tell_of_bugs();
    ExitCode::from(guard::guarded(|| {
        worker::run_if_asked(&words).unwrap_or_else(|| run_words(&words))
    }))
}

fn run_words(words: &[OsString]) -> u8 {
    let asked = Asked::of(words);
    let matches = match command(asked.as_ref()).try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => return misused(&error, asked.as_ref()),
    };
    let globals = match Globals::from_arg_matches(&matches) {
        Ok(globals) => globals,
        Err(error) => return misused(&error, None),
    };
    let ui = Ui::new(globals.volume());
    match Context::new(globals).map(|context| dispatch(&matches, &context)) {
        Ok(Ok(done)) => ended(ui, done),
        Ok(Err(error)) => misused(&error, None),
        Err(failure) => ended(ui, Err(failure)),
    }
}

/// The whole command line. The group of a kind is made when it is asked for.
fn command(asked: Option<&Asked>) -> Command {
    let command = TopLevel::augment_subcommands(Globals::augment_args(Command::new("sundae")))
        .about("Run pipelines on stacks made of plugins")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true);
    let command = ComponentKind::ALL.into_iter().fold(command, |command, kind| {
        command.subcommand(match asked {
            Some(asked) if asked.kind == kind => component::asked_group(asked),
            _ => component::group(kind),
        })
    });
    help::grouped(command)
}

/// Does what was asked.
///
/// # Errors
/// The words are not those of a command.
fn dispatch(matches: &ArgMatches, context: &Context) -> Result<Result<(), Failure>, clap::Error> {
    if let Some((noun, matches)) = matches.subcommand()
        && let Ok(kind) = noun.parse()
    {
        return component::run(kind, matches, context);
    }
    Ok(match TopLevel::from_arg_matches(matches)? {
        TopLevel::Init(command) => command.run(context),
        TopLevel::Status(command) => command.run(context),
        TopLevel::Run(command) => command.run(context),
        TopLevel::Graph(command) => command.run(context),
        TopLevel::Runs(command) => command.run(context),
        TopLevel::Artifact(command) => command.run(context),
        TopLevel::Store(command) => command.run(context),
        TopLevel::Stack(command) => command.run(context),
        TopLevel::Kinds(command) => command.run(context),
        TopLevel::Flavor(command) => command.run(context),
        TopLevel::Secret(command) => command.run(context),
        TopLevel::Version(command) => command.run(context),
        TopLevel::Completions(command) => command.run(context),
    })
}

/// Tells how it went, and says it as an exit code.
fn ended(ui: Ui, done: Result<(), Failure>) -> u8 {
    match done {
        Ok(()) => exit_code::DONE,
        Err(failure) => {
            ui.fail(&failure);
            failure.code
        }
    }
}

/// Says what is wrong with the command line, or the help or version that was asked for.
fn misused(error: &clap::Error, asked: Option<&Asked>) -> u8 {
    if let Some(failure) = asked.and_then(|asked| asked.explain(error)) {
        return ended(Ui::new(ui::Volume::Normal), Err(failure));
    }
    // Where there is nobody to tell, there is nothing to do about it.
    drop(error.print());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => exit_code::DONE,
        _ => exit_code::USAGE,
    }
}
