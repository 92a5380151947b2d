//! Which components go together. What can be known to be wrong is said when a stack is registered, not when a run fails.

use sundae_plugin_api::{ComponentKind, artifact_store, orchestrator};

use super::{Component, Stack};

/// What the stack, the orchestrator and the artifact store are called that exist from the start.
const DEFAULT: &str = "default";

/// Why some components are no stack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StackProblem {
    /// A stack cannot be without a component of this kind.
    #[error("a stack needs {}", with_article(*kind))]
    Lacks {
        /// The kind.
        kind: ComponentKind,
    },
    /// A stack has one component of this kind at most.
    #[error("a stack has one {kind} at most, and `{first}` and `{second}` were given")]
    TooMany {
        /// The kind.
        kind: ComponentKind,
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// The same component was given twice.
    #[error("{kind} `{name}` was given twice")]
    Twice {
        /// The kind.
        kind: ComponentKind,
        /// The component.
        name: String,
    },
    /// Steps would run where the artifacts cannot be reached.
    #[error(
        "orchestrator `{orchestrator}` runs steps on other machines, and artifact-store `{store}` can only be reached \
         from this one"
    )]
    OutOfReach {
        /// The orchestrator's name.
        orchestrator: String,
        /// The artifact store's name.
        store: String,
    },
}

/// The name of a kind after `a` or `an`.
#[must_use]
pub fn with_article(kind: ComponentKind) -> String {
    let article = if kind.as_str().starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {kind}")
}

/// Whether a component exists from the start. Such a one stays as it is, so that a fresh project always has a stack to run on.
#[must_use]
pub fn is_default_component(component: &Component) -> bool {
    component.kind.required() && component.name == DEFAULT
}

/// Whether a stack is the one that exists from the start, and stays as it is.
#[must_use]
pub fn is_default_stack(stack: &Stack) -> bool {
    stack.name == DEFAULT
}

/// Checks which kinds there are, and how many of each.
///
/// # Errors
/// The first problem.
pub fn check_members(components: &[Component]) -> Result<(), StackProblem> {
    for (place, component) in components.iter().enumerate() {
        if components[..place].iter().any(|other| other.id == component.id) {
            let (kind, name) = (component.kind, component.name.clone());
            return Err(StackProblem::Twice { kind, name });
        }
    }
    for kind in ComponentKind::ALL {
        let mut of_kind = components.iter().filter(|component| component.kind == kind);
        let Some(first) = of_kind.next() else {
            if kind.required() {
                return Err(StackProblem::Lacks { kind });
            }
            continue;
        };
        if let (false, Some(second)) = (kind.many_per_stack(), of_kind.next()) {
            let (first, second) = (first.name.clone(), second.name.clone());
            return Err(StackProblem::TooMany { kind, first, second });
        }
    }
    Ok(())
}

/// Checks whether what the components can do fits together.
///
/// # Errors
/// The first problem.
pub fn check_fit(
    (orchestrator, runs): (&Component, &orchestrator::Capabilities),
    (store, keeps): (&Component, &artifact_store::Capabilities),
) -> Result<(), StackProblem> {
    if runs.remote && !keeps.shared {
        let (orchestrator, store) = (orchestrator.name.clone(), store.name.clone());
        return Err(StackProblem::OutOfReach { orchestrator, store });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use serde_json::Map;

    fn component(kind: ComponentKind, name: &str) -> Component {
        Component {
            id: format!("{kind}-{name}"),
            kind,
            name: name.to_owned(),
            flavor: "local".to_owned(),
            plugin: "local".to_owned(),
            config: Map::new(),
            owner: "default".to_owned(),
            is_shared: false,
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        }
    }

    fn said(components: &[(ComponentKind, &str)]) -> Option<String> {
        let components: Vec<_> =
            components.iter().map(|(kind, name)| component(*kind, name)).collect();
        check_members(&components).err().map(|problem| problem.to_string())
    }

    #[test]
    fn a_stack_has_an_orchestrator_and_an_artifact_store_and_one_of_each() {
        use ComponentKind::{Alerter, ArtifactStore, Orchestrator};
        let whole = [(Orchestrator, "o"), (ArtifactStore, "a")];
        assert_eq!(said(&whole), None);
        assert_eq!(said(&[(ArtifactStore, "a")]).unwrap(), "a stack needs an orchestrator");
        assert_eq!(said(&[(Orchestrator, "o")]).unwrap(), "a stack needs an artifact-store");
        assert_eq!(
            said(&[(Orchestrator, "o"), (ArtifactStore, "a"), (ArtifactStore, "b")]).unwrap(),
            "a stack has one artifact-store at most, and `a` and `b` were given"
        );
        assert_eq!(said(&[whole[0], whole[1], (Alerter, "x"), (Alerter, "y")]), None);
        assert_eq!(
            said(&[whole[0], whole[1], (Alerter, "x"), (Alerter, "x")]).unwrap(),
            "alerter `x` was given twice"
        );
    }

    #[test]
    fn the_same_one_twice_is_not_called_two() {
        use ComponentKind::{ArtifactStore, Orchestrator};
        let twice = [(Orchestrator, "o"), (ArtifactStore, "a"), (ArtifactStore, "a")];
        assert_eq!(said(&twice).unwrap(), "artifact-store `a` was given twice");
    }

    #[test]
    fn remote_steps_need_a_store_that_they_can_reach() {
        let (o, a) = (
            component(ComponentKind::Orchestrator, "slurm"),
            component(ComponentKind::ArtifactStore, "disk"),
        );
        let (here, there) =
            (orchestrator::Capabilities::new(), orchestrator::Capabilities::new().remote());
        let (disk, shared) =
            (artifact_store::Capabilities::at("x"), artifact_store::Capabilities::at("x").shared());
        assert_eq!(check_fit((&o, &here), (&a, &disk)), Ok(()));
        assert_eq!(check_fit((&o, &there), (&a, &shared)), Ok(()));
        assert!(matches!(
            check_fit((&o, &there), (&a, &disk)),
            Err(StackProblem::OutOfReach { .. })
        ));
    }
}
