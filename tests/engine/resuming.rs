//! Runs that go on: what was done is not done again, what was not is, and what still runs elsewhere is taken up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sundae::artifact::attempt_key;
use sundae::engine::Stop;
use sundae::engine::event::{Event, RunStatus, StepStatus};
use sundae::engine::known::{Known, KnownEnd, KnownStep};
use sundae::pipeline::Step;
use sundae::worker::portable;
use sundae_plugin_api::orchestrator::{Capabilities, Change, Handle, Job, JobState, Orchestrator};
use sundae_plugin_api::{Error, ErrorKind};

use super::elsewhere::Cluster;
use super::meddled::{Call, MeddledStore};
use super::support::{Bed, Told, wait_until};

/// Each step counts how often it ran; `mend` fails until there is a file.
pub(super) const STEPS: &str = "
    [[steps]]
    name = 'load'
    run = 'echo x >> loads; echo 1 > {out.x}'
    outputs = ['x']
    cache = false
    [[steps]]
    name = 'mend'
    run = 'echo x >> mends; test -e mended && cp {in.x} {out.y}'
    inputs = { x = 'load.x' }
    outputs = ['y']
    [[steps]]
    name = 'last'
    run = 'echo $SUNDAE_ATTEMPT >> lasts; cat {in.y}'
    inputs = { y = 'mend.y' }
    cache = false
";

/// What a record of these events would tell.
pub(super) fn known(told: &Told) -> Known {
    let mut steps: HashMap<String, KnownStep> = HashMap::new();
    let mut outcomes = HashMap::new();
    for event in &told.events {
        match event {
            Event::AttemptSubmitted { step, attempt, key, handle, job, .. } => {
                let end = KnownEnd::UnderWay { handle: handle.clone(), job: job.clone() };
                steps.insert(
                    step.clone(),
                    KnownStep { attempts: *attempt, key: Some(key.key.clone()), end },
                );
            }
            Event::AttemptEnded { step, report, .. } => {
                outcomes.insert(step.clone(), report.outcome.clone());
                steps.get_mut(step).unwrap().end = KnownEnd::Open;
            }
            Event::StepEnded { step, status: status @ StepStatus::Completed, .. } => {
                let (outputs, metrics) =
                    (outcomes[step].outputs.clone(), outcomes[step].metrics.clone());
                let end = KnownEnd::Done { status: *status, outputs, metrics };
                steps.get_mut(step).unwrap().end = end;
            }
            _ => {}
        }
    }
    Known { resumed: 1, steps }
}

#[test]
fn what_was_done_is_not_done_again() {
    let mut bed = Bed::new();
    let first = bed.run(STEPS);
    assert_eq!(first.summary(), "last skipped, load completed, mend failed");
    bed.known = known(&first);
    bed.write("mended", "");
    // Not even what is never taken from the cache.
    bed.use_cache = false;
    let told = bed.run(STEPS);
    assert_eq!(told.status(), RunStatus::Completed);
    assert_eq!(told.summary(), "last completed, mend completed", "nothing is told of `load`");
    assert_eq!((bed.read("loads"), bed.read("mends")), ("x\n".to_owned(), "x\nx\n".to_owned()));
    assert_eq!(bed.read("lasts"), "1\n");
    let Event::RunResumed { steps, done } = &told.events[0] else { panic!("{:?}", told.events) };
    assert_eq!(steps.len(), 3);
    assert_eq!(*done, BTreeMap::from([("load".to_owned(), StepStatus::Completed)]));
}

/// `look` reports what the condition of `act` is about; `mend` fails until there is a file.
const CONDITIONS: &str = r#"
    [[steps]]
    name = 'look'
    run = '''echo x >> looks; echo "{{\"metric\": \"level\", \"value\": $(cat level)}}" >> $SUNDAE_MESSAGES'''
    cache = false
    [[steps]]
    name = 'act'
    when = 'metric.look.level > 1'
    after = ['mend']
    run = 'echo x >> acts'
    [[steps]]
    name = 'mend'
    run = 'test -e mended'
    cache = false
    [[steps]]
    name = 'early'
    when = 'metric.look.level > 1'
    run = 'echo x >> earlies'
    cache = false
