//! The artifact store is away for a while: the run waits, and what was done is not lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use sundae::engine::Stop;
use sundae::engine::event::{Event, RunStatus, StepStatus};
use sundae_plugin_api::{Error, ErrorKind};

use super::elsewhere::Cluster;
use super::meddled::{Call, MeddledStore};
use super::support::{self, Bed, Told};

/// A fan-out, so that all that a run asks of a store is asked: each step says that it ran.
const STEPS: &str = "
    [[steps]]
    name = 'split'
    run = 'echo split >> ran; mkdir {out.parts}; for n in 1 2 3; do echo $n > {out.parts}/$n; done'
    outputs = ['parts']
    [[steps]]
    name = 'double'
    foreach = { part = 'split.parts' }
    run = 'echo double >> ran; cat {in.part} {in.part} > {out.n}'
    outputs = ['n']
    [[steps]]
    name = 'sum'
    run = 'echo sum >> ran; cat {in.all}/* > {out.x}; echo summed'
    inputs = { all = 'double.n' }
    outputs = ['x']
";

fn away() -> Error {
    Error::new(ErrorKind::Unavailable, "connection refused").retryable()
}

/// A bed whose store is away for `failures` calls, from the call with that number on. Where calls are counted.
fn with_outage(first: usize, failures: usize) -> (Bed, Arc<AtomicUsize>) {
    let mut bed = Bed::new();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let folder = bed.folder.path().join("store");
    bed.store = Arc::new(MeddledStore::new(&folder, move |_, _| {
        let number = counted.fetch_add(1, SeqCst);
        let is_away = number >= first && number - first < failures;
        if is_away { Err(away()) } else { Ok(()) }
    }));
    bed.patience = Duration::from_secs(60);
    (bed, calls)
}

fn digests(told: &Told) -> BTreeMap<String, String> {
    let outputs = [("split", "parts"), ("sum", "x")];
    outputs.map(|(step, name)| (step.to_owned(), told.output(step, name).digest.clone())).into()
}

fn complains(told: &Told) -> usize {
    told.warnings()
        .iter()
        .filter(|warning| warning.contains("the artifact store cannot be asked now"))
        .count()
}

/// Runs the steps once undisturbed, and then with an outage at each call that the store got.
fn at_any_call(prepare: fn(&mut Bed)) {
    let (mut bed, calls) = with_outage(usize::MAX, 0);
    prepare(&mut bed);
    let undisturbed = digests(&bed.run_carelessly(STEPS));
    let all = calls.load(SeqCst);
    assert!(all > 20, "there is something to disturb");
    let told_of = AtomicUsize::new(0);
    thread::scope(|scope| {
        for first in 0..all {
            let (undisturbed, told_of) = (&undisturbed, &told_of);
            scope.spawn(move || {
                let (mut bed, _) = with_outage(first, 3);
                prepare(&mut bed);
                let told = bed.run_carelessly(STEPS);
                assert_eq!(told.status(), RunStatus::Completed, "away at call {first}: {told:#?}");
                assert_eq!(digests(&told), *undisturbed, "away at call {first}");
                let ran = bed.read("ran").lines().map(str::to_owned).collect::<Vec<_>>();
                assert_eq!(ran, ["split", "double", "double", "double", "sum"], "call {first}");
                bed.store = Arc::new(support::store(&bed.folder.path().join("store")));
                bed.check_nothing_left();
                told_of.fetch_add(complains(&told), SeqCst);
            });
        }
    });
    assert!(told_of.load(SeqCst) > 0, "nobody has heard of it");
}

#[test]
fn a_run_outlives_an_outage_at_any_call() {
    at_any_call(|_| ());
}

/// As the host sees it: workers elsewhere have a way of their own to the store.
#[test]
fn a_run_elsewhere_outlives_an_outage_at_any_call() {
    at_any_call(|bed| {
        bed.orchestrator = Box::new(Cluster::new(bed, |worker, _| Some(worker.work())));
    });
}

