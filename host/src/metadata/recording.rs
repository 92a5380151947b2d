//! What happens in a run, written down as the engine tells it. One call is one transaction: all of it is kept, or nothing.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params};

use super::attempts::put_aside;
use super::resuming::resumed;
use super::rows::{name_of, now_ms, to_json};
use super::runs::{STEP_COUNTS, STEP_METRICS};
use super::{Database, MetadataError};
use crate::artifact::ArtifactRef;
use crate::engine::cache_key::CacheKey;
use crate::engine::event::{
    AttemptReport, DATA, Event, Outcome, PlannedStep, RunStatus, StepStatus,
};
use crate::engine::explain::in_short;
use crate::engine::fan_out::item_name;

impl Database {
    /// Records events of a run, in order.
    ///
    /// # Errors
    /// The database cannot be written; then none of them is recorded.
    pub fn record(&self, run: &str, events: &[Event]) -> Result<(), MetadataError> {
        self.transaction("record what happens", |transaction| {
            let log = Recording { transaction, run };
            let written = events.iter().try_for_each(|event| log.event(event));
            written.map_err(self.failed("record what happens"))
        })
    }

    /// Marks a run as interrupted whose process is gone, with the steps that were under way. One that has ended stays as it is.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(super) fn mark_interrupted(&self, run: &str) -> Result<(), MetadataError> {
        self.transaction("mark a run as interrupted", |transaction| {
            let log = Recording { transaction, run };
            log.interrupt("the process that ran it is gone")
                .map_err(self.failed("mark a run as interrupted"))
        })
    }
}

struct Recording<'a> {
    transaction: &'a Transaction<'a>,
    run: &'a str,
}

