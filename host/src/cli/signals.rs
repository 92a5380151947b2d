//! Signals that ask for an end: Ctrl-C, `kill`, and a terminal that goes away.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use super::Failure;

/// How often somebody may ask before it is done without us.
const PATIENCE: u32 = 2;

/// Signals are heard until this is dropped.
pub(super) struct Heard(Handle);

impl Drop for Heard {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Calls `hear` for each signal, on a thread, with how many there have been.
///
/// # Errors
/// The system has no room for it.
pub(super) fn listen(hear: impl Fn(u32) + Send + 'static) -> Result<Heard, Failure> {
    let failed = |error| Failure::new(format!("cannot listen for signals: {error}"));
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let handle = signals.handle();
    let listener = std::thread::Builder::new().name("signals".to_owned());
    let listening = listener.spawn(move || {
        for (count, signal) in (1..).zip(&mut signals) {
            match count {
                ..=PATIENCE => hear(count),
                // Something does not let go. Nothing that was recorded is lost by this.
                _ => drop(emulate_default_handler(signal)),
            }
        }
    });
    listening.map_err(failed)?;
    Ok(Heard(handle))
}
