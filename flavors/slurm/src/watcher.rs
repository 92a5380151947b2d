//! The thread that watches jobs: by the marks that they leave, and by asking the controller, once for all of them.
//!
//! That a job has started, and that it has ended well, is seen by its marks within a moment and costs the controller nothing.
//! What ended badly is told when the controller has said why; and so is what was ended without leaving a mark.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use sundae_plugin_api::ErrorKind;
use sundae_plugin_api::orchestrator::{Handle, JobState};

use crate::accounting;
use crate::batch::comment;
use crate::files::{End, Place};
use crate::jobs::Shared;
use crate::pace::Pace;
use crate::states::{Known, Verdict, covers, exit_code_of_status};
use crate::tools::ToolError;

/// Whom neither the controller nor the accounting database knows so often is lost.
const ABSENCES: u8 = 3;

/// And so long, if it has started: it may still run on its node. There it ends well, or is ended when the node tells a controller
/// that has forgotten it; until then it is not to be done a second time.
const LINGERS: Duration = Duration::from_secs(30);

/// The columns that squeue writes: name and width. Of a fixed width, since that is what all versions can do.
const COLUMNS: [(&str, usize); 6] = [
    ("JobArrayID", 40),
    ("State", 24),
    ("exit_code", 12),
    ("NodeList", 64),
    ("Comment", 160),
    ("Reason", 120),
];

/// Works until the component is closed.
pub(crate) fn run(shared: &Shared) {
    let mut pace = Pace::new(shared.config.poll_interval());
    while wait_for_work(shared, &mut pace) {
        let began = Instant::now();
        if pace.scan_is_due(began) {
            let has_found = scan(shared);
            pace.scanned(began, Instant::now(), has_found);
        }
        if pace.poll_is_due(Instant::now()) {
            let polled = poll(shared);
            shared.hear_trouble(polled.as_ref().err());
            pace.polled(Instant::now());
        }
        accounting::settle(shared);
        shared.tell_changes();
    }
}

/// Waits until something is due. Returns whether there is more to do at all.
fn wait_for_work(shared: &Shared, pace: &mut Pace) -> bool {
    let mut state = shared.state();
    loop {
        if state.is_closed {
            return false;
        }
        if let Some(stirred) = state.stirred.take() {
            pace.stir(stirred);
        }
        let watched = state.jobs.values().any(|job| job.id.is_some());
        let now = Instant::now();
        let next = state.settle_at.map_or(pace.next(), |at| at.min(pace.next()));
        if watched && next <= now {
            return true;
        }
        state = if watched {
            let pause = next.saturating_duration_since(now);
            shared.to_watch.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
        } else {
            shared.to_watch.wait(state).unwrap_or_else(PoisonError::into_inner)
        };
    }
}

/// Looks at the marks. Returns whether there was something new.
fn scan(shared: &Shared) -> bool {
    let state = shared.state();
    let open = state.jobs.values().filter(|job| job.settled.is_none());
    let batches: BTreeSet<_> = open.map(|job| job.place.batch.clone()).collect();
    drop(state);
    let mut has_found = false;
    for batch in batches {
        let marks = shared.folder.marks(&batch);
        let handle = |number: &usize| Place { batch: batch.clone(), number: *number }.handle();
        let mut state = shared.state();
        for started in marks.started.iter().map(handle) {
            has_found |= state.jobs.get(&started).is_some_and(|job| !job.is_running);
            state.report_running(&started);
        }
        let is_new = |handle: &Handle| {
            state.jobs.get(handle).is_some_and(|job| !job.has_ended && job.settled.is_none())
        };
        let ended: Vec<_> = marks.ended.iter().map(handle).filter(is_new).collect();
        drop(state);
        for handle in ended {
            has_found = true;
            hear_end(shared, &handle);
        }
    }
    has_found
}

/// A job has left a mark about its end.
fn hear_end(shared: &Shared, handle: &Handle) {
    let Some(end) = Place::of(handle).and_then(|place| shared.folder.end(&place)) else { return };
    match end.final_state() {
        Some(state) => finish(shared, handle, state, Some(&end)),
        None => {
            // What it says may not be all: the controller knows of limits that it ran into.
            let mut state = shared.state();
            if let Some(job) = state.jobs.get_mut(handle) {
                job.has_ended = true;
            }
            state.stir();
        }
    }
}

impl End {
    /// Its state, where nothing that the controller knows can change that.
    pub(crate) fn final_state(&self) -> Option<JobState> {
        match (&self.refusal, self.exit_code) {
            (Some(why), code) => Some(JobState::lost(format!(
                "it was not started: {why} (exit code {code}); its log says more"
            ))),
            (None, 0) => Some(JobState::Ended { exit_code: 0 }),
            (None, _) => None,
        }
    }
}