"#;

#[test]
fn conditions_are_about_what_was_done_before_too() {
    let mut bed = Bed::new();
    bed.write("level", "2");
    let first = bed.run(CONDITIONS);
    assert_eq!(first.summary(), "act skipped, early completed, look completed, mend failed");
    bed.known = known(&first);
    bed.write("mended", "");
    // Nobody looks again.
    bed.write("level", "0");
    let told = bed.run(CONDITIONS);
    assert_eq!(told.summary(), "act completed, mend completed");
    assert_eq!((bed.read("looks"), bed.read("earlies")), ("x\n".to_owned(), "x\n".to_owned()));
}

#[test]
fn attempts_are_numbered_on_and_jobs_are_called_otherwise() {
    let mut bed = Bed::new();
    let first = bed.run(STEPS);
    bed.known = known(&first);
    bed.write("mended", "");
    let told = bed.run(STEPS);
    let submitted = told.events.iter().find_map(|event| match event {
        Event::AttemptSubmitted { step, attempt, job, .. } if step == "mend" => {
            Some((*attempt, job.as_str()))
        }
        _ => None,
    });
    // A job of the same name may have been handed over by a host that could tell nobody of it.
    assert_eq!(submitted, Some((2, "id-1-r1-1-2")));
}

#[test]
fn a_run_that_is_done_ends_at_once() {
    let mut bed = Bed::new();
    bed.write("mended", "");
    bed.known = known(&bed.run(STEPS));
    let told = bed.run(STEPS);
    assert_eq!((told.status(), told.events.len()), (RunStatus::Completed, 2));
    assert_eq!(bed.read("loads"), "x\n");
}

#[test]
fn what_was_done_and_is_lost_is_done_again() {
    let mut bed = Bed::new();
    let first = bed.run(STEPS);
    let digest = first.output("load", "x").digest.clone();
    std::fs::remove_file(bed.object(&digest)).unwrap();
    bed.known = known(&first);
    bed.write("mended", "");
    let told = bed.run(STEPS);
    assert_eq!(told.summary(), "last completed, load completed, mend completed");
    assert_eq!(
        told.warnings(),
        [
            "step `load` was done, but its output `x` has gone from the artifact store; it runs again"
        ]
    );
    assert_eq!(told.miss("load"), "what it made was lost");
    assert_eq!(bed.read("loads"), "x\nx\n");
}

/// What comes after a step that must run again has been done, and stays so.
#[test]
fn a_step_that_was_done_stays_done_whatever_becomes_of_those_before_it() {
    let mut bed = Bed::new();
    bed.write("mended", "");
    let first = bed.run(STEPS);
    std::fs::remove_file(bed.object(&first.output("load", "x").digest)).unwrap();
    std::fs::remove_file(bed.path("mended")).unwrap();
    bed.known = known(&first);
    // `mend` has the same object as its output, so both are lost; `last` has none.
    let told = bed.run(STEPS);
    assert_eq!(told.summary(), "load completed, mend failed");
    assert_eq!(bed.read("lasts"), "1\n");
}

#[test]
fn a_run_that_is_stopped_at_once_forgets_nothing_that_was_done() {
    let mut bed = Bed::new();
    let first = bed.run(STEPS);
    bed.known = known(&first);
    bed.stop = Stop::default();
    bed.stop.request();
    let told = bed.run(STEPS);
    assert_eq!(told.status(), RunStatus::Cancelled);
    assert_eq!(told.summary(), "last cancelled, mend cancelled");
}

/// A cluster whose jobs outlive the host: what this one submits, and what is known of jobs of hosts before.
struct Lasting {
    cluster: Cluster,
    before: Vec<(Handle, Result<JobState, ErrorKind>)>,
}

impl Orchestrator for Lasting {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new().remote().parallelism(4).reattach()
    }
    fn submit(&self, job: Job) -> Result<Handle, Error> {
        self.cluster.submit(job)
    }
    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        self.cluster.wait(timeout)
    }
    fn cancel(&self, handle: &Handle) -> Result<(), Error> {
        match self.before.iter().any(|(before, _)| before == handle) {
            true => Ok(()),
            false => self.cluster.cancel(handle),
        }
    }
    fn reattach(&self, handle: &Handle) -> Result<JobState, Error> {
        let known = self.before.iter().find(|(known, _)| known == handle);
        match known.map_or(Err(ErrorKind::NotFound), |(_, state)| state.clone()) {
            Ok(state) => Ok(state),
            Err(kind) => Err(Error::new(kind, "nobody is there")),
        }
    }
}

