//! Hears what happens in a run: writes it down, and shows it.

use super::display::Display;
use crate::cli;
use crate::cli::ui::Ui;
use crate::engine::event::{Event, RunStatus};
use crate::engine::{EngineError, Listener};
use crate::metadata::{Database, MetadataError};
use crate::secret::{knows_secrets, masked};

/// Writes down what happens, and shows it then: what a person was told is done is not lost any more.
pub(super) struct Recorder<'a> {
    database: &'a Database,
    run: &'a str,
    display: Display,
    /// Why something could not be written down.
    error: Option<MetadataError>,
}

impl<'a> Recorder<'a> {
    /// One for the run with this id and name; `explain`: with every reason why a step runs.
    pub(super) fn new(
        database: &'a Database,
        ui: Ui,
        id: &'a str,
        name: &str,
        explain: bool,
    ) -> Self {
        Self { database, run: id, display: Display::new(ui, name, explain), error: None }
    }

    /// Says how the run ended.
    ///
    /// # Errors
    /// It could not be written down.
    pub(super) fn close(
        self,
        result: Result<RunStatus, EngineError>,
    ) -> Result<RunStatus, cli::Failure> {
        match result {
            Ok(status) => {
                self.display.close(status);
                Ok(status)
            }
            Err(error) => {
                self.display.close(RunStatus::Interrupted);
                let hint = self.error.and_then(|error| cli::Failure::from(error).hint);
                Err(cli::Failure::new(error.to_string()).hint_if_any(hint))
            }
        }
    }
}

/// Whether an event is to be kept: what goes by without leaving a trace costs no transaction.
fn is_lasting(event: &Event) -> bool {
    !matches!(event, Event::AttemptStarted { .. } | Event::StepProgress { .. })
}

/// The events without any secret that this process has come to know: a plugin may have put one into an error.
fn without_secrets(events: &[Event]) -> Vec<Event> {
    let mut events = events.to_vec();
    for event in &mut events {
        match event {
            Event::StepSkipped { reason, .. } | Event::StepRetried { reason, .. } => hide(reason),
            Event::StepEnded { reason, .. } | Event::RunEnded { reason, .. } => {
                reason.iter_mut().for_each(hide);
            }
            Event::StepProgress { label, .. } => hide(label),
            Event::Warning { message } => hide(message),
            Event::AttemptEnded { report, .. } => **report = report.clone().without_secrets(),
            _ => {}
        }
    }
    events
}

fn hide(text: &mut String) {
    *text = masked(std::mem::take(text));
}

impl Listener for Recorder<'_> {
    fn hear(&mut self, events: &[Event]) -> Result<(), String> {
        let masked = knows_secrets().then(|| without_secrets(events));
        let events = masked.as_deref().unwrap_or(events);
        if events.iter().any(is_lasting)
            && let Err(error) = self.database.record(self.run, events)
        {
            let text = error.to_string();
            self.error = Some(error);
            return Err(text);
        }
        self.display.hear(events);
        Ok(())
    }
}