/// A job has ended so.
fn finish(shared: &Shared, handle: &Handle, end_state: JobState, end: Option<&End>) {
    let Some(place) = Place::of(handle) else { return };
    shared.folder.forget_job(&place);
    let mut state = shared.state();
    if let Some(job) = state.jobs.get_mut(handle) {
        if let Some(seconds) = end.and_then(|end| end.cpu_seconds) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the seconds that a process had"
            )]
            let cpu_ms = (seconds * 1000.0) as u64;
            job.usage.cpu_ms = Some(cpu_ms);
        }
        if shared.config.accounting {
            let now = Instant::now();
            job.settled = Some((end_state, now));
            state.settle_at.get_or_insert(now + accounting::PAUSE);
            return;
        }
    }
    // A job that was too short to be seen running has run all the same.
    if matches!(end_state, JobState::Ended { .. }) {
        state.report_running(handle);
    }
    state.report_end(handle, end_state);
}

/// Asks the controller for all jobs, and hears what it says.
fn poll(shared: &Shared) -> Result<(), ToolError> {
    let ids = shared.known_ids();
    if ids.is_empty() {
        return Ok(());
    }
    let rows = ask(shared)?;
    let mut absent = BTreeMap::new();
    for (id, handle) in ids {
        let Some(place) = Place::of(&handle) else { continue };
        let ours = comment(&place.batch);
        match rows.get(&id).filter(|(comment, _)| *comment == ours) {
            Some((_, known)) => hear(shared, &handle, &place, known),
            None => drop(absent.insert(id, (handle, place))),
        }
    }
    // Of an array, what was taken away before it started has no row of its own; of what is left there may be one.
    let array_is_known = |place: &Place| {
        let ours = comment(&place.batch);
        rows.values().any(|(comment, _)| *comment == ours)
    };
    absent.retain(|_, (handle, place)| {
        let is_gone = array_is_known(place) && !has_started(shared, place);
        if is_gone {
            finish(shared, handle, JobState::Cancelled, None);
        }
        !is_gone
    });
    if !absent.is_empty() {
        ask_the_books(shared, &absent);
    }
    Ok(())
}

/// Whether a job has left any mark.
fn has_started(shared: &Shared, place: &Place) -> bool {
    shared.folder.owner(place).is_some() || shared.folder.end(place).is_some()
}

/// What the controller says, by id, with the comment of each job.
fn ask(shared: &Shared) -> Result<BTreeMap<String, (String, Known)>, ToolError> {
    let format: Vec<_> = COLUMNS.iter().map(|(name, width)| format!("{name}:{width}")).collect();
    let format = format!("--Format={}", format.join(","));
    let options = ["--me", "--noheader", "--array", "--states=all", &format];
    Ok(shared.tools.run("squeue", &options, "")?.lines().filter_map(row).collect())
}

fn row(line: &str) -> Option<(String, (String, Known))> {
    let mut letters = line.chars();
    let [id, state, status, node, comment, reason] = COLUMNS
        .map(|(_, width)| letters.by_ref().take(width).collect::<String>().trim().to_owned());
    let known =
        Known { state, reason, exit_code: exit_code_of_status(status.parse().unwrap_or(0)), node };
    (!id.is_empty()).then_some((id, (comment, known)))
}

/// The jobs of a batch that the controller knows: number and id.
///
/// # Errors
/// It cannot be asked.
pub(crate) fn ids_of_batch(
    shared: &Shared,
    batch: &str,
) -> Result<Vec<(usize, String)>, ToolError> {
    let ours = comment(batch);
    let rows = ask(shared)?.into_iter().filter(|(_, (comment, _))| *comment == ours);
    let numbered = rows.map(|(id, _)| {
        let number = id.split_once('_').and_then(|(_, number)| number.parse().ok());
        (number.unwrap_or(0), id)
    });
    Ok(numbered.collect())
}

/// Hears what the controller says of a job.
fn hear(shared: &Shared, handle: &Handle, place: &Place, known: &Known) {
    let mut state = shared.state();
    let Some(job) = state.jobs.get_mut(handle) else { return };
    (job.absences, job.absent_since) = (0, None);
    if !known.node.is_empty() {
        job.usage.machine = Some(known.node.clone());
    }
    let has_ended = job.has_ended;
    let id = job.id.clone().unwrap_or_default();
    match known.verdict() {
        // After a requeue, what it left the first time means nothing.
        Verdict::Waits => job.has_ended = false,
        Verdict::Runs => state.report_running(handle),
        Verdict::Ending => {}
        Verdict::Hopeless(why) => {
            drop(state);
            // It would wait for ever. Should it stay there all the same, it does nothing.
            drop(shared.folder.stop(place));
            drop(shared.tools.run("scancel", &[id], ""));
            finish(shared, handle, JobState::lost(why), None);
            return;
        }
        Verdict::Over(end) => {
            drop(state);
            hear_over(shared, handle, place, known, end);
            return;
        }
    }
    if has_ended {
        // It is over, and the controller will soon say so.
        state.stir();
    }
}