const ONE: &str =
    "[[steps]]\nname = 'a'\nrun = 'echo x >> ran; echo 1 > {out.x}'\noutputs = ['x']\n";

/// A bed whose first run was interrupted when its job had been handed over, and had come so far.
fn interrupted(bed: &mut Bed, state: Result<JobState, ErrorKind>, has_ended: bool) -> Told {
    let step = bed.pipeline(ONE).steps[0].clone();
    let told = interrupted_in(bed, ONE, &step, None, state, has_ended);
    assert_eq!(told.summary(), "a completed");
    told
}

/// The same with a step of this pipeline, or with an item of one, with the key that it had.
fn interrupted_in(
    bed: &mut Bed,
    pipeline: &str,
    step: &Step,
    key: Option<String>,
    state: Result<JobState, ErrorKind>,
    has_ended: bool,
) -> Told {
    let job = "id-0-0-1".to_owned();
    let spec = sundae::worker::AttemptSpec {
        id: job.clone(),
        run_id: "id-0".to_owned(),
        run_name: "p-0".to_owned(),
        pipeline: "p".to_owned(),
        attempt: 1,
        step: step.clone(),
        inputs: BTreeMap::new(),
        cache_key: None,
        code: Vec::new(),
        patience: Default::default(),
        project: None,
    };
    portable::write_spec(&*bed.store, &spec).unwrap();
    if has_ended {
        let scratch = bed.folder.path().join("node");
        portable::run_from_store(
            &*bed.store,
            &job,
            &scratch,
            &Default::default(),
            &Default::default(),
            &|_| (),
        )
        .unwrap();
    }
    // One of which the killed host could tell nobody.
    portable::write_spec(
        &*bed.store,
        &sundae::worker::AttemptSpec { id: "id-0-5-1".into(), ..spec },
    )
    .unwrap();
    let handle = Handle("job-7".to_owned());
    let cluster = Cluster::new(bed, |worker, _| Some(worker.work()));
    if state == Ok(JobState::Running) {
        let (tell, handle) = (cluster.tell.clone(), handle.clone());
        let store = super::support::store(&bed.folder.path().join("store"));
        let (scratch, job) = (bed.folder.path().join("node"), job.clone());
        std::thread::spawn(move || {
            portable::run_from_store(
                &store,
                &job,
                &scratch,
                &Default::default(),
                &Default::default(),
                &|_| (),
            )
            .unwrap();
            tell.send(Change::new(handle, JobState::Ended { exit_code: 0 })).unwrap();
        });
    }
    bed.orchestrator = Box::new(Lasting { cluster, before: vec![(handle, state)] });
    let end = KnownEnd::UnderWay { handle: "job-7".to_owned(), job };
    let steps = HashMap::from([(step.name.clone(), KnownStep { attempts: 1, key, end })]);
    bed.known = Known { resumed: 1, steps };
    let told = bed.run(pipeline);
    assert!(
        bed.store.list("attempts/", None, 9).unwrap().is_empty(),
        "nothing is left for workers"
    );
    told
}

#[test]
fn a_job_that_still_runs_elsewhere_is_taken_up() {
    let mut bed = Bed::new();
    let told = interrupted(&mut bed, Ok(JobState::Running), false);
    assert_eq!(told.events[1], Event::AttemptTakenUp { step: "a".to_owned(), attempt: 1 });
    assert_eq!((told.reports("a").len(), bed.read("ran").as_str()), (1, "x\n"));
}

