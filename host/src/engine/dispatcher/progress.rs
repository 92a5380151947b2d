//! What steps on this machine say of their progress.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Dispatcher;
use crate::engine::event::Event;
use crate::worker::Progress;

/// People need it no more often.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// An orchestrator may run thousands of steps at once: so many are looked at in one go, and the others later.
const LOOKS: usize = 64;

/// Whose messages are looked at.
pub(super) struct ProgressWatch {
    /// By job.
    watched: HashMap<String, Watched>,
    /// Jobs in the order in which they are looked at next; some may have ended.
    next: VecDeque<String>,
    looked: Instant,
}

struct Watched {
    step: usize,
    progress: Progress,
}

impl Default for ProgressWatch {
    fn default() -> Self {
        Self { watched: HashMap::new(), next: VecDeque::new(), looked: Instant::now() }
    }
}

impl ProgressWatch {
    pub(super) fn watch(&mut self, job: &str, step: usize, messages: PathBuf) {
        let progress = Progress::new(messages);
        self.watched.insert(job.to_owned(), Watched { step, progress });
        self.next.push_back(job.to_owned());
    }

    pub(super) fn forget(&mut self, job: &str) {
        self.watched.remove(job);
    }

    /// What is new: step, fraction and label.
    fn news(&mut self) -> Vec<(usize, f64, String)> {
        let mut news = Vec::new();
        self.next.retain(|job| self.watched.contains_key(job));
        for _ in 0..self.next.len().min(LOOKS) {
            let Some(job) = self.next.pop_front() else { break };
            if let Some(watched) = self.watched.get_mut(&job)
                && let Some((fraction, label)) = watched.progress.news()
            {
                news.push((watched.step, fraction, label));
            }
            self.next.push_back(job);
        }
        news
    }
}

impl Dispatcher<'_> {
    pub(super) fn hear_progress(&mut self) {
        if self.progress.looked.elapsed() < BETWEEN_LOOKS {
            return;
        }
        self.progress.looked = Instant::now();
        for (step, fraction, label) in self.progress.news() {
            let step = self.name(step).into_owned();
            self.untold.push(Event::StepProgress { step, fraction, label });
        }
    }
}
