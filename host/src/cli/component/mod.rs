//! `sundae KIND`: register and describe components. One group for all kinds.

mod asked;
mod check;
mod config;
mod copy;
mod delete;
mod describe;
mod fields;
mod flavor;
mod get;
mod list;
mod register;
mod remove_attribute;
mod rename;
mod update;

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _, Subcommand};
use sundae_plugin_api::ComponentKind;

use super::Failure;
use super::context::Context;
use super::store::Verify;

pub(super) use asked::Asked;
pub(super) use config::{check_configured, check_drafted, forget_draft};

/// What the help of all kinds says where each says its own name.
const KIND: &str = "KIND";

/// What only artifact stores can be asked for.
const VERIFY: &str = "verify";

#[derive(Debug, Subcommand)]
enum ComponentCommand {
    List(list::List),
    Register(register::Register),
    Describe(describe::Describe),
    Check(check::Check),
    Get(get::Get),
    Update(update::Update),
    RemoveAttribute(remove_attribute::RemoveAttribute),
    Rename(rename::Rename),
    Copy(copy::Copy),
    Delete(delete::Delete),
    #[command(subcommand)]
    Flavor(flavor::KindFlavorCommand),
}

/// The group of a kind. What is in it is made when it is asked for: there are fifteen of them.
#[must_use]
pub(super) fn group(kind: ComponentKind) -> Command {
    let about =
        format!("Register and describe components of the kind {kind}: what {}", kind.purpose());
    let example = format!("Example: sundae {kind} register my_{} --flavor=NAME", underscored(kind));
    Command::new(kind.as_str())
        .aliases(Some(underscored(kind)).filter(|name| name != kind.as_str()))
        .long_about(format!("{about}\n\n{example}"))
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .defer(verbs)
}

/// The group of the kind that was asked for, with the options of the flavor that was asked for.
#[must_use]
pub(super) fn asked_group(asked: &Asked) -> Command {
    let group = verbs(group(asked.kind)).defer(|command| command);
    match asked.flavor() {
        Some(flavor) => group.mut_subcommand(&asked.verb, |verb| fields::added(verb, flavor)),
        None => group,
    }
}

fn verbs(group: Command) -> Command {
    let kind = group.get_name().to_owned();
    let mut group = ComponentCommand::augment_subcommands(group);
    if kind == ComponentKind::ArtifactStore.as_str() {
        group = group.subcommand(store_verify());
    }
    let names: Vec<_> = group.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    names.iter().fold(group, |group, name| group.mut_subcommand(name, |verb| named(verb, &kind)))
}

/// `sundae artifact-store verify` is `sundae store verify` by another name.
fn store_verify() -> Command {
    let command = Verify::augment_args(Command::new(VERIFY));
    let example = format!("sundae {} {VERIFY}", ComponentKind::ArtifactStore);
    let help = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    command.long_about(help.replace("sundae store verify", &example))
}

/// Puts the kind's name into the help of a command and of those below it.
fn named(mut command: Command, kind: &str) -> Command {
    let filled = |text: &clap::builder::StyledStr| text.to_string().replace(KIND, kind);
    if let Some(about) = command.get_about().map(filled) {
        command = command.about(about);
    }
    if let Some(about) = command.get_long_about().map(filled) {
        command = command.long_about(about);
    }
    command = command.mut_args(|arg| match arg.get_help().map(filled) {
        Some(help) => arg.help(help),
        None => arg,
    });
    let below: Vec<_> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    below.iter().fold(command, |command, name| command.mut_subcommand(name, |c| named(c, kind)))
}

fn underscored(kind: ComponentKind) -> String {
    kind.as_str().replace('-', "_")
}

/// Does what was asked of a kind.
///
/// # Errors
/// The words are not those of a command.
pub(super) fn run(
    kind: ComponentKind,
    matches: &ArgMatches,
    context: &Context,
) -> Result<Result<(), Failure>, clap::Error> {
    let words = matches.subcommand().map_or(matches, |(_, words)| words);
    if kind == ComponentKind::ArtifactStore && matches.subcommand_name() == Some(VERIFY) {
        return Ok(Verify::from_arg_matches(words)?.run(context));
    }
    Ok(match ComponentCommand::from_arg_matches(matches)? {
        ComponentCommand::List(list) => list.run(kind, context),
        ComponentCommand::Register(register) => register.run(kind, words, context),
        ComponentCommand::Describe(describe) => describe.run(kind, context),
        ComponentCommand::Check(check) => check.run(kind, context),
        ComponentCommand::Get(get) => get.run(kind, context),
        ComponentCommand::Update(update) => update.run(kind, words, context),
        ComponentCommand::RemoveAttribute(remove) => remove.run(kind, context),
        ComponentCommand::Rename(rename) => rename.run(kind, context),
        ComponentCommand::Copy(copy) => copy.run(kind, context),
        ComponentCommand::Delete(delete) => delete.run(kind, context),
        ComponentCommand::Flavor(flavor) => flavor.run(kind, context),
    })
}

/// Writes a component as JSON, where that is wanted.
fn show_json(context: &Context, component: &crate::stack::Component) -> Result<(), Failure> {
    if !context.wants_json() {
        return Ok(());
    }
    let view = crate::view::ComponentView::new(
        component,
        context.catalog()?,
        is_active(context, component),
    );
    context.ui.json(&view)
}

/// Whether a component is part of the active stack.
fn is_active(context: &Context, component: &crate::stack::Component) -> bool {
    let active = context.active_stack_if_any();
    active.is_some_and(|active| active.stack.components.iter().any(|one| one.id == component.id))
}
