//! Hooks: shell commands that a pipeline has run when something happens in a run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::cli::ui::{Ui, WARNING, styled};
use crate::engine::Listener;
use crate::engine::event::{Event, StepStatus};
use crate::engine::fan_out::step_of_item;
use crate::metadata::RunRecord;
use crate::pipeline::{Hooks, Pipeline};
use crate::secret::masked;
use crate::worker::{Cancel, run_hook};

/// How long a hook may take.
const LONGEST: Duration = Duration::from_secs(60);

/// A listener that hands on what it hears, and then has hooks run, one after the other, while the run goes on.
pub(super) struct Hooked<'a> {
    inner: &'a mut dyn Listener,
    hooks: &'a Hooks,
    /// What every hook is told.
    facts: BTreeMap<String, String>,
    calls: Option<Sender<Call>>,
    worker: Option<JoinHandle<()>>,
}

struct Call {
    hook: &'static str,
    script: String,
    environment: BTreeMap<String, String>,
}

impl<'a> Hooked<'a> {
    /// Hooks of this pipeline for this run.
    pub(super) fn new(
        inner: &'a mut dyn Listener,
        pipeline: &'a Pipeline,
        run: &RunRecord,
        ui: Ui,
    ) -> Self {
        let facts = [
            ("SUNDAE_HOOK_RUN", &run.name),
            ("SUNDAE_HOOK_RUN_ID", &run.id),
            ("SUNDAE_HOOK_PIPELINE", &run.pipeline),
            ("SUNDAE_HOOK_STACK", &run.stack),
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value.clone())).into();
        let (calls, received) = channel();
        let root = pipeline.root.clone();
        let worker = std::thread::Builder::new().name("hooks".to_owned());
        let worker = worker.spawn(move || work(&received, &root, ui));
        if let Err(error) = &worker {
            warn(ui, format_args!("hooks cannot be run: {error}"));
        }
        Self { inner, hooks: &pipeline.hooks, facts, calls: Some(calls), worker: worker.ok() }
    }

    /// Waits until the hooks have ended.
    pub(super) fn finish(mut self) {
        drop(self.calls.take());
        if let Some(worker) = self.worker.take() {
            // It panicked: that was reported where it happened.
            worker.join().ok();
        }
    }

    fn call(&self, hook: &'static str, script: Option<&String>, told: &[(&str, &str)]) {
        let (Some(script), Some(calls)) = (script, &self.calls) else { return };
        let mut environment = self.facts.clone();
        environment.insert("SUNDAE_HOOK".to_owned(), hook.to_owned());
        for (name, value) in told {
            // A reason may come from a plugin, and what a hook is told it may send anywhere.
            environment.insert(format!("SUNDAE_HOOK_{name}"), masked((*value).to_owned()));
        }
        // Nobody receives it where no thread could be started, which was told.
        calls.send(Call { hook, script: script.clone(), environment }).ok();
    }

    fn hook_of(&self, event: &Event) {
        match event {
            Event::RunStarted { .. } | Event::RunResumed { .. } => {
                self.call("run-started", self.hooks.run_started.as_ref(), &[]);
            }
            // Of a fan-out it is the step that fails, and the reason names the items.
            Event::StepEnded { step, status: StepStatus::Failed, reason }
                if step_of_item(step).is_none() =>
            {
                let told = [("STEP", step.as_str()), ("REASON", reason.as_deref().unwrap_or(""))];
                self.call("step-failed", self.hooks.step_failed.as_ref(), &told);
            }
            Event::RunEnded { status, reason } => {
                let status = serde_json::to_value(status).unwrap_or_default();
                let told = [
                    ("STATUS", status.as_str().unwrap_or_default()),
                    ("REASON", reason.as_deref().unwrap_or("")),
                ];
                self.call("run-ended", self.hooks.run_ended.as_ref(), &told);
            }
            _ => {}
        }
    }
}

impl Listener for Hooked<'_> {
    fn hear(&mut self, events: &[Event]) -> Result<(), String> {
        self.inner.hear(events)?;
        events.iter().for_each(|event| self.hook_of(event));
        Ok(())
    }
}

fn work(calls: &Receiver<Call>, root: &Path, ui: Ui) {
    for Call { hook, script, environment } in calls {
        if let Err(why) = run_in_time(script, root.to_owned(), environment) {
            warn(ui, format_args!("hook `{hook}`: {why}"));
        }
    }
}

fn run_in_time(
    script: String,
    root: PathBuf,
    environment: BTreeMap<String, String>,
) -> Result<(), String> {
    let cancel = std::sync::Arc::new(Cancel::default());
    let (ended, heard) = channel();
    let own = std::sync::Arc::clone(&cancel);
    let thread = std::thread::spawn(move || {
        // Whoever waits may have lost patience.
        ended.send(run_hook(&script, &root, &environment, &own)).ok();
    });
    for _ in 0..2 {
        if let Ok(result) = heard.recv_timeout(LONGEST) {
            thread.join().ok();
            return result;
        }
        cancel.request();
    }
    heard.recv().unwrap_or_else(|_| Err("it cannot be run".to_owned()))
}

fn warn(ui: Ui, message: std::fmt::Arguments<'_>) {
    ui.say(format_args!("{} {message}", styled(WARNING, "warning:")));
}
