//! What a person sees of a run while it goes on: live lines at a terminal, plain lines elsewhere.

mod board;
mod frame;
mod live;
mod text;

use std::time::Instant;

use crate::cli::ui::Ui;
use crate::engine::event::{Event, RunStatus};
use board::Board;
use live::Live;

/// Shows a run.
pub(super) struct Display {
    ui: Ui,
    run: String,
    begun: Instant,
    how: How,
}

enum How {
    /// One line for each thing that happens.
    Plain(Board),
    /// The same above lines that show what is under way.
    Live(Live),
}

impl Display {
    /// A display for the run of this name; `explain`: with every reason why a step runs.
    pub(super) fn new(ui: Ui, run: &str, explain: bool) -> Self {
        let begun = Instant::now();
        let run = run.to_owned();
        let how = match ui.can_redraw() {
            true => How::Live(Live::new(&run, begun, Board::new(explain))),
            false => How::Plain(Board::new(explain)),
        };
        Self { ui, run, begun, how }
    }

    /// Shows what has happened.
    pub(super) fn hear(&mut self, events: &[Event]) {
        match &mut self.how {
            How::Live(live) => live.hear(events),
            How::Plain(board) => {
                let now = Instant::now();
                let told = events.iter().filter_map(|event| board.hear(event, now));
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
        let board = match self.how {
            How::Plain(board) => board,
            How::Live(live) => live.end(),
        };
        self.ui.say(text::closing(&board, &self.run, status, self.begun.elapsed()));
    }
}
