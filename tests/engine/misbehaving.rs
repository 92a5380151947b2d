//! Orchestrators, stores and listeners that do not do what they should: the run ends all the same, and says why.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sundae::engine::event::{Event, RunStatus};
use sundae::engine::{Listener, Stop};
use sundae_plugin_api::orchestrator::{Change, Handle, JobState};
use sundae_plugin_api::{Error, ErrorKind};

use super::meddled::{Call, Meddled, MeddledStore};
use super::support::{Bed, Told, is_alive, wait_until};

const CHAIN: &str = "
    [[steps]]
    name = 'a'
    run = 'echo 1 > {out.x}; echo log'
    outputs = ['x']
    [[steps]]
    name = 'b'
    run = 'cat {in.x}'
    inputs = { x = 'a.x' }
    [[steps]]
    name = 'c'
    run = 'true'
";

fn with_orchestrator(meddle: impl FnOnce(&mut Meddled)) -> Told {
    let mut bed = Bed::new();
    let mut orchestrator = Meddled::new(2);
    meddle(&mut orchestrator);
    bed.orchestrator = Box::new(orchestrator);
    bed.run_carelessly(CHAIN)
}

fn with_store(before: impl Fn(Call, &str) -> Result<(), Error> + Send + Sync + 'static) -> Told {
    let mut bed = Bed::new();
    let folder = bed.folder.path().join("store");
    bed.store = Arc::new(MeddledStore::new(&folder, move |call, key| before(call, key.as_str())));
    bed.run_carelessly(CHAIN)
}

/// Of the job of step `a`, whose number is 0.
fn is_of_a(id: &str) -> bool {
    id.contains("-0-")
}

#[test]
fn a_job_that_is_refused_fails_its_step() {
    let told = with_orchestrator(|orchestrator| {
        orchestrator.on_submit = Box::new(|job| {
            if is_of_a(&job.description.id) { Err(Error::other("no room")) } else { Ok(()) }
        });
    });
    assert_eq!(told.summary(), "a failed, b skipped, c completed");
    assert_eq!(told.reason("a"), "the orchestrator refused it: no room");
}

#[test]
fn a_job_that_is_lost_fails_its_step() {
    let mut bed = Bed::new();
    let mut orchestrator = Meddled::new(2);
    // The real one goes on with it; but nobody hears of that, and it has not ended before it is lost.
    let lost = bed.path("lost");
    orchestrator.on_wait = Box::new(move |changes| {
        let lose = |change: Change| {
            let is_running = change.state == JobState::Running;
            if is_of_a(&change.handle.0) && is_running {
                std::fs::write(&lost, "").unwrap();
                Change::new(change.handle, JobState::lost("its machine burnt"))
            } else {
                change
            }
        };
        Ok(changes.into_iter().map(lose).collect())
    });
    bed.orchestrator = Box::new(orchestrator);
    let waiting =
        "run = 'until test -e lost; do sleep 0.01; done; echo 1 > {out.x}; echo log; touch ended'";
    let told =
        bed.run_carelessly(&CHAIN.replacen("run = 'echo 1 > {out.x}; echo log'", waiting, 1));
    assert_eq!(told.summary(), "a failed, b skipped, c completed");
    assert_eq!(told.reason("a"), "it was lost: its machine burnt");
    wait_until("the job has ended, too", || bed.path("ended").exists());
}

#[test]
fn a_report_counts_more_than_what_the_orchestrator_says() {
    let told = with_orchestrator(|orchestrator| {
        orchestrator.on_wait = Box::new(|changes| {
            let lose = |change: Change| {
                let is_final = change.state.is_final();
                if is_final { Change::new(change.handle, JobState::lost("unsure")) } else { change }
            };
            Ok(changes.into_iter().map(lose).collect())
        });
    });
    assert_eq!(told.summary(), "a completed, b completed, c completed");
}

#[test]
fn what_is_reported_twice_or_for_nobody_means_nothing() {
    let told = with_orchestrator(|orchestrator| {
        orchestrator.on_wait = Box::new(|mut changes| {
            changes.extend(changes.clone());
            for state in [JobState::Running, JobState::Cancelled, JobState::Unknown] {
                changes.push(Change::new(Handle("who".to_owned()), state));
            }
            Ok(changes)
        });
    });
    assert_eq!(told.summary(), "a completed, b completed, c completed");
}

