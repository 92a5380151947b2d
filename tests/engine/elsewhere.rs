//! Orchestrators whose jobs run in another process: what passes between it and the host lies in the artifact store.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sundae::engine::event::RunStatus;
use sundae::worker::{Cancel, portable};
use sundae_local_artifact_store::LocalArtifactStore;
use sundae_plugin_api::orchestrator::{Capabilities, Change, Handle, Job, JobState, Orchestrator};
use sundae_plugin_api::{ArtifactStore, Error};

use super::meddled::{Call, MeddledStore};
use super::support::{self, Bed, wait_until};

type Behaviour = dyn Fn(&Worker, u32) -> Option<JobState> + Send + Sync;

/// What a job is elsewhere: nothing of the host but the store's configuration, and the worker command's argument.
pub(super) struct Worker {
    id: String,
    store: LocalArtifactStore,
    scratch: PathBuf,
    cancel: Arc<Cancel>,
    secrets: BTreeMap<String, String>,
}

impl Worker {
    /// What `sundae worker` does.
    pub(super) fn work(&self) -> JobState {
        let Self { store, id, scratch, cancel, secrets } = self;
        match portable::run_from_store(store, id, scratch, cancel, secrets, &|_| ()) {
            Ok(report) => JobState::Ended { exit_code: report.exit_code.unwrap_or(1) },
            Err(error) => JobState::lost(error.to_string()),
        }
    }
}

/// Starts a thread per job, as a cluster starts processes. The callback is never used.
pub(super) struct Cluster {
    store: PathBuf,
    scratch: PathBuf,
    behaviour: Arc<Behaviour>,
    jobs: Mutex<HashMap<Handle, Arc<Cancel>>>,
    pub(super) tell: Sender<Change>,
    changes: Mutex<Receiver<Change>>,
    parallelism: u32,
    /// What every job writes before its worker begins, if that is kept.
    log: Option<&'static str>,
}

impl Cluster {
    /// The behaviour is handed the number of the job, from 1. `None`: nothing is told of its end.
    pub(super) fn new(
        bed: &Bed,
        behaviour: impl Fn(&Worker, u32) -> Option<JobState> + Send + Sync + 'static,
    ) -> Self {
        let (tell, changes) = channel();
        Self {
            store: bed.folder.path().join("store"),
            scratch: bed.folder.path().join("node"),
            behaviour: Arc::new(behaviour),
            jobs: Mutex::default(),
            tell,
            changes: Mutex::new(changes),
            parallelism: 4,
            log: None,
        }
    }
}

impl Orchestrator for Cluster {
    fn capabilities(&self) -> Capabilities {
        let can = Capabilities::new().remote().parallelism(self.parallelism);
        if self.log.is_some() { can.logs() } else { can }
    }

    fn logs(&self, _: &Handle, from: u64) -> Result<Vec<u8>, Error> {
        let log = self.log.unwrap_or_default().as_bytes();
        Ok(log[usize::try_from(from).unwrap().min(log.len())..].to_vec())
    }

    fn submit(&self, job: Job) -> Result<Handle, Error> {
        let id = job.description.id;
        assert_eq!(job.description.worker, ["worker", &id], "nothing else on the command line");
        let handle = Handle(format!("job-of-{id}"));
        let cancel = Arc::new(Cancel::default());
        let mut jobs = self.jobs.lock().unwrap();
        jobs.insert(handle.clone(), Arc::clone(&cancel));
        let number = u32::try_from(jobs.len()).unwrap();
        let (store, scratch) = (support::store(&self.store), self.scratch.clone());
        let worker = Worker { id, store, scratch, cancel, secrets: BTreeMap::new() };
        let (tell, told, behaviour) =
            (self.tell.clone(), handle.clone(), Arc::clone(&self.behaviour));
        thread::spawn(move || {
            drop(tell.send(Change::new(told.clone(), JobState::Running)));
            if let Some(state) = behaviour(&worker, number) {
                drop(tell.send(Change::new(told, state)));
            }
        });
        Ok(handle)
    }

    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        let changes = self.changes.lock().unwrap();
        Ok(changes.recv_timeout(timeout).into_iter().chain(changes.try_iter()).collect())
    }

    fn cancel(&self, handle: &Handle) -> Result<(), Error> {
        self.jobs.lock().unwrap()[handle].request();
        Ok(())
    }
}

