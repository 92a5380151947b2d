//! Runs that somebody stops.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sundae::engine::event::{Event, RunStatus};
use sundae::engine::{Listener, Stop};

use super::meddled::Meddled;
use super::support::{Bed, Told, is_alive, wait_until};

/// Asks for the run to stop as soon as a file appears, once or again and again.
struct Stops<'a> {
    told: Told,
    stop: &'a Stop,
    sign: PathBuf,
    requests: u32,
}

impl Listener for Stops<'_> {
    fn hear(&mut self, events: &[Event]) -> Result<(), String> {
        let has_started = events.iter().any(|event| matches!(event, Event::AttemptStarted { .. }));
        if has_started && self.stop.requests() == 0 {
            wait_until("the step is under way", || self.sign.exists());
            (0..self.requests).for_each(|_| self.stop.request());
        }
        self.told.hear(events)
    }
}

fn run_and_stop(bed: &mut Bed, steps: &str, requests: u32) -> Told {
    let pipeline = bed.pipeline(steps);
    let stop = std::mem::take(&mut bed.stop);
    let mut listener =
        Stops { told: Told::default(), stop: &stop, sign: bed.path("started"), requests };
    let ended = bed.run_pipeline_until(&pipeline, &mut listener, &stop);
    let mut told = listener.told;
    told.ended = Some(ended.map_err(|error| error.to_string()));
    bed.check_nothing_left();
    told
}

/// A process that was killed ends a moment later.
#[track_caller]
fn check_ended(bed: &Bed, file: &str) {
    wait_until("the process has ended", || !is_alive(&bed.read(file)));
}

const SLEEPS: &str = "
    [[steps]]
    name = 'a'
    run = 'sleep 600 & echo $! > child; echo $$ > shell; touch started; wait'
    [[steps]]
    name = 'b'
    run = 'true'
    after = ['a']
";

#[test]
fn the_first_request_asks_steps_to_end() {
    let mut bed = Bed::new();
    let told = run_and_stop(&mut bed, SLEEPS, 1);
    assert_eq!(told.status(), RunStatus::Cancelled);
    assert_eq!(told.summary(), "a cancelled, b cancelled");
    assert_eq!(told.reason("a"), "the run was stopped");
    check_ended(&bed, "shell");
    check_ended(&bed, "child");
    let last = told.events.last().unwrap();
    let reason = Some("it was stopped".to_owned());
    assert_eq!(*last, Event::RunEnded { status: RunStatus::Cancelled, reason });
}

const DEAF: &str = "
    [[steps]]
    name = 'a'
    run = '''trap '' TERM; echo $$ > shell; touch started; while :; do sleep 0.05; done'''
";

#[test]
fn the_second_request_ends_them() {
    let mut bed = Bed::new();
    bed.grace = Duration::from_secs(3600);
    let told = run_and_stop(&mut bed, DEAF, 2);
    assert_eq!(told.summary(), "a cancelled");
    check_ended(&bed, "shell");
}

#[test]
fn so_does_the_end_of_patience() {
    let mut bed = Bed::new();
    bed.grace = Duration::from_millis(300);
    let told = run_and_stop(&mut bed, DEAF, 1);
    assert_eq!((told.status(), told.summary().as_str()), (RunStatus::Cancelled, "a cancelled"));
    check_ended(&bed, "shell");
}

/// It has time to end well. But whether what it wrote is whole, nobody knows.
#[test]
fn a_step_that_ends_well_when_asked_is_cancelled_all_the_same() {
    let mut bed = Bed::new();
    let steps = "
        [[steps]]
        name = 'a'
        run = '''trap 'echo bye; echo half > {out.x}; exit 0' TERM; touch started; while :; do sleep 0.05; done'''
        outputs = ['x']
    ";
    let told = run_and_stop(&mut bed, steps, 1);
    assert_eq!(told.summary(), "a cancelled");
    let report = told.report("a");
    assert_eq!(report.exit_code, Some(0));
    assert!(report.log_tail.ends_with("bye"), "{}", report.log_tail);
    assert!(report.outcome.outputs.is_empty());
    assert!(bed.store.list("outcomes/", None, 1).unwrap().is_empty());
}

/// The request came when there was nothing left to stop.
#[test]
fn a_run_whose_steps_have_all_completed_has_completed() {
    let mut bed = Bed::new();
    let stop = Arc::new(Stop::default());
    let mut orchestrator = Meddled::new(2);
    let stops = Arc::clone(&stop);
    orchestrator.on_wait = Box::new(move |changes| {
        if changes.iter().any(|change| change.state.is_final()) {
            stops.request();
        }
        Ok(changes)
    });
    bed.orchestrator = Box::new(orchestrator);
    let pipeline = bed.pipeline("[[steps]]\nname = 'a'\nrun = 'true'\n");
    let ended = bed.run_pipeline_until(&pipeline, &mut Told::default(), &stop);
    assert_eq!((ended.unwrap(), stop.requests()), (RunStatus::Completed, 1));
}

#[test]
fn a_run_that_is_stopped_before_it_begins_runs_nothing() {
    let mut bed = Bed::new();
    bed.stop.request();
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'touch ran'\n");
    assert_eq!((told.status(), told.summary().as_str()), (RunStatus::Cancelled, "a cancelled"));
    assert!(!bed.path("ran").exists());
}