#[test]
fn an_orchestrator_that_cannot_be_asked_for_a_while_is_asked_again() {
    let told = with_orchestrator(|orchestrator| {
        let kept = Mutex::new(Vec::new());
        let asked = AtomicU32::new(0);
        orchestrator.on_wait = Box::new(move |changes| {
            let mut kept = kept.lock().unwrap();
            kept.extend(changes);
            if asked.fetch_add(1, Ordering::SeqCst) < 2 {
                return Err(Error::new(ErrorKind::Unavailable, "no answer").retryable());
            }
            Ok(std::mem::take(&mut *kept))
        });
    });
    assert_eq!(told.summary(), "a completed, b completed, c completed");
    let warning =
        "the orchestrator cannot be asked now: no answer; it is asked again until it can be";
    assert_eq!(told.warnings(), [warning]);
}

#[test]
fn that_it_cannot_be_asked_is_said_once_though_it_tells_what_it_knows() {
    let told = with_orchestrator(|orchestrator| {
        let kept = Mutex::new(Vec::new());
        let asked = AtomicU32::new(0);
        orchestrator.on_wait = Box::new(move |changes| {
            let mut kept = kept.lock().unwrap();
            kept.extend(changes);
            let is_odd = asked.fetch_add(1, Ordering::SeqCst) % 2 == 1;
            if is_odd && !kept.is_empty() {
                return Ok(std::mem::take(&mut *kept));
            }
            Err(Error::new(ErrorKind::Unavailable, "no answer").retryable())
        });
    });
    assert_eq!(told.summary(), "a completed, b completed, c completed");
    assert_eq!(told.warnings().len(), 1, "{:?}", told.warnings());
}

#[test]
fn an_orchestrator_that_can_never_be_asked_again_ends_the_run() {
    let mut bed = Bed::new();
    let mut orchestrator = Meddled::new(1);
    orchestrator.on_wait = Box::new(|_| Err(Error::other("it is gone")));
    bed.orchestrator = Box::new(orchestrator);
    let pipeline = bed.pipeline("[[steps]]\nname = 'a'\nrun = 'echo $$ > shell; exec sleep 600'\n");
    let mut told = Told::default();
    assert_eq!(bed.run_pipeline(&pipeline, &mut told).unwrap(), RunStatus::Failed);
    assert_eq!(told.reason("a"), "it was lost: the orchestrator cannot be asked: it is gone");
    // It was told to stop what it runs, should it still hear.
    wait_until("the attempt has ended", || {
        std::fs::read_dir(bed.staging()).is_ok_and(|mut entries| entries.next().is_none())
            || !bed.staging().exists()
    });
}

#[test]
fn one_that_wants_no_job_gets_one_at_a_time() {
    let told = with_orchestrator(|orchestrator| {
        orchestrator.capabilities = std::mem::take(&mut orchestrator.capabilities).parallelism(0);
    });
    assert_eq!(told.status(), RunStatus::Completed);
}

/// A step that nothing ends, and an orchestrator that does not even try.
#[test]
fn what_cannot_be_stopped_is_given_up() {
    let mut bed = Bed::new();
    bed.grace = Duration::from_millis(50);
    let stop = Arc::new(Stop::default());
    let mut orchestrator = Meddled::new(1);
    orchestrator.on_cancel = Box::new(|_| Err(Error::other("not in the mood")));
    let stops = Arc::clone(&stop);
    orchestrator.on_wait = Box::new(move |changes| {
        if stops.requests() == 0 && changes.iter().any(|change| change.state == JobState::Running) {
            stops.request();
        }
        Ok(changes)
    });
    bed.orchestrator = Box::new(orchestrator);
    let pipeline = bed.pipeline(
        "[[steps]]\nname = 'a'\nrun = 'until [ -e end ]; do sleep 0.01; done; touch ended'\n",
    );
    let mut told = Told::default();
    let ended = bed.run_pipeline_until(&pipeline, &mut told, &stop);
    assert_eq!(ended.unwrap(), RunStatus::Cancelled);
    let refused = "step `a` may go on, since it cannot be stopped: not in the mood";
    let left = "step `a` did not end when it was stopped, and may go on";
    assert_eq!(told.warnings(), [refused, refused, left]);
    // It was not lying.
    bed.write("end", "");
    wait_until("the step ends", || bed.path("ended").exists());
}

