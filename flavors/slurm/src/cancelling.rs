//! Requests to stop jobs, handed to Slurm for many jobs at once.

use crate::jobs::{Shared, Tracked};

/// So many jobs are named on one command line.
const AT_ONCE: usize = 500;

/// To the script and to nobody else.
const BATCH: &str = "--batch";

/// What the script takes for a request to stop.
const SIGNAL: &str = "--signal=USR1";

/// Whether Slurm is yet to be told of a request to stop this job.
pub(crate) fn is_due(job: &Tracked) -> bool {
    job.id.is_some() && job.told < job.asked
}

/// Tells Slurm what is to stop. Returns whether all of it was told.
pub(crate) fn hand_over(shared: &Shared) -> bool {
    let state = shared.state();
    let of = |is_meant: fn(&Tracked) -> bool| -> Vec<(String, u8)> {
        let due = state.jobs.values().filter(|job| is_due(job) && is_meant(job));
        due.filter_map(|job| Some((job.id.clone()?, job.asked))).collect()
    };
    let waiting = of(|job| !job.is_running);
    let (running, forced) =
        (of(|job| job.is_running && job.asked == 1), of(|job| job.is_running && job.asked > 1));
    drop(state);
    let ask = |jobs: &[(String, u8)], calls: &[&[&str]]| {
        jobs.chunks(AT_ONCE).all(|jobs| {
            let is_told = calls.iter().all(|options| cancel(shared, options, jobs));
            if is_told {
                mark_told(shared, jobs);
            }
            is_told
        })
    };
    // What waits is taken away. Not by `--state=PENDING`: asked for some of an array, that takes all of it.
    [
        ask(&waiting, &[&[]]),
        // The script passes it on to the command alone, and sets no end to its time: that is kept by the host.
        ask(&running, &[&[BATCH, SIGNAL]]),
        // The script ends the command; Slurm ends whatever does not end by that.
        ask(&forced, &[&[BATCH, SIGNAL], &[]]),
    ]
    .iter()
    .all(|is_told| *is_told)
}

fn cancel(shared: &Shared, options: &[&str], jobs: &[(String, u8)]) -> bool {
    let ids = jobs.iter().map(|(id, _)| id.as_str());
    let arguments: Vec<_> = options.iter().copied().chain(ids).collect();
    match shared.tools.run("scancel", &arguments, "") {
        // That a job has ended already, or is in another state, is no failure.
        Ok(_) => true,
        Err(error) if !error.is_transient() => true,
        Err(error) => {
            shared.hear_trouble(Some(&error));
            false
        }
    }
}

fn mark_told(shared: &Shared, jobs: &[(String, u8)]) {
    let mut state = shared.state();
    for job in state.jobs.values_mut() {
        let asked =
            jobs.iter().find(|(id, _)| job.id.as_ref() == Some(id)).map(|(_, asked)| *asked);
        job.told = job.told.max(asked.unwrap_or_default());
    }
    state.stir();
    drop(state);
    shared.to_watch.notify_all();
}
