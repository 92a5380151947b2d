//! Signals that ask a run to stop: Ctrl-C, `kill`, and a terminal that goes away.

use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use crate::cli::Failure;
use crate::cli::ui::Ui;
use crate::engine::Stop;

/// Signals are counted until this is dropped.
pub(super) struct Watch(Handle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Turns every signal into a request to stop.
///
/// # Errors
/// The system has no room for it.
pub(super) fn stop_at(stop: &Arc<Stop>, ui: Ui) -> Result<Watch, Failure> {
    let failed = |error| Failure::new(format!("cannot listen for signals: {error}"));
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let handle = signals.handle();
    let stop = Arc::clone(stop);
    let listener = std::thread::Builder::new().name("signals".to_owned());
    let listening = listener.spawn(move || {
        for signal in &mut signals {
            hear(signal, &stop, ui);
        }
    });
    listening.map_err(failed)?;
    Ok(Watch(handle))
}

fn hear(signal: i32, stop: &Stop, ui: Ui) {
    stop.request();
    match stop.requests() {
        1 => ui.say("Stopping: steps are asked to end. Once more, and they are killed."),
        2 => ui.say("Killing what still runs."),
        // Something does not let go. Nothing that was recorded is lost by this.
        _ => drop(emulate_default_handler(signal)),
    }
}
