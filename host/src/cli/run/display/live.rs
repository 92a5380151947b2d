//! Live lines: drawn when something happens, and ten times a second while steps are under way, for their clocks.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::board::{Board, Told};
use super::frame::frame;
use super::text;
use crate::cli::region;
use crate::engine::event::Event;

const TICK: Duration = Duration::from_millis(100);

/// The live lines of a run.
pub(super) struct Live {
    run: String,
    shared: Arc<Shared>,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    begun: Instant,
    state: Mutex<State>,
    change: Condvar,
}

#[derive(Default)]
struct State {
    board: Board,
    has_ended: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // What is shown may be wrong after a panic elsewhere; that is no reason for another one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self, state: &State, said: &str) {
        let lines = frame(&state.board, region::size(), self.begun, Instant::now());
        region::show(lines, said);
    }
}

impl Live {
    pub(super) fn new(run: &str, begun: Instant, board: Board) -> Self {
        let state = Mutex::new(State { board, has_ended: false });
        let shared = Arc::new(Shared { begun, state, change: Condvar::new() });
        let ticking = Arc::clone(&shared);
        let ticker = std::thread::Builder::new().name("display".to_owned());
        // Without it, the clocks stand still between events.
        let ticker = ticker.spawn(move || tick(&ticking)).ok();
        Self { run: run.to_owned(), shared, ticker }
    }

    /// Shows what happened then.
    pub(super) fn hear(&self, events: &[Event], then: Instant) {
        let mut state = self.shared.state();
        let told = events.iter().filter_map(|event| state.board.hear(event, then));
        // That a step has started shows below.
        let told = told.filter(|told| !matches!(told, Told::Started { .. }));
        let lines: Vec<_> = told
            .map(|told| {
                let (sign, text) = text::line(&told, &self.run, true);
                format!("{sign} {text}")
            })
            .collect();
        self.shared.draw(&state, &lines.join("\n"));
        drop(state);
        self.shared.change.notify_all();
    }

    /// Takes the lines away.
    pub(super) fn end(mut self) -> Board {
        let mut state = self.shared.state();
        state.has_ended = true;
        let board = std::mem::take(&mut state.board);
        drop(state);
        self.shared.change.notify_all();
        if let Some(ticker) = self.ticker.take() {
            // It cannot have panicked in a way that matters now.
            drop(ticker.join());
        }
        region::clear();
        board
    }
}

fn tick(shared: &Shared) {
    let mut state = shared.state();
    // Looked at before waiting: the run may have ended before this thread began, and nobody tells it twice.
    while !state.has_ended {
        // Nothing under way, nothing to draw: waits for an event.
        let wait = if state.board.under_way.is_empty() { Duration::MAX } else { TICK };
        let waited =
            shared.change.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
        state = waited.0;
        if waited.1.timed_out() && !state.has_ended {
            shared.draw(&state, "");
        }
    }
}
