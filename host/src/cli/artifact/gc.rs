//! `sundae artifact gc`

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use sundae_plugin_api::ArtifactStore;

use crate::artifact::{lease, staging};
use crate::cli::Failure;
use crate::cli::ago::Ago;
use crate::cli::ask::{Consent, confirm};
use crate::cli::context::Context;
use crate::cli::progress::showing;
use crate::cli::runs::{database, find_run};
use crate::cli::store::store_component;
use crate::cli::table::{count, size, table};
use crate::engine::event::RunStatus;
use crate::keeping::{
    Candidate, Digest, Inventory, Needs, Retention, Total, Wanted, find_garbage, sweep,
};
use crate::metadata::RunBrief;
use crate::view::{GarbageView, TotalView};

/// A store that other machines share may hold what their runs need, which are not recorded here.
const GRACE_IF_SHARED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// More runs make a table that nobody reads.
const MOST_RUNS: usize = 20;

/// Remove artifacts that nothing needs any more
///
/// Runs that are recorded here keep what they have, and so do outcomes that these runs had or that are young: unless
/// `--older-than` or `--keep-last` says which runs need not keep their artifacts. A run stays in the list though its artifacts
/// are gone; a run of its pipeline makes them again.
///
/// Runs of other machines that share the store are not known here. So nothing goes that is younger than a day (30 days, if the
/// store says that it is shared), or that a run relied on within that time; `--grace` says otherwise. Runs may go on meanwhile, here
/// and elsewhere.
///
/// Example: sundae artifact gc --older-than 30d --keep-last 10 --dry-run
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Runs that began within this time keep their artifacts: `30d`, `2w`, `12h`
    #[arg(long, value_name = "AGE")]
    older_than: Option<Ago>,

    /// So many runs of each pipeline keep their artifacts: the latest
    #[arg(long, value_name = "NUMBER")]
    keep_last: Option<usize>,

    /// This run keeps its artifacts, too: a name, an id, or the start of an id; can be given several times
    #[arg(long, value_name = "RUN")]
    keep: Vec<String>,

    /// Nothing goes that is younger: `7d`; `0` only if nobody else uses the store and nothing runs
    #[arg(long, value_name = "AGE")]
    grace: Option<Ago>,

    /// The artifact store: a name, an id, or the start of an id; if left out, that of the active stack
    #[arg(long, value_name = "STORE")]
    store: Option<String>,

    /// Show what would go, and remove nothing
    #[arg(long)]
    dry_run: bool,

    /// Ask no question
    #[arg(long, short)]
    yes: bool,
}

