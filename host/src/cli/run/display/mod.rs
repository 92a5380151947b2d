//! What a person sees of a run while it goes on: live lines at a terminal, plain lines elsewhere.

mod board;
mod frame;
mod live;
mod text;

pub(super) use text::cached;

use std::time::{Duration, Instant};

use crate::cli::ui::Ui;
use crate::engine::event::{Event, RunStatus};
use board::Board;
use live::Live;

/// Shows a run.
pub(in crate::cli) struct Display {
    ui: Ui,
    run: String,
    begun: Instant,
    how: How,
}

enum How {
    /// One line for each thing that happens.
    Plain(Box<Board>),
    /// The same above lines that show what is under way.
    Live(Live),
}

impl Display {
    /// A display for the run of this name, which begins now; `explain`: with every reason why a step runs.
    pub(super) fn new(ui: Ui, run: &str, explain: bool) -> Self {
        Self::of_board(ui, run, Instant::now(), Board::new(explain))
    }

    /// A display for the run of this name, which has begun before.
    pub(in crate::cli) fn since(ui: Ui, run: &str, begun: Instant) -> Self {
        Self::of_board(ui, run, begun, Board::new(false))
    }

    fn of_board(ui: Ui, run: &str, begun: Instant, board: Board) -> Self {
        let run = run.to_owned();
        let how = match ui.can_redraw() {
            true => How::Live(Live::new(&run, begun, board)),
            false => How::Plain(Box::new(board)),
        };
        Self { ui, run, begun, how }
    }

    /// Shows what has happened now.
    pub(super) fn hear(&mut self, events: &[Event]) {
        self.hear_of(events, Instant::now());
    }

    /// Shows what happened then.
    pub(in crate::cli) fn hear_of(&mut self, events: &[Event], then: Instant) {
        match &mut self.how {
            How::Live(live) => live.hear(events, then),
            How::Plain(board) => {
                let told = events.iter().filter_map(|event| board.hear(event, then));
                let lines: Vec<_> =
                    told.map(|told| text::line(&told, &self.run, false).1).collect();
                if !lines.is_empty() {
                    self.ui.say(lines.join("\n"));
                }
            }
        }
    }

    /// Takes the live lines away, and says how the run ended.
    pub(super) fn close(self, status: RunStatus) {
        let took = self.begun.elapsed();
        self.close_after(status, took);
    }

    /// The same for a run that has taken so long.
    pub(in crate::cli) fn close_after(self, status: RunStatus, took: Duration) {
        let (ui, run) = (self.ui, self.run.clone());
        ui.say(text::closing(&self.leave(), &run, status, took));
    }

    /// Takes the live lines away, while the run goes on.
    pub(in crate::cli) fn leave(self) -> Board {
        match self.how {
            How::Plain(board) => *board,
            How::Live(live) => live.end(),
        }
    }
}