/// The controller says that a job is over.
fn hear_over(shared: &Shared, handle: &Handle, place: &Place, known: &Known, over: JobState) {
    let end = shared.folder.end(place);
    let owner = shared.folder.owner(place);
    let mut state = shared.state();
    let Some(job) = state.jobs.get_mut(handle) else { return };
    if let (Some(owner), Some(id)) = (&owner, &job.id)
        && owner != id
    {
        // The work had been submitted before, and that one does it.
        job.id = Some(owner.clone());
        return;
    }
    let was_asked = job.asked > 0;
    drop(state);
    let over = match (over, &end) {
        (_, Some(End { refusal: Some(_), .. })) => end.as_ref().and_then(End::final_state),
        (JobState::Ended { .. }, None) if was_asked && owner.is_none() => Some(JobState::Cancelled),
        (JobState::Ended { exit_code }, None) if exit_code != 0 && owner.is_none() => {
            Some(JobState::lost(not_begun(shared, known, exit_code)))
        }
        // Where Slurm looks at memory itself, it has no state of its own for that.
        (JobState::Ended { exit_code: 137 }, _)
            if !was_asked && shared.folder.tells_of_memory(place) =>
        {
            let known = Known { state: "OUT_OF_MEMORY".to_owned(), ..known.clone() };
            match known.verdict() {
                Verdict::Over(state) => Some(state),
                _ => None,
            }
        }
        (over, _) => Some(over),
    };
    if let Some(over) = over {
        finish(shared, handle, over, end.as_ref());
    }
}

fn not_begun(shared: &Shared, known: &Known, exit_code: i32) -> String {
    let ended =
        format!("it ended with exit code {exit_code} ({}) before it had begun", known.reason);
    if let Err(error) = shared.folder.check()
        && error.kind() == ErrorKind::OutOfSpace
    {
        return format!("{ended}; the work folder is full: {error}");
    }
    let node = if known.node.is_empty() { "its node" } else { &known.node };
    format!("{ended}; can {node} see the work folder {}?", shared.folder.root().display())
}

/// Of these the controller knows nothing any more; the accounting database may.
fn ask_the_books(shared: &Shared, absent: &BTreeMap<String, (Handle, Place)>) {
    let found = accounting::states(shared, absent.keys());
    for (id, (handle, place)) in absent {
        let has_started = has_started(shared, place);
        // Names of several are those of what has not started.
        let mut known =
            found.iter().filter(|(name, _)| name == id || (!has_started && covers(name, id)));
        let known = known.find(|(_, known)| matches!(known.verdict(), Verdict::Over(_)));
        match known {
            Some((_, known)) => hear(shared, handle, place, known),
            None => hear_of_nobody(shared, id, handle, place),
        }
    }
}

/// Nobody knows a job.
fn hear_of_nobody(shared: &Shared, id: &str, handle: &Handle, place: &Place) {
    let has_begun = shared.folder.owner(place).is_some();
    let mut state = shared.state();
    let Some(job) = state.jobs.get_mut(handle) else { return };
    job.absences = job.absences.saturating_add(1);
    let since = *job.absent_since.get_or_insert_with(Instant::now);
    let may_run = has_begun && since.elapsed() < LINGERS;
    let (is_lost, was_asked) = (job.absences >= ABSENCES && !may_run, job.told > 0);
    state.stir();
    drop(state);
    match shared.folder.end(place) {
        Some(end) => {
            let state = JobState::Ended { exit_code: end.exit_code };
            finish(shared, handle, end.final_state().unwrap_or(state), Some(&end));
        }
        None if is_lost && was_asked => finish(shared, handle, JobState::Cancelled, None),
        None if is_lost => {
            let how = if has_begun { "how it ended is not known" } else { "it had not begun" };
            let reason = format!("Slurm does not know its job {id} any more, and {how}");
            finish(shared, handle, JobState::Lost { reason, retryable: true }, None);
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_by_its_columns() {
        let texts = [
            "17_3",
            "FAILED",
            "512",
            "n[1-2]",
            "sundae:a-1",
            "ReqNodeNotAvail, UnavailableNodes:n1",
        ];
        let line: String =
            COLUMNS.iter().zip(texts).map(|((_, width), text)| format!("{text:width$}")).collect();
        let (id, (comment, known)) = row(&line).unwrap();
        assert_eq!((id.as_str(), comment.as_str()), ("17_3", "sundae:a-1"));
        assert_eq!(
            (known.state.as_str(), known.exit_code, known.node.as_str()),
            ("FAILED", 2, "n[1-2]")
        );
        assert_eq!(known.reason, texts[5]);
        assert_eq!(row(""), None);
    }

    #[test]
    fn only_a_good_end_needs_no_word_of_the_controller() {
        let end = |exit_code, refusal: Option<&str>| End {
            exit_code,
            refusal: refusal.map(str::to_owned),
            cpu_seconds: None,
        };
        assert_eq!(end(0, None).final_state(), Some(JobState::Ended { exit_code: 0 }));
        assert_eq!(end(137, None).final_state(), None);
        assert!(
            matches!(end(0, Some("x")).final_state(), Some(JobState::Lost { reason, .. }) if reason.contains('x'))
        );
    }
}
