//! How often things are looked at: soon after something has happened, and ever less often after that.

use std::time::{Duration, Instant};

/// Between two looks at the marks: the shortest pause, and the longest.
const SCANS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Looking takes no more than this part of the time, however slow the file system is.
const SCAN_SHARE: u32 = 20;

/// The shortest pause between two questions to the controller.
const SHORTEST_POLL: Duration = Duration::from_secs(1);

/// When to look next.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    next_scan: Instant,
    /// When something was last seen to happen.
    happened: Instant,
    next_poll: Instant,
    poll_pause: Duration,
    /// Until then the controller is not asked sooner for anything that happens.
    calm_until: Instant,
}

impl Pace {
    /// The controller is asked this often at least.
    pub(crate) fn new(interval: Duration) -> Self {
        let now = Instant::now();
        Self {
            interval,
            next_scan: now,
            happened: now,
            next_poll: now + SHORTEST_POLL,
            poll_pause: SHORTEST_POLL,
            calm_until: now,
        }
    }

    pub(crate) fn next(&self) -> Instant {
        self.next_scan.min(self.next_poll)
    }

    pub(crate) fn scan_is_due(&self, now: Instant) -> bool {
        self.next_scan <= now
    }

    pub(crate) fn poll_is_due(&self, now: Instant) -> bool {
        self.next_poll <= now
    }

    /// Something was done to which there will soon be an answer: the pauses are short again, once in an interval at most, so
    /// that a stream of jobs is no stream of questions.
    pub(crate) fn stir(&mut self, at: Instant) {
        self.happened = at;
        self.next_scan = self.next_scan.min(at + SCANS.0);
        if self.calm_until <= at {
            self.poll_pause = SHORTEST_POLL;
            self.next_poll = self.next_poll.min(at + SHORTEST_POLL);
            self.calm_until = at + self.interval;
        }
    }

    pub(crate) fn scanned(&mut self, began: Instant, ended: Instant, has_found: bool) {
        if has_found {
            self.happened = ended;
        }
        let since = ended.saturating_duration_since(self.happened);
        let cost = ended.saturating_duration_since(began) * SCAN_SHARE;
        self.next_scan = ended + (since / 8).clamp(SCANS.0, SCANS.1).max(cost);
    }

    pub(crate) fn polled(&mut self, at: Instant) {
        self.next_poll = at + self.poll_pause;
        self.poll_pause = (self.poll_pause * 2).min(self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_is_asked_less_and_less_often() {
        let mut pace = Pace::new(Duration::from_secs(10));
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let due = pace.next_poll;
            pauses.push(due.saturating_duration_since(now).as_secs_f64().round());
            now = due;
            pace.polled(now);
        }
        assert_eq!(pauses, [1.0, 1.0, 2.0, 4.0, 8.0, 10.0]);
    }

    #[test]
    fn a_stream_of_jobs_is_no_stream_of_questions() {
        let mut pace = Pace::new(Duration::from_secs(10));
        let began = Instant::now();
        let mut polls = 0;
        for tenth in 0..1000 {
            let now = began + Duration::from_millis(100 * tenth);
            pace.stir(now);
            if pace.poll_is_due(now) {
                polls += 1;
                pace.polled(now);
            }
        }
        assert!((20..=45).contains(&polls), "{polls} in 100 seconds");
    }

    #[test]
    fn marks_are_looked_at_less_often_the_longer_nothing_happens() {
        let mut pace = Pace::new(Duration::from_secs(10));
        let began = Instant::now();
        let mut pause = |seconds, has_found| {
            let now = began + Duration::from_secs(seconds);
            pace.scanned(now, now, has_found);
            pace.next_scan - now
        };
        assert_eq!(pause(0, true), SCANS.0);
        assert_eq!(pause(8, false), Duration::from_secs(1));
        assert_eq!(pause(100, false), SCANS.1);
        assert_eq!(pause(101, true), SCANS.0);
    }
}
