//! `sundae runs logs --follow`: what the steps of a run write, as they write it, from whichever process the run is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use super::database;
use super::logs::LazyStore;
use crate::artifact::ArtifactRef;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::engine::event::{RunStatus, StepStatus};
use crate::engine::fan_out::step_of_item;
use crate::metadata::{RunRecord, StepRecord};
use crate::worker::read_log;

/// How often to look what is new.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How often to look whether the process of the run is still there.
const BETWEEN_CHECKS: Duration = Duration::from_secs(1);

/// Shows the logs of a run, of one step or of all, until it has ended.
///
/// # Errors
/// The database or the artifact store cannot be read, or stdout not be written.
pub(super) fn follow(
    context: &Context,
    run: &RunRecord,
    step: Option<&str>,
) -> Result<(), Failure> {
    let logs = BTreeMap::new();
    let mut follower = LogFollower {
        context,
        run,
        step,
        store: LazyStore::of(context, run),
        version: None,
        seen: BTreeMap::new(),
        logs,
    };
    let mut checked = Instant::now();
    loop {
        // Before the logs: all that a run leaves is recorded when its end is.
        let standing = context.database()?.standing(&run.id)?;
        follower.look()?;
        if standing.is_none_or(|(status, _)| status != RunStatus::Running) {
            return follower.end();
        }
        if checked.elapsed() > BETWEEN_CHECKS {
            checked = Instant::now();
            database(context)?;
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

struct LogFollower<'a> {
    context: &'a Context,
    run: &'a RunRecord,
    /// Only this step and its items; then its own lines are shown as they are.
    step: Option<&'a str>,
    store: LazyStore<'a>,
    version: Option<i64>,
    seen: BTreeMap<String, (StepStatus, u32)>,
    /// Of each step that has begun.
    logs: BTreeMap<String, StepLog>,
}

/// How much of a step's log was shown.
#[derive(Default)]
struct StepLog {
    attempt: u32,
    /// While it is being written.
    file: Option<PathBuf>,
    /// Bytes of this attempt.
    shown: u64,
    /// What was read behind the last line end.
    begun: Vec<u8>,
}

impl LogFollower<'_> {
    fn look(&mut self) -> Result<(), Failure> {
        let database = self.context.database()?;
        let version = database.version()?;
        if self.version.replace(version) != Some(version) {
            let mut marks = database.step_marks(&self.run.id)?;
            marks.retain(|mark| {
                let is_meant = |step| step == mark.name || Some(step) == step_of_item(&mark.name);
                self.step.is_none_or(is_meant)
            });
            let is_new = |name: &str, mark| self.seen.get(name) != Some(&mark);
            marks.retain(|mark| is_new(&mark.name, (mark.status, mark.attempt)));
            let names: Vec<_> = marks.iter().map(|mark| mark.name.as_str()).collect();
            for step in database.some_steps(&self.run.id, &names)? {
                self.seen.insert(step.name.clone(), (step.status, step.attempt));
                self.changed(&step)?;
            }
        }
        for name in self.logs.keys().cloned().collect::<Vec<_>>() {
            self.read_on(&name)?;
        }
        Ok(())
    }

    /// A step has begun, has ended, or is tried again.
    fn changed(&mut self, step: &StepRecord) -> Result<(), Failure> {
        let name = &step.name;
        let before = self.logs.get(name).map_or(0, |log| log.attempt);
        if step.attempt > before.max(1) {
            let attempts = self.context.database()?.attempts(&self.run.id, name)?;
            for attempt in attempts.iter().filter(|attempt| attempt.attempt >= before) {
                self.show_rest(name, attempt.attempt, attempt.log.as_ref())?;
            }
        }
        if step.status == StepStatus::Running {
            let log = self.logs.entry(name.clone()).or_default();
            if log.attempt != step.attempt {
                *log = StepLog { attempt: step.attempt, ..StepLog::default() };
            }
            log.file.clone_from(&step.log_file);
        } else if step.log.is_some() {
            self.show_rest(name, step.attempt, step.log.as_ref())?;
        }
        Ok(())
    }

    /// Shows what an attempt that has ended has written beyond what was shown.
    fn show_rest(
        &mut self,
        name: &str,
        attempt: u32,
        kept: Option<&ArtifactRef>,
    ) -> Result<(), Failure> {
        let log = self.logs.entry(name.to_owned()).or_default();
        if log.attempt != attempt {
            *log = StepLog { attempt, ..StepLog::default() };
        }
        log.file = None;
        let Some(kept) = kept else { return self.flush(name) };
        let text = self.store.text(kept)?;
        let shown = usize::try_from(log.shown).unwrap_or(usize::MAX);
        let rest = text.as_bytes().get(shown..).unwrap_or_default();
        log.shown = text.len() as u64;
        self.show(name, rest)?;
        self.flush(name)
    }

    /// Shows what a step has written since.
    fn read_on(&mut self, name: &str) -> Result<(), Failure> {
        let Some(log) = self.logs.get_mut(name) else { return Ok(()) };
        let Some(new) = log.file.as_deref().and_then(|file| read_log(file, log.shown)) else {
            return Ok(());
        };
        log.shown += new.len() as u64;
        self.show(name, &new)
    }

    /// Shows whole lines of a step, with its name where there are several.
    fn show(&mut self, name: &str, new: &[u8]) -> Result<(), Failure> {
        if new.is_empty() {
            return Ok(());
        }
        let wants_json = self.context.wants_json();
        if self.step == Some(name) && !wants_json {
            return self.context.ui.copy(new);
        }
        let Some(log) = self.logs.get_mut(name) else { return Ok(()) };
        log.begun.extend_from_slice(new);
        let Some(end) = log.begun.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        let rest = log.begun.split_off(end + 1);
        let whole = std::mem::replace(&mut log.begun, rest);
        let mut named = Vec::new();
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            if wants_json {
                let line = String::from_utf8_lossy(line);
                let line = line.trim_end_matches('\n');
                named.extend_from_slice(
                    json!({ "step": name, "line": line }).to_string().as_bytes(),
                );
                named.push(b'\n');
            } else {
                named.extend_from_slice(format!("{name} | ").as_bytes());
                named.extend_from_slice(line);
            }
        }
        self.context.ui.copy(named.as_slice())
    }

    /// Shows a last line without an end, with one.
    fn flush(&mut self, name: &str) -> Result<(), Failure> {
        let is_begun = self.logs.get(name).is_some_and(|log| !log.begun.is_empty());
        if is_begun { self.show(name, b"\n") } else { Ok(()) }
    }

    /// Nothing follows.
    fn end(mut self) -> Result<(), Failure> {
        for name in self.logs.keys().cloned().collect::<Vec<_>>() {
            self.flush(&name)?;
        }
        Ok(())
    }
}
