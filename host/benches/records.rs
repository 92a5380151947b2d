//! A database of many runs, and one run of many steps, written by the real recorder: what asking for them takes.
//!
//!     cargo bench -p sundae --bench records                  # 100,000 runs, 10,000 steps
//!     cargo bench -p sundae --bench records -- 10000 1000    # fewer
//!
//! Commands are whole processes, with a fresh connection each; the least of several is shown, as others use the machine too.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "what cannot be done here ends it")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sundae::artifact::{ArtifactKind, ArtifactRef};
use sundae::engine::cache_key::CacheKey;
use sundae::engine::event::{
    AttemptReport, Event, Failure, Outcome, PlannedStep, RunStatus, StepStatus,
};
use sundae::metadata::{ArtifactFilter, Database, NewRun, RunFilter};

const STEPS_OF_MANY: usize = 3;
const TIMES: u32 = 9;

fn main() {
    let numbers: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let runs = numbers.first().copied().unwrap_or(100_000);
    let steps = numbers.get(1).copied().unwrap_or(10_000);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("sundae.db")).unwrap();
    let filling = Instant::now();
    for number in 0..runs {
        // One in a hundred failed, of twenty pipelines.
        record(&database, &format!("pipeline-{}", number % 20), STEPS_OF_MANY, number % 100 == 7);
    }
    let big = record(&database, "big", steps, false);
    println!("{runs} runs and one of {steps} steps recorded in {:.1?}\n", filling.elapsed());
    ask(&database, &big);
    drop(database);
    give_commands(folder.path(), &big, steps);
}

/// What commands ask the database for.
fn ask(database: &Database, big: &str) {
    let newest = RunFilter { limit: Some(50), ..RunFilter::default() };
    let of_pipeline = RunFilter { pipeline: Some("pipeline-3"), ..newest.clone() };
    let nothing = BTreeMap::new();
    show("the newest 50 runs", || drop(database.runs(&newest).unwrap()));
    show("the newest 50 of a pipeline", || drop(database.runs(&of_pipeline).unwrap()));
    show("a run by its name", || drop(database.run("pipeline-7-42").unwrap()));
    show("the newest 50 artifacts", || {
        let wanted = ArtifactFilter { limit: Some(50), ..ArtifactFilter::default() };
        drop(database.artifacts(&wanted).unwrap());
    });
    show("all steps of the big run", || drop(database.steps(big).unwrap()));
    show("a run that begins", || drop(begin(database, "pipeline-3", &nothing)));
    show("which runs there are", || drop(database.run_briefs().unwrap()));
}

/// Whole processes.
fn give_commands(home: &Path, big: &str, steps: usize) {
    println!();
    let last = format!("step-{}", steps - 1);
    for words in [
        vec!["version"],
        vec!["runs", "list"],
        vec!["runs", "list", "--output", "json", "--limit", "50"],
        vec!["runs", "list", "--status", "failed"],
        vec!["runs", "list", "--pipeline", "pipeline-3"],
        vec!["runs", "describe"],
        vec!["runs", "describe", big],
        vec!["runs", "logs", big, &last],
        vec!["artifact", "list", "--limit", "50"],
        vec!["stack", "list"],
        vec!["status"],
    ] {
        let shown = words.join(" ").replace(big, "BIG");
        show(&format!("sundae {shown}"), || {
            let output = Command::new(env!("CARGO_BIN_EXE_sundae"))
                .args(&words)
                .env("SUNDAE_HOME", home)
                .output()
                .unwrap();
            assert!(output.status.success(), "{words:?}: {output:?}");
        });
    }
}

fn show(what: &str, mut work: impl FnMut()) {
    let time = || {
        let began = Instant::now();
        work();
        began.elapsed()
    };
    let least = std::iter::repeat_with(time).take(TIMES as usize).min();
    println!("{:>9.2} ms  {what}", least.unwrap_or(Duration::MAX).as_secs_f64() * 1000.0);
}

fn begin(
    database: &Database,
    pipeline: &str,
    params: &BTreeMap<String, serde_json::Value>,
) -> String {
    let id = uuid::Uuid::new_v4().to_string();
    let new = NewRun {
        id: &id,
        pipeline,
        stack: "default",
        members: &[],
        project: None,
        params,
        plan: "{}",
        session: None,
        sweep: None,
    };
    database.begin_run(&new).unwrap();
    id
}

/// Records a run as the engine tells of one: its plan, and what becomes of each step.
fn record(database: &Database, pipeline: &str, steps: usize, has_failed: bool) -> String {
    let params = BTreeMap::from([("c".to_owned(), serde_json::json!(0.1))]);
    let id = begin(database, pipeline, &params);
    let planned = |number: usize| PlannedStep {
        name: format!("step-{number}"),
        inputs: BTreeMap::new(),
        outputs: vec!["out".to_owned()],
        after: Vec::new(),
    };
    let mut events = vec![Event::RunStarted { steps: (0..steps).map(planned).collect() }];
    for number in 0..steps {
        let is_last = number + 1 == steps;
        events.extend(of_step(&format!("step-{number}"), has_failed && is_last));
    }
    let (status, reason) = if has_failed {
        (RunStatus::Failed, Some("`step-2` failed".to_owned()))
    } else {
        (RunStatus::Completed, None)
    };
    events.push(Event::RunEnded { status, reason });
    database.record(&id, &events).unwrap();
    id
}

fn of_step(step: &str, has_failed: bool) -> [Event; 3] {
    let digest = blake3::hash(uuid::Uuid::new_v4().as_bytes()).to_hex().to_string();
    let artifact = ArtifactRef {
        kind: ArtifactKind::File,
        digest,
        size: 1000,
        executable: false,
        metadata: serde_json::Map::new(),
    };
    let now = Timestamp::now();
    let outcome = Outcome {
        run: "r".to_owned(),
        outputs: BTreeMap::from([("out".to_owned(), artifact)]),
        log: None,
        metrics: BTreeMap::from([("accuracy".to_owned(), 0.9)]),
        notes: Vec::new(),
        started: now,
        ended: now,
    };
    let failure = has_failed.then(|| Failure::Command { message: "exit code 1".to_owned() });
    let status = if has_failed { StepStatus::Failed } else { StepStatus::Completed };
    let report = AttemptReport {
        outcome,
        exit_code: Some(i32::from(has_failed)),
        failure,
        log_tail: String::new(),
        warnings: Vec::new(),
        usage: Default::default(),
    };
    let report = Box::new(report);
    let step = step.to_owned();
    let key = blake3::hash(uuid::Uuid::new_v4().as_bytes()).to_hex().to_string();
    let parts = format!("{{\"generation\":1,\"command\":[\"{key}\"]}}");
    [
        Event::AttemptSubmitted {
            step: step.clone(),
            attempt: 1,
            key: CacheKey { key, parts },
            reasons: vec!["it has not run".to_owned()],
            job: "job".to_owned(),
            handle: "handle".to_owned(),
            log: None,
        },
        Event::AttemptEnded { step: step.clone(), attempt: 1, report },
        Event::StepEnded { step, status, reason: None },
    ]
}
