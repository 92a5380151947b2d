//! A run that takes long, or goes on after days: what its steps have made is old then, and is still needed.

use std::time::Instant;

use super::Dispatcher;
use crate::artifact::lease::{self, Leased, RENEWED_AFTER};
use crate::engine::known::KnownEnd;

impl Dispatcher<'_> {
    /// Keeps others from removing what this run relies on, if that is old by now.
    pub(super) fn renew_lease(&mut self) {
        if self.renewed.elapsed() < RENEWED_AFTER {
            return;
        }
        self.renewed = Instant::now();
        let id = blake3::hash(self.engine.run_id.as_bytes()).to_hex();
        let project = self.engine.project.map(|sent| &sent.copy.archive);
        let needed = self.state.outputs().chain(self.engine.data.values()).chain(project);
        let outputs = needed.map(Leased::from);
        if let Err(error) = lease::write(&*self.engine.store, &id, outputs) {
            self.warn(format!("nobody is told that this run still needs its artifacts: {error}"));
        }
    }

    /// Keeps others from removing what was made before this run goes on, before it is looked for.
    pub(super) fn hold_what_is_known(&mut self) {
        let known = self.engine.known;
        let made = known.steps.values().filter_map(|step| match &step.end {
            KnownEnd::Done { outputs, .. } => Some(outputs.values()),
            _ => None,
        });
        // Each time by another name: the lease of the last time may name less.
        let name = format!("{}-{}", self.engine.run_id, known.resumed);
        let id = blake3::hash(name.as_bytes()).to_hex();
        let needed = made.flatten().chain(self.engine.data.values());
        let held = lease::hold(&*self.engine.store, &id, needed.map(Leased::from));
        if let Err(error) = held {
            self.warn(format!("nobody is told that this run still needs its artifacts: {error}"));
        }
    }
}