const STEPS: &str = r#"
    [[steps]]
    name = 'load'
    run = '''
        echo 1 > {out.x}; echo loading
        echo '{{"metric": "rows", "value": 1}}' >> $SUNDAE_MESSAGES
    '''
    outputs = ['x']
    [[steps]]
    name = 'train'
    run = 'cat {in.x}'
    inputs = { x = 'load.x' }
"#;

/// Nothing of any attempt is left in the store or on the node.
fn check_nothing_left(bed: &Bed) {
    bed.check_nothing_left();
    assert!(bed.store.list("attempts/", None, 9).unwrap().is_empty());
    let left = std::fs::read_dir(bed.folder.path().join("node")).into_iter().flatten();
    assert_eq!(left.count(), 0);
}

#[test]
fn a_pipeline_means_the_same_there() {
    let mut bed = Bed::new();
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, _| Some(worker.work())));
    let told = bed.run(STEPS);
    assert_eq!(told.summary(), "load completed, train completed");
    assert_eq!(told.report("load").outcome.metrics["rows"], 1.0);
    assert_eq!(told.report("train").log_tail, "1");
    check_nothing_left(&bed);
    // Its outcomes are known here too.
    bed.orchestrator = Box::new(support::orchestrator(1));
    assert_eq!(bed.run(STEPS).summary(), "load cached, train cached");
}

#[test]
fn why_a_worker_could_not_begin_is_in_what_its_job_has_written() {
    let mut bed = Bed::new();
    let mut cluster = Cluster::new(&bed, |_, _| Some(JobState::lost("it exited with 127")));
    cluster.log =
        Some("slurmstepd: here\nsundae: /lib/libc.so.6: version `GLIBC_2.38' not found\n");
    bed.orchestrator = Box::new(cluster);
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'true'\n");
    let reason = told.reason("a");
    assert!(
        reason.starts_with("it could not begin: the C library of its machine is older"),
        "{reason}"
    );
    assert!(reason.ends_with("(it was lost: it exited with 127)"), "{reason}");
    let report = told.report("a");
    assert!(report.log_tail.ends_with("version `GLIBC_2.38' not found"), "{}", report.log_tail);
    assert_eq!(bed.content(report.outcome.log.as_ref().unwrap()).lines().count(), 2);
}

#[test]
fn why_a_job_was_ended_is_known_to_who_ran_it() {
    let mut bed = Bed::new();
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, _| {
        worker.work();
        Some(JobState::lost("it needed too much memory"))
    }));
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'echo why; exit 4'\n");
    assert_eq!(told.reason("a"), "it needed too much memory (exit code 4)");
    assert_eq!(told.report("a").log_tail, "why");
    check_nothing_left(&bed);
}

#[test]
fn a_job_that_had_to_make_room_is_tried_again() {
    let mut bed = Bed::new();
    // Asked to stop from outside, the worker leaves a report that it was cancelled.
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, number| {
        if number == 1 {
            worker.cancel.request();
            worker.work();
            let reason = "it had to make room for another".to_owned();
            return Some(JobState::Lost { reason, retryable: true });
        }
        Some(worker.work())
    }));
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'sleep 0.1; echo done'\n");
    assert_eq!(told.summary(), "a completed");
    check_nothing_left(&bed);
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, _| {
        worker.cancel.request();
        worker.work();
        Some(JobState::lost("it ran longer than its time limit"))
    }));
    let told = bed.run("[[steps]]\nname = 'b'\nrun = 'sleep 0.1; echo too late'\n");
    assert_eq!(told.reason("b"), "it was lost: it ran longer than its time limit");
}

#[test]
fn a_step_that_fails_there_has_failed_here() {
    let mut bed = Bed::new();
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, _| Some(worker.work())));
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'echo why; exit 4'\n");
    assert_eq!(told.reason("a"), "exit code 4");
    assert_eq!((told.report("a").log_tail.as_str(), told.report("a").exit_code), ("why", Some(4)));
    check_nothing_left(&bed);
}