#[test]
fn a_store_that_takes_no_output_fails_the_step() {
    let told = with_store(|call, key| {
        let is_output = call == Call::Put && key.starts_with("objects/");
        if is_output { Err(Error::new(ErrorKind::OutOfSpace, "it is full")) } else { Ok(()) }
    });
    assert_eq!(told.summary(), "a failed, b skipped, c completed");
    assert_eq!(
        told.reason("a"),
        "output `x` could not be published: the artifact store refused it: it is full"
    );
    // Its log cannot be kept either; but its last lines are known.
    assert_eq!(told.report("a").log_tail, "log");
    let warning = "step `a`: its log could not be kept: the artifact store refused it: it is full";
    assert_eq!(told.warnings(), [warning]);
}

#[test]
fn a_store_that_keeps_no_outcome_fails_the_step_loudly() {
    let told = with_store(|call, key| {
        let is_outcome = call == Call::Write && key.starts_with("outcomes/");
        if is_outcome { Err(Error::other("read-only")) } else { Ok(()) }
    });
    assert_eq!(told.summary(), "a failed, b skipped, c failed");
    assert_eq!(told.reason("c"), "its outcome could not be kept in the artifact store: read-only");
}

#[test]
fn a_store_that_cannot_be_asked_fails_the_step() {
    let told = with_store(|call, _| {
        if call == Call::Read {
            Err(Error::new(ErrorKind::Unavailable, "no answer"))
        } else {
            Ok(())
        }
    });
    assert_eq!(told.summary(), "a failed, b skipped, c failed");
    assert_eq!(told.reason("a"), "the artifact store could not be asked: no answer");
}

#[test]
fn an_input_that_cannot_be_brought_fails_the_step() {
    let told = with_store(|call, _| {
        if call == Call::Get {
            Err(Error::new(ErrorKind::PermissionDenied, "no key fits"))
        } else {
            Ok(())
        }
    });
    assert_eq!(told.summary(), "a completed, b failed, c completed");
    assert_eq!(told.reason("b"), "input `x` could not be brought: no key fits");
}

/// What is made again is lost again.
#[test]
fn a_store_that_loses_everything_does_not_keep_the_run_busy_for_ever() {
    let told = with_store(|call, _| {
        if call == Call::Get {
            Err(Error::new(ErrorKind::NotFound, "what object?"))
        } else {
            Ok(())
        }
    });
    assert_eq!(told.status(), RunStatus::Failed);
    let reason = told.reason("b");
    assert!(reason.starts_with("its input `x` is lost again and again: the object "), "{reason}");
    assert_eq!((told.reports("a").len(), told.reports("b").len()), (4, 4));
}

/// A run that cannot be recorded would be lost: it stops, and leaves nothing running.
#[test]
fn a_listener_that_fails_stops_the_run() {
    struct Fails<'a>(&'a Bed);
    impl Listener for Fails<'_> {
        fn hear(&mut self, events: &[Event]) -> Result<(), String> {
            if !events.iter().any(|event| matches!(event, Event::AttemptStarted { .. })) {
                return Ok(());
            }
            wait_until("the step is under way", || self.0.path("started").exists());
            Err("the disk is full".to_owned())
        }
    }
    let mut bed = Bed::new();
    bed.grace = Duration::from_millis(200);
    let listening = Bed::new();
    let sign = listening.path("started").display().to_string();
    let pipeline = bed.pipeline(&format!(
        "[[steps]]\nname = 'a'\nrun = '''trap \"\" TERM; touch {sign}; echo $$ > shell; while :; do sleep 0.05; done'''\n"
    ));
    let error = bed.run_pipeline(&pipeline, &mut Fails(&listening)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the run was stopped, because it could not be recorded: the disk is full"
    );
    wait_until("the step has ended", || !is_alive(&bed.read("shell")));
    bed.check_nothing_left();
}
