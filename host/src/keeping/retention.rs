//! Which runs keep their artifacts. Pure.

use std::collections::{HashMap, HashSet};

/// A run that may let go of its artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// The name of its pipeline.
    pub pipeline: String,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// Whether it has ended.
    pub has_ended: bool,
}

/// Which runs keep their artifacts: those that age or number keeps, and those that are named. With neither age nor number,
/// all do.
#[derive(Debug, Clone, Default)]
pub struct Retention {
    /// Those that began later, in milliseconds since 1970.
    pub younger_than_ms: Option<i64>,
    /// So many of each pipeline, the latest.
    pub last: Option<usize>,
    /// These, by id.
    pub runs: HashSet<String>,
}

impl Retention {
    /// The runs that keep nothing, of runs that come the latest first.
    #[must_use]
    pub fn expired<'a>(&self, runs: &'a [Candidate]) -> Vec<&'a Candidate> {
        if self.younger_than_ms.is_none() && self.last.is_none() {
            return Vec::new();
        }
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut expired = Vec::new();
        for run in runs {
            let seen = seen.entry(&run.pipeline).or_default();
            *seen += 1;
            let is_kept = !run.has_ended
                || self.runs.contains(&run.id)
                || self.last.is_some_and(|last| *seen <= last)
                || self.younger_than_ms.is_some_and(|limit| run.started_ms > limit);
            if !is_kept {
                expired.push(run);
            }
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(id: &str, started_ms: i64) -> Candidate {
        let pipeline = id.split('-').next().unwrap().to_owned();
        Candidate { id: id.to_owned(), pipeline, started_ms, has_ended: true }
    }

    fn expired(retention: &Retention) -> Vec<String> {
        let mut runs = vec![run("a-3", 50), run("b-1", 40), run("a-2", 30), run("a-1", 20)];
        runs.push(Candidate { has_ended: false, ..run("a-0", 10) });
        retention.expired(&runs).iter().map(|run| run.id.clone()).collect()
    }

    #[test]
    fn what_one_rule_keeps_is_kept() {
        let none = Retention::default();
        assert!(expired(&none).is_empty(), "without a rule, every run keeps what it has");
        let last = Retention { last: Some(1), ..none.clone() };
        assert_eq!(expired(&last), ["a-2", "a-1"]);
        let age = Retention { younger_than_ms: Some(25), ..none.clone() };
        assert_eq!(expired(&age), ["a-1"]);
        let both = Retention { younger_than_ms: Some(25), ..last.clone() };
        assert_eq!(expired(&both), ["a-1"]);
        let runs = HashSet::from(["a-1".to_owned()]);
        assert_eq!(expired(&Retention { runs: runs.clone(), ..last }), ["a-2"]);
        assert!(expired(&Retention { runs, ..none.clone() }).is_empty(), "that is no rule");
        assert_eq!(expired(&Retention { last: Some(0), ..none }).len(), 4, "but what runs");
    }
}