/// Of a fan-out it is known only when it has its items again, and an item only if it is still the same.
#[test]
fn the_job_of_an_item_is_taken_up_if_the_item_is_still_there() {
    // A file that it named would be code of it, and is not there before it has run.
    let step = ONE.replace("echo x >> ran; ", "");
    let items =
        |items: &str| format!("{step}foreach = {{ n = [{items}] }}\nparams = {{ m = 1 }}\n");
    let key_of = |told: &Told| {
        let key = told.events.iter().find_map(|event| match event {
            Event::AttemptSubmitted { step, key, .. } if step == "a:0" => Some(key.key.clone()),
            _ => None,
        });
        key.unwrap()
    };
    let key = key_of(&Bed::new().run(&items("7")));
    for (now, is_same) in [("7", true), ("8", false)] {
        let mut bed = Bed::new();
        let mut step = bed.pipeline(&items("7")).steps[0].clone();
        step.name = "a:0".to_owned();
        step.foreach.clear();
        step.params.insert("n".to_owned(), 7.into());
        let state = Ok(if is_same { JobState::Running } else { JobState::Queued });
        let told = interrupted_in(&mut bed, &items(now), &step, Some(key.clone()), state, false);
        let taken_up = Event::AttemptTakenUp { step: "a:0".to_owned(), attempt: 1 };
        assert_eq!(told.events.contains(&taken_up), is_same);
        assert_eq!(told.summary(), "a completed, a:0 completed");
    }
}

#[test]
fn the_report_of_a_job_that_has_ended_meanwhile_is_taken() {
    for state in [
        Ok(JobState::Ended { exit_code: 0 }),
        Ok(JobState::lost("its machine is gone")),
        Err(ErrorKind::NotFound),
        Err(ErrorKind::Unavailable),
    ] {
        let mut bed = Bed::new();
        let told = interrupted(&mut bed, state.clone(), true);
        assert_eq!(bed.read("ran"), "x\n", "{state:?}");
        assert_eq!(told.warnings().len(), usize::from(state == Err(ErrorKind::Unavailable)));
    }
}

#[test]
fn a_report_is_taken_though_the_store_was_away_when_the_run_went_on() {
    let mut bed = Bed::new();
    let asked = AtomicU32::new(0);
    let folder = bed.folder.path().join("store");
    bed.store = Arc::new(MeddledStore::new(&folder, move |call, key| {
        let is_asked = call == Call::Read && key.as_str().ends_with("report.json");
        if is_asked && asked.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Error::new(ErrorKind::Unavailable, "no answer").retryable());
        }
        Ok(())
    }));
    bed.patience = Duration::from_secs(60);
    let told = interrupted(&mut bed, Err(ErrorKind::NotFound), true);
    assert_eq!(told.summary(), "a completed");
    assert_eq!(bed.read("ran"), "x\n", "it does not run again");
}

#[test]
fn a_job_of_which_nobody_knows_runs_anew() {
    for state in [
        Ok(JobState::Cancelled),
        Ok(JobState::lost("its machine is gone")),
        Err(ErrorKind::NotFound),
    ] {
        let mut bed = Bed::new();
        let told = interrupted(&mut bed, state, false);
        assert!(!told.events.iter().any(|event| matches!(event, Event::AttemptTakenUp { .. })));
        let is_second = |event: &Event| matches!(event, Event::AttemptSubmitted { attempt: 2, .. });
        assert!(told.events.iter().any(is_second), "{:?}", told.events);
    }
}

/// What a worker has left is the only record until the listener has taken it.
#[test]
fn a_report_that_could_not_be_recorded_is_not_removed() {
    struct Deaf;
    impl sundae::engine::Listener for Deaf {
        fn hear(&mut self, events: &[Event]) -> Result<(), String> {
            let ended = events.iter().any(|event| matches!(event, Event::AttemptEnded { .. }));
            if ended { Err("the disk is full".to_owned()) } else { Ok(()) }
        }
    }
    let mut bed = Bed::new();
    bed.orchestrator = Box::new(Cluster::new(&bed, |worker, _| Some(worker.work())));
    let pipeline = bed.pipeline("[[steps]]\nname = 'a'\nrun = 'true'\n");
    assert!(bed.run_pipeline(&pipeline, &mut Deaf).is_err());
    let report = attempt_key("id-1-0-1", "report.json").unwrap();
    wait_until("the report is there", || bed.store.stat(&report).unwrap().is_some());
    assert!(portable::read_report(&*Arc::clone(&bed.store), "id-1-0-1").unwrap().is_some());
}