#[test]
fn a_report_that_appears_late_is_waited_for() {
    let mut bed = Bed::new();
    let cluster = Cluster::new(&bed, |_, _| None);
    let tell = cluster.tell.clone();
    let late = move |worker: &Worker, _| {
        // A shared file system shows it only after the scheduler has told of the end.
        let handle = Handle(format!("job-of-{}", worker.id));
        tell.send(Change::new(handle, JobState::Ended { exit_code: 0 })).unwrap();
        thread::sleep(Duration::from_millis(700));
        worker.work();
        None
    };
    bed.orchestrator = Box::new(Cluster { behaviour: Arc::new(late), ..cluster });
    assert_eq!(bed.run(STEPS).summary(), "load completed, train completed");
    check_nothing_left(&bed);
}

/// A scheduler may start a job anew on another machine, and tell of its end once.
#[test]
fn a_job_that_is_run_twice_is_run_once_for_us() {
    let mut bed = Bed::new();
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, _| {
        worker.work();
        Some(worker.work())
    }));
    let told = bed.run(STEPS);
    assert_eq!(told.summary(), "load completed, train completed");
    assert_eq!((told.reports("load").len(), told.reports("train").len()), (1, 1));
    check_nothing_left(&bed);
}

fn preempted() -> JobState {
    JobState::Lost { reason: "its machine was wanted".to_owned(), retryable: true }
}

#[test]
fn a_job_that_is_lost_is_submitted_again_if_that_may_help() {
    let mut bed = Bed::new();
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, number| {
        Some(if number < 3 { preempted() } else { worker.work() })
    }));
    let told = bed.run(STEPS);
    assert_eq!(told.summary(), "load completed, train completed");
    assert_eq!(told.reports("load").len(), 3);
    let warning = "step `load`: it was lost: its machine was wanted; it is tried again";
    assert_eq!(told.warnings(), [warning, warning]);
    check_nothing_left(&bed);
}

#[test]
fn but_not_for_ever() {
    let mut bed = Bed::new();
    bed.orchestrator = Box::new(Cluster::new(&bed, |_, _| Some(preempted())));
    let told = bed.run(STEPS);
    assert_eq!(told.summary(), "load failed, train skipped");
    assert_eq!(told.reason("load"), "it was lost: its machine was wanted");
    check_nothing_left(&bed);
}

/// Its machine died after the work was done, and before the scheduler knew.
#[test]
fn a_job_that_is_lost_and_has_left_its_report_is_not_lost() {
    let mut bed = Bed::new();
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, _| {
        worker.work();
        Some(preempted())
    }));
    assert_eq!(bed.run(STEPS).summary(), "load completed, train completed");
    check_nothing_left(&bed);
}

#[test]
fn a_report_that_cannot_be_understood_is_said_to_be_so() {
    let mut bed = Bed::new();
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, _| {
        worker.work();
        let key = sundae::artifact::attempt_key(&worker.id, "report.json").unwrap();
        let text = String::from_utf8(worker.store.read(&key, None).unwrap()).unwrap();
        let text = text.replace("\"schema\":1", "\"schema\":2");
        let replace = sundae_plugin_api::artifact_store::Existing::Replace;
        worker.store.write(&key, text.as_bytes(), replace).unwrap();
        Some(JobState::Ended { exit_code: 0 })
    }));
    let told = bed.run(STEPS);
    assert_eq!(
        told.reason("load"),
        "its report cannot be read: attempts/id-1-0-1/report.json cannot be understood: it was written by another version of sundae"
    );
    check_nothing_left(&bed);
}

#[test]
fn a_worker_that_finds_no_spec_says_so() {
    let bed = Bed::new();
    let scratch = bed.folder.path().join("node");
    let error = portable::run_from_store(
        &*bed.store,
        "id-7",
        &scratch,
        &Cancel::default(),
        &Default::default(),
        &|_| (),
    )
    .unwrap_err();
    assert_eq!(
        error.message(),
        "the artifact store has no attempt `id-7`: it has ended, or never was"
    );
    assert!(
        portable::run_from_store(
            &*bed.store,
            "../x",
            &scratch,
            &Cancel::default(),
            &Default::default(),
            &|_| (),
        )
        .is_err()
    );
}

