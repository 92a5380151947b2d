//! The thread that hands things to Slurm: batches of jobs, and requests to stop them.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::{Handle, JobState};

use crate::batch::Batch;
use crate::files::Place;
use crate::jobs::Shared;
use crate::tools::ToolError;
use crate::{cancelling, script, watcher};

/// Works until the component is closed.
pub(crate) fn run(shared: &Shared) {
    let days = u64::from(shared.config.keep_days);
    shared.folder.sweep(Duration::from_secs(days * 24 * 60 * 60));
    let mut cancel_after = Instant::now();
    while let Some(due) = next(shared, cancel_after) {
        for batch in due {
            hand_over(shared, batch);
        }
        if !cancelling::hand_over(shared) {
            cancel_after = Instant::now() + Duration::from_secs(2);
        }
        shared.tell_changes();
    }
}

/// Waits for something to do: batches that are due, or requests to stop. `None`: no more.
fn next(shared: &Shared, cancel_after: Instant) -> Option<Vec<Batch>> {
    let mut state = shared.state();
    loop {
        if state.is_closed {
            return None;
        }
        let now = Instant::now();
        let due: Vec<_> = state.batches.extract_if(.., |batch| batch.due() <= now).collect();
        let must_cancel = state.jobs.values().any(cancelling::is_due);
        if !due.is_empty() || (must_cancel && cancel_after <= now) {
            return Some(due);
        }
        let batches = state.batches.iter().map(Batch::due);
        let next = batches.chain(must_cancel.then_some(cancel_after)).min();
        state = match next {
            None => shared.to_hand_over.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(next) => {
                let pause = next.saturating_duration_since(now);
                let waited = shared.to_hand_over.wait_timeout(state, pause);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

fn hand_over(shared: &Shared, mut batch: Batch) {
    if batch.is_uncertain {
        match watcher::ids_of_batch(shared, &batch.name) {
            Err(error) => return put_off(shared, batch, &error),
            Ok(ids) if !ids.is_empty() => return adopt(shared, &batch, &ids),
            Ok(_) => {}
        }
    }
    keep_wanted(shared, &mut batch);
    if batch.numbers.is_empty() {
        return;
    }
    let folder = shared.folder.batch(&batch.name);
    let mut options = batch.own_options(&folder);
    options.extend(batch.options.iter().chain(shared.requests.options()).cloned());
    match shared.tools.run("sbatch", &options, &script::of_batch(&shared.config, &folder)) {
        Ok(said) => {
            shared.hear_trouble(None);
            // `17`, or `17;cluster` where there are several.
            let id = said.trim().split(';').next().unwrap_or_default();
            take_id(shared, &batch, id);
        }
        Err(error) if error.is_transient() => {
            batch.is_uncertain |= error.is_uncertain();
            put_off(shared, batch, &error);
        }
        Err(error) => refuse(shared, &batch, &error),
    }
}

/// Leaves out what was cancelled meanwhile.
fn keep_wanted(shared: &Shared, batch: &mut Batch) {
    let state = shared.state();
    let place = |number: &usize| Place { batch: batch.name.clone(), number: *number }.handle();
    let wanted: HashSet<_> = batch
        .numbers
        .iter()
        .copied()
        .filter(|number| state.jobs.contains_key(&place(number)))
        .collect();
    drop(state);
    batch.numbers.retain(|number| wanted.contains(number));
}

fn handles(batch: &Batch) -> impl Iterator<Item = (usize, Handle)> {
    batch
        .numbers
        .iter()
        .map(|number| (*number, Place { batch: batch.name.clone(), number: *number }.handle()))
}

fn take_id(shared: &Shared, batch: &Batch, id: &str) {
    if let Err(error) = shared.folder.write_id(&batch.name, id, batch.is_array()) {
        // It is found by its comment, should this process end.
        shared.host.warning(error);
    }
    let mut state = shared.state();
    for (number, handle) in handles(batch) {
        if let Some(job) = state.jobs.get_mut(&handle) {
            let id = if batch.is_array() { format!("{id}_{number}") } else { id.to_owned() };
            job.usage.job = Some(id.clone());
            job.id = Some(id);
        }
    }
    state.stir();
    drop(state);
    shared.to_watch.notify_all();
}

/// Slurm has taken it, though it could not say so.
fn adopt(shared: &Shared, batch: &Batch, ids: &[(usize, String)]) {
    shared.hear_trouble(None);
    if let Some((number, id)) = ids.first() {
        let base = id.strip_suffix(&format!("_{number}")).unwrap_or(id);
        take_id(shared, batch, base);
    }
}

fn put_off(shared: &Shared, mut batch: Batch, error: &ToolError) {
    if error.is_full() {
        // Slurm answers; it wants no more jobs now.
        shared.host.debug(format_args!("jobs are handed over later: {}", error.message()));
    } else {
        shared.hear_trouble(Some(error));
    }
    batch.put_off();
    shared.state().batches.push(batch);
}

fn refuse(shared: &Shared, batch: &Batch, error: &ToolError) {
    let reason = format!("Slurm does not take it: {}", error.message());
    let mut state = shared.state();
    for (number, handle) in handles(batch) {
        state.report_end(&handle, JobState::lost(&reason));
        shared.folder.forget_job(&Place { batch: batch.name.clone(), number });
    }
}
