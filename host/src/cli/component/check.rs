//! `sundae KIND check`

use std::time::{Duration, Instant};

use clap::Args;
use sundae_plugin_api::artifact_store::Existing;
use sundae_plugin_api::{ArtifactStore, ComponentKind, Error, Key};

use super::describe::of_active_stack;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::table::duration;
use crate::cli::ui::{GOOD, styled};
use crate::stack::Component;
use crate::view::{CheckView, CheckedView};

/// What is written for a test: enough to see that it comes back whole.
const BYTES: usize = 64 * 1024;

/// Check whether a component works: its service is reached, and does what it is there for
///
/// An artifact store is given an object, asked for it, and relieved of it again. What stands in the way is said, with what to change.
///
/// Example: sundae KIND check default
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Name, id or start of the id [default: the one of the active stack]
    name: Option<String>,
}

impl Check {
    pub(super) fn run(&self, kind: ComponentKind, context: &Context) -> Result<(), Failure> {
        let component = match &self.name {
            Some(name) => context.component(kind, name)?,
            None => of_active_stack(context, kind)?,
        };
        let mut checks = Checks::default();
        let ended = checks.all(context, &component);
        if context.wants_json() {
            let error = ended.as_ref().err().map(|failure| failure.message.clone());
            let checks = checks.done.clone();
            let name = component.name.clone();
            context.ui.json(&CheckedView { kind: kind.to_string(), name, checks, error })?;
        } else {
            for CheckView { check, duration_ms } in &checks.done {
                context.ui.data(format!(
                    "{} {check}  {}",
                    styled(GOOD, "✔"),
                    duration(*duration_ms)
                ))?;
            }
        }
        ended.map_err(|failure| refused(failure, &component))?;
        let place = checks.place.map(|place| format!(" at {place}")).unwrap_or_default();
        context.ui.say(format_args!("{kind} `{}`{place} works.", component.name));
        Ok(())
    }
}

fn refused(mut failure: Failure, component: &Component) -> Failure {
    let (kind, name) = (component.kind, &component.name);
    let called = format!("{kind} `{name}`");
    if !failure.message.starts_with(&called) {
        failure.message = format!("{called} does not work: {}", failure.message);
    }
    failure.hint.get_or_insert_with(|| {
        format!("`sundae {kind} describe {name}` shows how it is configured, `sundae {kind} update {name} --FIELD=VALUE` changes it")
    });
    failure
}

/// What was found to work, in order.
#[derive(Default)]
struct Checks {
    done: Vec<CheckView>,
    place: Option<String>,
}

impl Checks {
    fn all(&mut self, context: &Context, component: &Component) -> Result<(), Failure> {
        let loader = context.loader()?;
        match component.kind {
            ComponentKind::ArtifactStore => {
                let store = context.open_artifact_store(&loader, component)?;
                self.place = Some(store.capabilities().location);
                self.note("reach it", || store.check())?;
                self.round_trip(&*store)
            }
            ComponentKind::Orchestrator => {
                let orchestrator = context.open_orchestrator(&loader, component)?;
                self.note("reach it", || orchestrator.check())
            }
            _ => self.note("open it", || Ok(())).and_then(|()| context.check_component(component)),
        }
    }

    fn round_trip(&mut self, store: &dyn ArtifactStore) -> Result<(), Failure> {
        let key = Key::new(format!("checks/{}", uuid::Uuid::new_v4()))
            .map_err(|error| Failure::new(error.to_string()))?;
        let bytes: Vec<u8> = (0..BYTES).map(|place| (place % 251) as u8).collect();
        self.note("write an object", || store.write(&key, &bytes, Existing::Refuse))?;
        let read = self.note("read it", || match store.read(&key, None)? {
            read if read == bytes => Ok(()),
            read => Err(Error::other(format!(
                "it returned {} bytes that are not those which were written ({BYTES})",
                read.len()
            ))),
        });
        let listed = read.and_then(|()| {
            self.note("list it", || match store.list("checks/", None, 1000)? {
                found if found.iter().any(|object| object.key == key) => Ok(()),
                _ => Err(Error::other("an object that was written is not listed")),
            })
        });
        // Whatever came of it: nothing is left behind.
        let deleted = self.note("delete it", || store.delete(&key));
        listed.and(deleted)
    }

    fn note(
        &mut self,
        check: &str,
        does: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        does().map_err(|error| Failure::new(format!("cannot {check}: {error}")))?;
        let duration_ms = in_ms(began.elapsed());
        self.done.push(CheckView { check: check.to_owned(), duration_ms });
        Ok(())
    }
}

fn in_ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