impl Gc {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let component = store_component(context, self.store.as_deref())?;
        let store = context.open_artifact_store(&context.loader()?, &component)?;
        let runs = database(context)?.run_briefs()?;
        let grace_ms = self.grace_ms(&*store, &runs)?;
        let now_ms = now_ms();
        let expired = self.expired(context, &runs, &component.id, now_ms)?;
        // Before it is asked what is needed: a run that begins meanwhile relies on what is written after this, or leases it.
        let (needs, newly) = needs(context, runs, &expired)?;
        let outcomes_ms = self.older_than.map_or(0, Ago::ms);
        let needs = Needs { grace_ms, outcomes_ms, now_ms, ..needs };
        let garbage = showing(context, |progress| {
            find_garbage(&*store, Inventory::read(&*store, progress)?, &needs, progress)
        })?;
        let capabilities = store.capabilities();
        let staging = capabilities.staging.unwrap_or_else(|| context.home.staging());
        let unfinished = left_in(&staging);
        let mut view =
            GarbageView::new(&component.name, &capabilities.location, &garbage, unfinished);
        if !context.wants_json() {
            context.ui.data(text_of(&view))?;
        }
        let is_clean = garbage.is_empty() && unfinished == Total::default();
        if !self.dry_run && (!is_clean || !newly.is_empty()) {
            if !is_clean {
                confirm(context, "Remove this for good?", Consent::of(self.yes))?;
            }
            database(context)?.release_runs(&newly)?;
            staging::sweep(&staging);
            let swept = showing(context, |progress| sweep(&*store, &garbage, now_ms, progress))?;
            view.removed = Some(swept.into());
        }
        self.report(context, &view)
    }

    /// What is younger stays.
    fn grace_ms(&self, store: &dyn ArtifactStore, runs: &[RunBrief]) -> Result<u64, Failure> {
        let usual = if store.capabilities().shared { GRACE_IF_SHARED } else { lease::GRACE };
        let Some(grace) = self.grace else { return Ok(Ago(usual).ms()) };
        let under_way = runs.iter().find(|run| run.status == RunStatus::Running);
        match under_way {
            Some(run) if grace.0 < lease::GRACE => Err(Failure::new(format!(
                "run `{}` is under way, and may need what is younger than a day",
                run.name
            ))
            .hint("leave out --grace, or wait for the end of the run")),
            _ => Ok(grace.ms()),
        }
    }

    /// The ids of the runs that need not keep their artifacts, the latest first.
    fn expired(
        &self,
        context: &Context,
        runs: &[RunBrief],
        store: &str,
        now_ms: u64,
    ) -> Result<Vec<String>, Failure> {
        let keep = self.keep.iter().map(|text| Ok(find_run(context, Some(text))?.id));
        let limit = |age: Ago| i64::try_from(now_ms.saturating_sub(age.ms())).unwrap_or(i64::MAX);
        let retention = Retention {
            younger_than_ms: self.older_than.map(limit),
            last: self.keep_last,
            runs: keep.collect::<Result<_, Failure>>()?,
        };
        let here = runs.iter().filter(|run| run.store.as_deref() == Some(store));
        let candidates: Vec<_> = here
            .map(|run| Candidate {
                id: run.id.clone(),
                pipeline: run.pipeline.clone(),
                started_ms: run.started_ms,
                has_ended: run.status != RunStatus::Running,
            })
            .collect();
        Ok(retention.expired(&candidates).into_iter().map(|run| run.id.clone()).collect())
    }

    fn report(&self, context: &Context, view: &GarbageView) -> Result<(), Failure> {
        if context.wants_json() {
            return context.ui.json(view);
        }
        match &view.removed {
            None if self.dry_run => context.ui.say("Nothing was removed: this was a dry run."),
            None => {}
            Some(removed) => {
                context.ui.say(format_args!(
                    "Removed {} ({}) and {}.",
                    count(removed.objects, "object"),
                    size(removed.bytes),
                    count(removed.outcomes, "outcome")
                ));
                if removed.spared > 0 {
                    context.ui.say(format_args!(
                        "{} were needed again or made anew meanwhile, and stay.",
                        removed.spared
                    ));
                }
            }
        }
        Ok(())
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// What is needed, where these runs need nothing; and those of them that did until now.
fn needs(
    context: &Context,
    runs: Vec<RunBrief>,
    expired: &[String],
) -> Result<(Needs, Vec<String>), Failure> {
    let database = database(context)?;
    let mut needs = Needs::default();
    // Runs that were let go of before count as those of now: what they had may still be there.
    let expired: HashSet<&String> = expired.iter().collect();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut newly = Vec::new();
    for run in runs {
        let is_expired = run.is_released || expired.contains(&run.id);
        needs.runs.insert(run.id.clone(), is_expired || run.status == RunStatus::Completed);
        if !is_expired {
            continue;
        }
        if !run.is_released {
            newly.push(run.id.clone());
        }
        places.insert(run.id, needs.expired.len());
        needs.expired.push(Wanted { run: run.name, ..Wanted::default() });
    }
    database.each_need(|need| {
        let reach = match places.get(&need.run) {
            Some(place) => &mut needs.expired[*place].reach,
            None => &mut needs.kept,
        };
        reach.add(need.kind, &need.digest);
    })?;
    database.each_cache_key(|run, key| {
        if !places.contains_key(run) {
            needs.outcomes.extend(Digest::parse(key));
        }
    })?;
    Ok((needs, newly))
}

fn left_in(staging: &std::path::Path) -> Total {
    let left = staging::left(staging);
    Total { objects: left.len() as u64, bytes: left.iter().map(|left| left.size).sum() }
}

fn text_of(view: &GarbageView) -> String {
    let mut lines =
        vec![format!("Artifact store `{}`: runs need {}.", view.artifact_store, told(&view.kept))];
    if view.young.objects > 0 {
        lines.push(format!(
            "Besides, {} made or used within the last {} {}.",
            told(&view.young),
            told_age(view.grace_s),
            if view.young.objects == 1 { "stays" } else { "stay" },
        ));
    }
    let may_go = may_go(view);
    if may_go.is_empty() {
        lines.push("Nothing is to be removed.".to_owned());
        return lines.join("\n");
    }
    lines.push(format!("To be removed: {}.", may_go.join(", ")));
    let rows = rows(view);
    if !rows.is_empty() {
        lines.push(table(&["OF_RUN", "OBJECTS", "SIZE"].map(str::to_owned), &rows));
    }
    lines.join("\n")
}

fn told(total: &TotalView) -> String {
    format!("{} ({})", count(total.objects, "object"), size(total.bytes))
}

fn told_age(seconds: u64) -> String {
    match seconds / 3600 {
        24 => "day".to_owned(),
        hours if hours > 0 && hours % 24 == 0 => count(hours / 24, "day"),
        0 => count(seconds / 60, "minute"),
        hours => count(hours, "hour"),
    }
}

fn may_go(view: &GarbageView) -> Vec<String> {
    let objects = TotalView { objects: view.objects, bytes: view.bytes };
    let unfinished = &view.unfinished;
    let left = count(unfinished.objects, "unfinished file");
    let all = [
        (view.objects, told(&objects)),
        (view.outcomes, count(view.outcomes, "outcome")),
        (view.attempt_files, format!("{} of attempts", count(view.attempt_files, "file"))),
        (unfinished.objects, format!("{left} ({})", size(unfinished.bytes))),
    ];
    all.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect()
}

fn rows(view: &GarbageView) -> Vec<Vec<String>> {
    let row =
        |name: String, total: &TotalView| vec![name, total.objects.to_string(), size(total.bytes)];
    let (shown, more) = view.runs.split_at(view.runs.len().min(MOST_RUNS));
    let mut rows: Vec<_> = shown.iter().map(|run| row(run.run.clone(), &run.total)).collect();
    if !more.is_empty() {
        let total = TotalView {
            objects: more.iter().map(|run| run.total.objects).sum(),
            bytes: more.iter().map(|run| run.total.bytes).sum(),
        };
        rows.push(row(format!("{} earlier ones", more.len()), &total));
    }
    if view.of_others.objects > 0 {
        rows.push(row("none that is recorded here".to_owned(), &view.of_others));
    }
    rows
}
