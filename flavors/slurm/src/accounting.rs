//! What the accounting database knows, where a site has one: how jobs ended that the controller has forgotten, and what they used.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sundae_plugin_api::orchestrator::Handle;

use crate::jobs::Shared;
use crate::states::{Known, exit_code_of_pair};

/// So many jobs are named on one command line.
const AT_ONCE: usize = 500;

/// From the end of a job to the first question, and between two for the same: it takes some time until it is in the books.
pub(crate) const PAUSE: Duration = Duration::from_millis(900);

/// So long is asked for what a job used.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a job has used.
#[derive(Debug, Default)]
struct Usage {
    cpu_ms: Option<u64>,
    memory: Option<u64>,
}

/// How jobs stand, by their names there. Nothing, where there is no such database.
pub(crate) fn states<'a>(
    shared: &Shared,
    ids: impl Iterator<Item = &'a String>,
) -> Vec<(String, Known)> {
    let ids: Vec<_> = ids.map(String::as_str).collect();
    let mut found = Vec::new();
    for ids in ids.chunks(AT_ONCE) {
        let jobs = format!("--jobs={}", ids.join(","));
        let format = "--format=JobID%2000,State,ExitCode,NodeList";
        let options = ["--noheader", "--parsable2", "--allocations", &jobs, format];
        // Where there is none, the marks of the job must do.
        let Ok(said) = shared.tools.run("sacct", &options, "") else { return found };
        found.extend(said.lines().filter_map(|line| {
            let [id, state, code, node] = fields(line)?;
            let state = state.split(' ').next().unwrap_or_default().to_owned();
            let node = if node == "None assigned" { "" } else { node };
            let (node, reason) = (node.to_owned(), String::new());
            Some((id.to_owned(), Known { state, reason, exit_code: exit_code_of_pair(code), node }))
        }));
    }
    found
}

/// Looks up what jobs that have ended have used, and tells their ends when that is known, or when it was waited for long enough.
pub(crate) fn settle(shared: &Shared) {
    let mut state = shared.state();
    if state.settle_at.is_none_or(|at| at > Instant::now()) {
        return;
    }
    state.settle_at = None;
    let settled = state.jobs.iter().filter(|(_, job)| job.settled.is_some());
    let jobs = settled.filter_map(|(handle, job)| Some((job.id.clone()?, handle.clone())));
    let jobs: Vec<_> = jobs.collect();
    drop(state);
    let used = usages(shared, &jobs);
    let mut state = shared.state();
    for (id, handle) in jobs {
        let Some(job) = state.jobs.get_mut(&handle) else { continue };
        let Some((end, since)) = job.settled.clone() else { continue };
        let used = used.get(&id);
        if let Some(used) = used {
            job.usage.cpu_ms = used.cpu_ms.or(job.usage.cpu_ms);
            job.usage.memory = used.memory.or(job.usage.memory);
        }
        if used.is_some_and(|used| used.memory.is_some()) || since.elapsed() > PATIENCE {
            state.report_running(&handle);
            state.report_end(&handle, end);
        }
    }
    if state.jobs.values().any(|job| job.settled.is_some()) {
        state.settle_at = Some(Instant::now() + PAUSE);
    }
}

/// What jobs have used, as far as it is known. A job has several lines: one of its own, and one for each of its parts, which
/// alone tell of memory.
fn usages(shared: &Shared, jobs: &[(String, Handle)]) -> BTreeMap<String, Usage> {
    let mut found: BTreeMap<String, Usage> = BTreeMap::new();
    for jobs in jobs.chunks(AT_ONCE) {
        let ids: Vec<_> = jobs.iter().map(|(id, _)| id.as_str()).collect();
        let jobs = format!("--jobs={}", ids.join(","));
        let options = ["--noheader", "--parsable2", &jobs, "--format=JobID,TotalCPU,MaxRSS"];
        let Ok(said) = shared.tools.run("sacct", &options, "") else { return found };
        for line in said.lines() {
            let Some([id, cpu, memory]) = fields(line) else { continue };
            let id = id.split('.').next().unwrap_or_default();
            let usage = found.entry(id.to_owned()).or_default();
            usage.cpu_ms = usage.cpu_ms.max(milliseconds(cpu));
            usage.memory = usage.memory.max(bytes(memory));
        }
    }
    found
}

fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    line.split('|').collect::<Vec<_>>().try_into().ok()
}

/// `1-02:03:04`, `02:03:04`, `03:04.500`.
fn milliseconds(text: &str) -> Option<u64> {
    let (days, rest) = text.split_once('-').unwrap_or(("0", text));
    let mut seconds = 0.0;
    for part in rest.split(':') {
        seconds = seconds * 60.0 + part.parse::<f64>().ok()?;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the seconds that a job had"
    )]
    let of_day = (seconds * 1000.0).round() as u64;
    Some(days.parse::<u64>().ok()? * 86_400_000 + of_day)
}

/// `4572K`, `1.5G`, `0`.
fn bytes(text: &str) -> Option<u64> {
    let units = [
        ('K', 1024.0),
        ('M', 1024.0 * 1024.0),
        ('G', 1024.0 * 1024.0 * 1024.0),
        ('T', 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ];
    let unit = units.iter().find_map(|(unit, size)| Some((text.strip_suffix(*unit)?, *size)));
    let (number, size) = unit.unwrap_or((text, 1.0));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the memory of a machine"
    )]
    let bytes = (number.parse::<f64>().ok()? * size) as u64;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sacct_writes_is_understood() {
        assert_eq!(milliseconds("00:00.117"), Some(117));
        assert_eq!(milliseconds("1-02:03:04"), Some(93_784_000));
        assert_eq!(milliseconds(""), None);
        assert_eq!(
            ["4572K", "1.5G", "0", ""].map(bytes),
            [Some(4_681_728), Some(1_610_612_736), Some(0), None]
        );
        assert_eq!(fields::<2>("a|"), Some(["a", ""]));
    }
}
