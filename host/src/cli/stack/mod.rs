//! `sundae stack`: register and choose stacks.

mod copy;
mod delete;
mod describe;
mod document;
mod export;
mod get;
mod import;
mod list;
mod members;
mod register;
mod rename;
mod set;
mod update;

use clap::Subcommand;

use super::Failure;
use super::context::Context;
use crate::stack::{Stack, is_default_stack};
use crate::view::StackView;

/// Register, describe and choose stacks
///
/// Example: sundae stack describe
#[derive(Debug, Subcommand)]
pub(super) enum StackCommand {
    List(list::List),
    Register(register::Register),
    Describe(describe::Describe),
    Get(get::Get),
    Set(set::Set),
    Update(update::Update),
    Rename(rename::Rename),
    Copy(copy::Copy),
    Delete(delete::Delete),
    Export(export::Export),
    Import(import::Import),
}

impl StackCommand {
    /// Does what was asked.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.run(context),
            Self::Register(register) => register.run(context),
            Self::Describe(describe) => describe.run(context),
            Self::Get(get) => get.run(context),
            Self::Set(set) => set.run(context),
            Self::Update(update) => update.run(context),
            Self::Rename(rename) => rename.run(context),
            Self::Copy(copy) => copy.run(context),
            Self::Delete(delete) => delete.run(context),
            Self::Export(export) => export.run(context),
            Self::Import(import) => import.run(context),
        }
    }
}

/// A stack, as it is shown.
fn view(context: &Context, stack: &Stack) -> Result<StackView, Failure> {
    let active = context.active_stack_if_any().map(|active| active.stack.id);
    Ok(StackView::new(stack, context.catalog()?, active.as_ref() == Some(&stack.id)))
}

/// Writes a stack as JSON, where that is wanted.
fn show_json(context: &Context, stack: &Stack) -> Result<(), Failure> {
    if context.wants_json() { context.ui.json(&view(context, stack)?) } else { Ok(()) }
}

/// The stack that exists from the start stays as it is.
///
/// # Errors
/// It is that one.
fn check_may_change(stack: &Stack) -> Result<(), Failure> {
    if !is_default_stack(stack) {
        return Ok(());
    }
    Err(Failure::new("the default stack stays as it is, so that there is always one to run on").hint(
        "register one of your own: `sundae stack register NAME -o ORCHESTRATOR -a ARTIFACT_STORE`, or `sundae stack copy \
         default NAME`",
    ))
}

/// Whether the project that the current folder is in names the stack.
fn is_named_by_project(context: &Context, stack: &Stack) -> Result<bool, Failure> {
    let project = context.project()?;
    let named = project.and_then(|project| project.stack.as_deref());
    Ok(named.is_some_and(|named| named == stack.name || named == stack.id))
}