impl Recording<'_> {
    fn event(&self, event: &Event) -> rusqlite::Result<()> {
        match event {
            Event::RunStarted { steps } => self.plan(steps),
            Event::RunResumed { steps, done } => resumed(self.transaction, self.run, steps, done),
            Event::StepCached { step, key, outcome } => self.cached(step, key, outcome),
            Event::DataTaken { data } => self.outputs(DATA, data, now_ms()),
            Event::FanOutExpanded { step, items } => self.expanded(step, *items),
            Event::FanOutJoined { step, status, outputs } => {
                self.outputs(step, outputs, now_ms())?;
                self.step_ended(step, *status, None)
            }
            Event::StepSkipped { step, reason } => {
                self.step_ended(step, StepStatus::Skipped, Some(reason))
            }
            Event::AttemptSubmitted { step, attempt, key, reasons, handle, job, log } => {
                if *attempt > 1 {
                    put_aside(self.transaction, self.run, step)?;
                }
                let sql = "UPDATE step_run SET status = 'running', attempt = ?3, cache_key = ?4, reason = ?5,
                     handle = ?6, job = ?7, log_file = ?8, started = ?9, ended = NULL, exit_code = NULL, log = NULL, log_tail = NULL
                     WHERE run = ?1 AND name = ?2";
                self.key(key)?;
                let (key, reason) = (&key.key, in_short(reasons));
                let log = log.as_ref().map(|log| log.display().to_string());
                let values =
                    params![self.run, step, attempt, key, reason, handle, job, log, now_ms()];
                self.execute(sql, values)
            }
            Event::AttemptTakenUp { step, .. } => {
                let sql = "UPDATE step_run SET status = 'running' WHERE run = ?1 AND name = ?2";
                self.execute(sql, params![self.run, step])
            }
            Event::AttemptEnded { step, report, .. } => self.attempt_ended(step, report),
            Event::StepRetried { step, reason, .. } => {
                let sql = "UPDATE step_run SET status = 'waiting', reason = ?3 WHERE run = ?1 AND name = ?2";
                self.execute(sql, params![self.run, step, reason])
            }
            Event::StepEnded { step, status, reason } => {
                self.step_ended(step, *status, reason.as_deref())
            }
            Event::Warning { message } => self.warned(message),
            Event::RunEnded { status, reason } => self.end_run(*status, reason.as_deref()),
            _ => Ok(()),
        }
    }

    fn execute(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<()> {
        self.transaction.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn plan(&self, steps: &[PlannedStep]) -> rusqlite::Result<()> {
        let sql = "INSERT INTO step_run (run, position, name, status, inputs, after)
             VALUES (?1, ?2, ?3, 'waiting', ?4, ?5)";
        for (position, step) in steps.iter().enumerate() {
            let (inputs, after) = (to_json(&step.inputs), to_json(&step.after));
            self.execute(sql, params![self.run, position, step.name, inputs, after])?;
        }
        Ok(())
    }

    /// Writes down the items of a step. Those that it had before keep what is known of them, and surplus ones go.
    fn expanded(&self, step: &str, items: usize) -> rusqlite::Result<()> {
        let sql = "UPDATE step_run SET status = 'running', items = ?3, started = coalesce(started, ?4), ended = NULL
             WHERE run = ?1 AND name = ?2";
        self.execute(sql, params![self.run, step, items, now_ms()])?;
        let last = "SELECT max(position) FROM step_run WHERE run = ?1";
        let last: i64 = self.transaction.query_row(last, [self.run], |row| row.get(0))?;
        let sql = "INSERT INTO step_run (run, position, name, status, inputs, after, parent)
             SELECT run, ?3, ?4, 'waiting', inputs, '[]', name FROM step_run WHERE run = ?1 AND name = ?2
             ON CONFLICT (run, name) DO NOTHING";
        for (index, position) in (0..items).zip(last + 1..) {
            self.execute(sql, params![self.run, step, position, item_name(step, index)])?;
        }
        let sql = "DELETE FROM step_run WHERE run = ?1 AND parent = ?2
             AND CAST(substr(name, length(parent) + 2) AS INTEGER) >= ?3";
        self.execute(sql, params![self.run, step, items])
    }

    /// Keeps what went into a cache key, once.
    fn key(&self, key: &CacheKey) -> rusqlite::Result<()> {
        let sql = "INSERT OR IGNORE INTO cache_key (key, parts) VALUES (?1, ?2)";
        self.execute(sql, params![key.key, key.parts])
    }

    fn cached(&self, step: &str, key: &CacheKey, outcome: &Outcome) -> rusqlite::Result<()> {
        self.key(key)?;
        let key = &key.key;
        let sql = "UPDATE step_run SET status = 'cached', reason = NULL, exit_code = NULL, log_tail = NULL, cache_key = ?3, cached_from = ?4,
             log = ?5, notes = ?6, started = ?7, ended = ?7 WHERE run = ?1 AND name = ?2";
        let log = outcome.log.as_ref().map(to_json);
        let notes = to_json(&outcome.notes);
        self.execute(sql, params![self.run, step, key, outcome.run, log, notes, now_ms()])?;
        self.produced(step, outcome)
    }

    fn attempt_ended(&self, step: &str, report: &AttemptReport) -> rusqlite::Result<()> {
        let sql = "UPDATE step_run SET exit_code = ?3, handle = NULL, job = NULL, log_file = NULL, log = ?4, log_tail = ?5, notes = ?6,
             started = ?7, ended = ?8, usage = ?9 WHERE run = ?1 AND name = ?2";
        let outcome = &report.outcome;
        let log = outcome.log.as_ref().map(to_json);
        let tail = report.failure.as_ref().map(|_| report.log_tail.as_str());
        let values = params![
            self.run,
            step,
            report.exit_code,
            log,
            tail,
            to_json(&outcome.notes),
            outcome.started.as_millisecond(),
            outcome.ended.as_millisecond(),
            (!report.usage.is_unknown()).then(|| to_json(&report.usage)),
        ];
        self.execute(sql, values)?;
        self.produced(step, outcome)
    }

    /// The metrics and artifacts of a step, in the place of those of an earlier attempt.
    fn produced(&self, step: &str, outcome: &Outcome) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO metric (run, step, name, value) VALUES (?1, ?2, ?3, ?4)";
        for (name, value) in &outcome.metrics {
            self.execute(sql, params![self.run, step, name, value])?;
        }
        self.outputs(step, &outcome.outputs, outcome.ended.as_millisecond())
    }

    fn outputs(
        &self,
        step: &str,
        outputs: &BTreeMap<String, ArtifactRef>,
        created: i64,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO artifact
               (run, step, output, kind, digest, size, executable, metadata, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        for (name, artifact) in outputs {
            let values = params![
                self.run,
                step,
                name,
                name_of(artifact.kind),
                artifact.digest,
                artifact.size,
                artifact.executable,
                to_json(&artifact.metadata),
                created,
            ];
            self.execute(sql, values)?;
        }
        Ok(())
    }

    fn warned(&self, message: &str) -> rusqlite::Result<()> {
        let sql = "INSERT INTO run_warning (run, number, told, message)
             VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM run_warning WHERE run = ?1), ?2, ?3)";
        self.execute(sql, params![self.run, now_ms(), message])
    }

    fn step_ended(
        &self,
        step: &str,
        status: StepStatus,
        reason: Option<&str>,
    ) -> rusqlite::Result<()> {
        let sql = "UPDATE step_run SET status = ?3, reason = coalesce(?4, reason), ended = coalesce(ended, ?5)
             WHERE run = ?1 AND name = ?2";
        self.execute(sql, params![self.run, step, name_of(status), reason, now_ms()])
    }

    fn interrupt(&self, reason: &str) -> rusqlite::Result<()> {
        // Asked again within the transaction: it may have ended since somebody saw it under way.
        let sql = "SELECT count(*) FROM run WHERE id = ?1 AND status = 'running'";
        let under_way: u32 = self.transaction.query_row(sql, [self.run], |row| row.get(0))?;
        if under_way == 0 {
            return Ok(());
        }
        let sql = "UPDATE step_run SET status = 'cancelled', reason = ?2, ended = ?3
             WHERE run = ?1 AND status IN ('waiting', 'running')";
        self.execute(sql, params![self.run, reason, now_ms()])?;
        self.end_run(RunStatus::Interrupted, Some(reason))
    }

    fn end_run(&self, status: RunStatus, reason: Option<&str>) -> rusqlite::Result<()> {
        let sql = format!(
            "UPDATE run SET status = ?2, reason = ?3, ended = ?4, step_counts = {STEP_COUNTS}, step_metrics = {STEP_METRICS}
             WHERE id = ?1"
        );
        self.execute(&sql, params![self.run, name_of(status), reason, now_ms()])?;
        if status == RunStatus::Completed {
            self.execute("DELETE FROM run_plan WHERE run = ?1", &[&self.run])?;
        }
        Ok(())
    }
}