#[test]
fn a_store_that_stays_away_fails_the_steps_in_words() {
    let (mut bed, calls) = with_outage(usize::MAX, 0);
    drop(bed.run_carelessly(STEPS));
    let half = calls.load(SeqCst) / 2;
    let (mut bed, _) = with_outage(half, usize::MAX - half);
    bed.patience = Duration::from_millis(600);
    let told = bed.run_carelessly(STEPS);
    assert_eq!(told.status(), RunStatus::Failed);
    let mut reasons = told.events.iter().filter_map(|event| match event {
        Event::StepEnded { reason: Some(reason), .. } => Some(reason.as_str()),
        _ => None,
    });
    assert!(reasons.any(|reason| reason.contains("connection refused")), "{told:#?}");
    // What was done before is not done again when the store is back.
    bed.store = Arc::new(support::store(&bed.folder.path().join("store")));
    assert_eq!(bed.run(STEPS).status(), RunStatus::Completed);
    let ran = bed.read("ran");
    assert_eq!(ran.lines().filter(|line| *line == "split").count(), 1, "{ran}");
}

#[test]
fn whoever_stops_a_run_does_not_wait_for_its_store() {
    let mut bed = Bed::new();
    let folder = bed.folder.path().join("store");
    let stop = Arc::new(Stop::default());
    let stops = Arc::clone(&stop);
    bed.store = Arc::new(MeddledStore::new(&folder, move |call, _| {
        if call != Call::Put {
            return Ok(());
        }
        stops.request();
        Err(away())
    }));
    bed.patience = Duration::from_secs(3600);
    let pipeline = bed.pipeline("[[steps]]\nname = 's'\nrun = 'echo 1 > {out.x}'\noutputs = ['x']");
    let mut told = Told::default();
    let ended = bed.run_pipeline_until(&pipeline, &mut told, &stop);
    assert_eq!(ended.unwrap(), RunStatus::Cancelled, "{told:#?}");
}

/// How long a store is waited for is counted anew when nobody has waited for it meanwhile.
#[test]
fn what_was_waited_for_by_a_step_that_was_skipped_is_not_held_against_a_later_one() {
    let mut bed = Bed::new();
    let folder = bed.folder.path().join("store");
    // Of the engine; a worker waits by itself.
    let asked = AtomicUsize::new(0);
    bed.store = Arc::new(MeddledStore::new(&folder, move |_, _| {
        let is_workers = thread::current().name() == Some("sundae-local");
        let is_away = !is_workers && (2..4).contains(&asked.fetch_add(1, SeqCst));
        if is_away { Err(away()) } else { Ok(()) }
    }));
    bed.patience = Duration::from_millis(500);
    let told = bed.run_carelessly(
        "
        failure-policy = 'fail-fast'
        [[steps]]
        name = 'slow'
        foreach = { n = [1] }
        run = 'sleep 1; echo {param.n} > {out.x}'
        outputs = ['x']
        trigger = 'always'
        [[steps]]
        name = 'quick'
        run = 'true'
        [[steps]]
        name = 'fails'
        run = 'sleep 0.1; exit 1'
        after = ['quick']
        [[steps]]
        name = 'waits'
        run = 'echo waits'
        after = ['quick']
        ",
    );
    let statuses = told.statuses();
    assert_eq!(statuses["waits"], StepStatus::Skipped);
    assert_eq!(statuses["slow"], StepStatus::Completed, "{told:#?}");
    assert_eq!(complains(&told), 2);
}

#[test]
fn a_step_says_in_its_log_what_it_waits_for() {
    let (mut bed, _) = with_outage(usize::MAX, 0);
    let folder = bed.folder.path().join("store");
    let asked = AtomicUsize::new(0);
    bed.store = Arc::new(MeddledStore::new(&folder, move |call, _| {
        let is_first = call == Call::Put && asked.fetch_add(1, SeqCst) == 0;
        if is_first { Err(away()) } else { Ok(()) }
    }));
    let told = bed.run("[[steps]]\nname = 's'\nrun = 'echo 1 > {out.x}'\noutputs = ['x']");
    assert_eq!(
        told.report("s").log_tail,
        "sundae: the artifact store cannot be reached now: connection refused; it is tried again for 1m"
    );
}
