//! `sundae stack set`

use clap::Args;

use crate::cli::Failure;
use crate::cli::context::{Context, Scope};
use crate::stack::Stack;
use crate::view::{ActiveStackView, ComponentView};

/// Make a stack the active one: what runs from now on runs on it
///
/// In a project it is the active stack of the project, and its name is written into `sundae.toml`; elsewhere, or with
/// `--global`, it is the active stack wherever no project says otherwise.
///
/// Example: sundae stack set a_new_local_stack
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Name, id or start of the id
    name: String,

    /// For everything, not for the project that the current folder is in
    #[arg(long)]
    global: bool,
}

/// For what a stack is to be active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The project that the current folder is in; without one, everything.
    Nearest,
    /// Everything.
    Global,
}

impl Set {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let stack = context.stack(&self.name)?;
        let target = if self.global { Target::Global } else { Target::Nearest };
        let scope = activate(context, &stack, target)?;
        if !context.wants_json() {
            return Ok(());
        }
        let stack = super::view(&context.afresh()?, &stack)?;
        context.ui.json(&ActiveStackView { stack, scope: scope.word().to_owned() })
    }
}

/// Makes a stack the active one, and tells; returns for what it is active now.
///
/// # Errors
/// The project's file or the database cannot be written.
pub(super) fn activate(context: &Context, stack: &Stack, target: Target) -> Result<Scope, Failure> {
    let project = context.project()?;
    let scope = match (target, project) {
        (Target::Nearest, Some(project)) => {
            project.clone().set_stack(&stack.name)?;
            Scope::Project
        }
        _ => {
            context.database()?.set_active_stack(stack)?;
            Scope::Global
        }
    };
    context.ui.say(format_args!("Active {} stack set to: '{}'", scope.word(), stack.name));
    if let (Scope::Global, Some(project)) = (scope, project)
        && let Some(own) = &project.stack
    {
        context.ui.say(format_args!(
            "The project {} has an active stack of its own, which it keeps: '{own}'",
            project.name
        ));
    }
    for component in &stack.components {
        let view = ComponentView::new(component, context.catalog()?, true);
        if let Some(reason) = view.reason {
            let (kind, name, state) = (view.kind, view.name, view.state);
            context.ui.warn(format_args!(
                "{kind} `{name}` is {state}, and runs will be refused: {reason}"
            ));
        }
    }
    Ok(scope)
}