#[test]
fn a_run_that_is_stopped_stops_there_too() {
    let mut bed = Bed::new();
    let started = bed.path("started");
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, _| Some(worker.work())));
    let pipeline = bed.pipeline("[[steps]]\nname = 'a'\nrun = 'touch started; exec sleep 600'\n");
    let stop = Arc::new(sundae::engine::Stop::default());
    let stops = Arc::clone(&stop);
    let watcher = thread::spawn(move || {
        wait_until("the step is under way", || started.exists());
        stops.request();
    });
    let mut told = support::Told::default();
    let ended = bed.run_pipeline_until(&pipeline, &mut told, &stop);
    watcher.join().unwrap();
    assert_eq!(ended.unwrap(), RunStatus::Cancelled);
    check_nothing_left(&bed);
}

/// Where the callback does the work, nothing of this is paid for.
#[test]
fn the_local_orchestrator_writes_nothing_of_it() {
    let mut bed = Bed::new();
    let folder = bed.folder.path().join("store");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asks = Arc::clone(&asked);
    bed.store = Arc::new(MeddledStore::new(Path::new(&folder), move |call: Call, key| {
        asks.lock().unwrap().push((call, key.as_str().split('/').next().unwrap().to_owned()));
        Ok(())
    }));
    let told = bed.run_carelessly(STEPS);
    assert_eq!(told.status(), RunStatus::Completed);
    let asked = asked.lock().unwrap();
    let calls: Vec<_> = asked.iter().map(|(call, folder)| (*call, folder.as_str())).collect();
    assert_eq!(
        calls,
        [
            // `load`: is its outcome known? Then its output, its log, its outcome; is there an old one that somebody removes?
            (Call::Read, "outcomes"),
            (Call::Stat, "objects"),
            (Call::Put, "objects"),
            (Call::Stat, "objects"),
            (Call::Put, "objects"),
            (Call::Write, "outcomes"),
            // `train`: the same, and its input.
            (Call::Read, "outcomes"),
            (Call::Get, "objects"),
            (Call::Stat, "objects"),
            (Call::Put, "objects"),
            (Call::Write, "outcomes"),
        ]
    );
}

/// How many there are at once.
#[derive(Default)]
struct Gauge {
    now: AtomicU32,
    most: AtomicU32,
}

impl Gauge {
    fn count(&self, act: impl FnOnce()) {
        self.most.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        act();
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_store_far_away_is_told_and_asked_of_many_jobs_at_once() {
    let mut bed = Bed::new();
    let gauges: Arc<[Gauge; 3]> = Arc::default();
    let seen = Arc::clone(&gauges);
    let folder = bed.folder.path().join("store");
    let mut store = MeddledStore::new(&folder, move |call, key| {
        let takes_its_time = || thread::sleep(Duration::from_millis(10));
        let gauge = match call {
            _ if !key.as_str().starts_with("attempts/") => None,
            Call::Write => Some(0),
            Call::Read => Some(1),
            Call::Delete => Some(2),
            _ => None,
        };
        match gauge {
            Some(number) => seen[number].count(takes_its_time),
            None => takes_its_time(),
        }
        Ok(())
    });
    store.capabilities.staging = None;
    bed.store = Arc::new(store);
    let mut cluster = Cluster::new(&bed, |worker, _| Some(worker.work()));
    cluster.parallelism = 40;
    bed.orchestrator = Box::new(cluster);
    let steps: String =
        (0..40).map(|n| format!("[[steps]]\nname = 's{n}'\nrun = 'echo {n}'\n")).collect();
    assert_eq!(bed.run_carelessly(&steps).status(), RunStatus::Completed);
    for (gauge, what) in gauges.iter().zip(["laid", "heard", "removed"]) {
        let most = gauge.most.load(Ordering::SeqCst);
        assert!(most > 2, "{what}: {most} at once");
    }
}
