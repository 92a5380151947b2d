//! Which components a stack shall have: an option for each kind.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use sundae_plugin_api::ComponentKind;

use crate::cli::Failure;
use crate::cli::context::{Context, wanted};
use crate::stack::{Component, check_fit, check_members};

/// The components that were named, by kind.
#[derive(Debug, Clone, Default)]
pub(super) struct MemberArgs {
    named: Vec<(ComponentKind, String)>,
}

impl Args for MemberArgs {
    fn augment_args(command: Command) -> Command {
        ComponentKind::ALL.into_iter().fold(command, |command, kind| command.arg(option(kind)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn option(kind: ComponentKind) -> Arg {
    let again = if kind.many_per_stack() { "; can be given several times" } else { "" };
    let option = Arg::new(kind.as_str())
        .long(kind.as_str())
        .aliases(Some(kind.as_str().replace('-', "_")).filter(|name| name != kind.as_str()))
        .value_name("NAME")
        .help(format!("The {kind}, by name or id{again}"))
        .help_heading("Components")
        // Two of a kind that allows one are refused by the rule for stacks, which knows their names.
        .action(ArgAction::Append);
    match kind {
        ComponentKind::Orchestrator => option.short('o'),
        ComponentKind::ArtifactStore => option.short('a'),
        _ => option,
    }
}

impl FromArgMatches for MemberArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let of_kind = |kind: ComponentKind| {
            let names = matches.get_many::<String>(kind.as_str()).unwrap_or_default();
            names.map(move |name| (kind, name.clone()))
        };
        Ok(Self { named: ComponentKind::ALL.into_iter().flat_map(of_kind).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl MemberArgs {
    /// Whether no component was named.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// The kinds of which some were named.
    pub(super) fn names(&self, kind: ComponentKind) -> bool {
        self.named.iter().any(|(named, _)| *named == kind)
    }

    /// The components that were named, in the order of the kinds.
    ///
    /// # Errors
    /// One is not registered.
    pub(super) fn components(&self, context: &Context) -> Result<Vec<Component>, Failure> {
        self.named.iter().map(|(kind, name)| context.component(*kind, name)).collect()
    }
}

/// Checks whether components make a stack. They are opened for it: what they can do, only they know.
///
/// # Errors
/// They do not fit together, or the plugin of one cannot be used.
pub(super) fn check(context: &Context, components: &[Component]) -> Result<(), Failure> {
    check_members(components)?;
    let loader = context.loader()?;
    for component in components {
        loader.find(&wanted(component, &component.config))?;
    }
    let of_kind = |kind| components.iter().find(|component| component.kind == kind);
    let (Some(orchestrator), Some(store)) =
        (of_kind(ComponentKind::Orchestrator), of_kind(ComponentKind::ArtifactStore))
    else {
        unreachable!("no stack without them passes the check of its members");
    };
    let runs = context.open_orchestrator(&loader, orchestrator)?.capabilities();
    let keeps = context.open_artifact_store(&loader, store)?.capabilities();
    Ok(check_fit((orchestrator, &runs), (store, &keeps))?)
}
