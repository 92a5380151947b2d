//! Retries, timeouts, failure policies and triggers.

use std::time::{Duration, Instant};

use sundae::engine::event::{Event, Failure, RunStatus};

use super::support::{Bed, Told, is_alive, wait_until};

/// A step that fails until it has been tried so often.
fn flaky(tries: u32, retry: &str) -> String {
    format!(
        "[[steps]]\nname = 'a'\nrun = 'echo x >> tries; test $(wc -l < tries) -ge {tries} || exit 75; echo ok > {{out.x}}'\n\
         outputs = ['x']\nretry = {retry}\n"
    )
}

fn waits(told: &Told) -> Vec<Duration> {
    let waits = told.events.iter().filter_map(|event| match event {
        Event::StepRetried { wait, .. } => Some(*wait),
        _ => None,
    });
    waits.collect()
}

#[test]
fn a_step_is_tried_until_it_succeeds() {
    let mut bed = Bed::new();
    let told = bed.run(&flaky(3, "{ attempts = 5, delay = '10ms' }"));
    assert_eq!(told.summary(), "a completed");
    assert_eq!(told.reports("a").len(), 3);
    assert_eq!(waits(&told), [Duration::from_millis(10), Duration::from_millis(20)]);
    assert_eq!(bed.content(told.output("a", "x")), "ok\n");
}

#[test]
fn a_step_that_never_succeeds_fails_with_its_last_reason() {
    let mut bed = Bed::new();
    let told = bed.run(&flaky(9, "{ attempts = 3, delay = 0 }"));
    assert_eq!(told.summary(), "a failed");
    assert_eq!(told.reason("a"), "exit code 75");
    assert_eq!(told.reports("a").len(), 3);
    assert_eq!(told.status(), RunStatus::Failed);
}

#[test]
fn only_named_exit_codes_are_tried_again() {
    let mut bed = Bed::new();
    let told = bed.run(&flaky(2, "{ attempts = 9, delay = 0, exit-codes = [1, 2] }"));
    assert_eq!(told.reports("a").len(), 1);
    assert_eq!(told.summary(), "a failed");
}

#[test]
fn others_go_on_while_a_step_waits_for_its_next_try() {
    let mut bed = Bed::new();
    let steps = flaky(2, "{ attempts = 2, delay = '1h', max-delay = '300ms' }")
        + "[[steps]]\nname = 'b'\nrun = ': > b-was-here'\n";
    let told = bed.run(&steps);
    assert_eq!(told.summary(), "a completed, b completed");
    let place = |wanted: &str| {
        told.events
            .iter()
            .position(|event| matches!(event, Event::StepEnded { step, .. } if step == wanted))
    };
    assert!(place("b") < place("a"));
}

#[test]
fn a_stop_ends_a_step_that_waits_for_its_next_try() {
    let mut bed = Bed::new();
    let pipeline = bed.pipeline(&flaky(9, "{ attempts = 9, delay = '1h', max-delay = '1h' }"));
    let stop = sundae::engine::Stop::default();
    let mut told = Told::default();
    let tries = bed.path("tries");
    let status = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("the first try", || tries.exists());
            stop.request();
        });
        bed.run_pipeline_until(&pipeline, &mut told, &stop).unwrap()
    });
    assert_eq!(status, RunStatus::Cancelled);
    assert_eq!(told.summary(), "a cancelled");
}

#[test]
fn a_step_that_takes_too_long_is_ended_with_all_that_it_started() {
    let mut bed = Bed::new();
    bed.grace = Duration::from_millis(200);
    let steps = "[[steps]]\nname = 'a'\ntimeout = '150ms'\nrun = '''trap '' TERM\nsleep 600 & echo $! > child; wait; sleep 600'''\n";
    let began = Instant::now();
    let told = bed.run(steps);
    assert_eq!(told.summary(), "a failed");
    assert_eq!(told.reason("a"), "it took longer than its timeout of 150ms");
    assert!(matches!(told.report("a").failure, Some(Failure::TimedOut { .. })));
    assert!(began.elapsed() < Duration::from_secs(60));
    // A process that was killed is gone a moment later.
    wait_until("the child has ended", || !is_alive(&bed.read("child")));
}

#[test]
fn a_step_that_took_too_long_may_be_tried_again() {
    let mut bed = Bed::new();
    let steps = "[[steps]]\nname = 'a'\ntimeout = '300ms'\nretry = { attempts = 2, delay = 0 }\n\
                 run = 'test -e tried || (: > tried; exec sleep 600)'\n";
    let told = bed.run(steps);
    assert_eq!(told.summary(), "a completed");
    assert_eq!(told.reports("a").len(), 2);
}

#[test]
fn a_run_that_takes_too_long_has_failed() {
    let mut bed = Bed::new();
    let steps = "timeout = '200ms'\n[[steps]]\nname = 'a'\nrun = 'exec sleep 600'\n\
                 [[steps]]\nname = 'b'\nafter = ['a']\nrun = ':'\n\
                 [[steps]]\nname = 'tidy'\ntrigger = 'always'\nrun = ': > tidied'\n";
    let told = bed.run(steps);
    assert_eq!(told.status(), RunStatus::Failed);
    assert_eq!(told.summary(), "a cancelled, b cancelled, tidy completed");
    assert_eq!(told.reason("a"), "the run took too long");
    assert!(bed.path("tidied").exists());
    let Some(Event::RunEnded { reason, .. }) = told.events.last() else { panic!("no end") };
    assert_eq!(reason.as_deref(), Some("it took longer than its timeout of 200ms"));
}

const BRANCHES: &str = "[[steps]]\nname = 'bad'\nrun = 'until test -e began; do sleep 0.01; done; exit 1'\n\
     [[steps]]\nname = 'long'\nrun = ': > began; WAIT; : > done'\n\
     [[steps]]\nname = 'later'\nafter = ['long']\nrun = ':'\n";

#[test]
fn branches_are_finished_unless_the_pipeline_fails_fast() {
    let mut bed = Bed::new();
    let told = bed.run(&BRANCHES.replace("WAIT", "sleep 0.2"));
    assert_eq!(told.summary(), "bad failed, later completed, long completed");
    assert_eq!(told.status(), RunStatus::Failed);

    let mut bed = Bed::new();
    let steps =
        "failure-policy = 'fail-fast'\n".to_owned() + &BRANCHES.replace("WAIT", "sleep 600");
    let told = bed.run(&steps);
    assert_eq!(told.summary(), "bad failed, later skipped, long cancelled");
    assert_eq!(told.reason("later"), "`bad` failed, and the pipeline fails fast");
    assert_eq!(told.reason("long"), "another step failed, and the pipeline fails fast");
    assert_eq!(told.status(), RunStatus::Failed);
    assert!(!bed.path("done").exists());
}

/// Steps with every trigger, behind one that works or not.
fn triggers(first: &str) -> String {
    format!(
        "[[steps]]\nname = 'first'\nrun = '{first}'\noutputs = ['x']\n\
         [[steps]]\nname = 'second'\ninputs = {{ x = 'first.x' }}\nrun = ':'\n\
         [[steps]]\nname = 'mend'\ntrigger = 'on-failure'\nrun = ':'\n\
         [[steps]]\nname = 'mend-second'\ntrigger = 'on-failure'\nafter = ['second']\nrun = ':'\n\
         [[steps]]\nname = 'tidy'\ntrigger = 'always'\nrun = ':'\n\
         [[steps]]\nname = 'report'\ntrigger = 'always'\ninputs = {{ x = 'first.x' }}\nrun = ':'\n\
         [[steps]]\nname = 'after-mend'\nafter = ['mend']\nrun = ': after'\n"
    )
}

#[test]
fn triggers_decide_what_runs_after_a_failure() {
    let told = Bed::new().run(&triggers("exit 1"));
    assert_eq!(
        told.summary(),
        "after-mend completed, first failed, mend completed, mend-second completed, report skipped, second skipped, \
         tidy completed"
    );
    assert_eq!(told.status(), RunStatus::Failed);
}

#[test]
fn triggers_decide_what_runs_after_success() {
    let told = Bed::new().run(&triggers("echo 1 > {out.x}"));
    assert_eq!(
        told.summary(),
        "after-mend completed, first completed, mend skipped, mend-second skipped, report completed, second completed, \
         tidy completed"
    );
    assert_eq!(told.reason("mend"), "nothing that it waits for has failed");
    assert_eq!(told.status(), RunStatus::Completed);
}

#[test]
fn a_stopped_run_still_runs_what_runs_always() {
    let mut bed = Bed::new();
    let pipeline = bed.pipeline(
        "[[steps]]\nname = 'work'\nrun = ': > began; exec sleep 600'\n\
         [[steps]]\nname = 'mend'\ntrigger = 'on-failure'\nrun = ':'\n\
         [[steps]]\nname = 'tidy'\ntrigger = 'always'\nrun = ': > tidied'\n",
    );
    let stop = sundae::engine::Stop::default();
    let mut told = Told::default();
    let began = bed.path("began");
    let status = std::thread::scope(|scope| {
        scope.spawn(|| {
            wait_until("work", || began.exists());
            stop.request();
        });
        bed.run_pipeline_until(&pipeline, &mut told, &stop).unwrap()
    });
    assert_eq!(status, RunStatus::Cancelled);
    assert_eq!(told.summary(), "mend cancelled, tidy completed, work cancelled");
    assert!(bed.path("tidied").exists());
}

#[test]
fn steps_share_what_there_is() {
    use super::meddled::Meddled;
    use sundae_plugin_api::Resources;
    use sundae_plugin_api::orchestrator::Capabilities;

    let mut bed = Bed::new();
    let mut orchestrator = Meddled::new(8);
    let capacity = Resources::from([("license".to_owned(), 2.0), ("cpus".to_owned(), 64.0)]);
    orchestrator.capabilities = Capabilities::new().parallelism(8).capacity(capacity);
    bed.orchestrator = Box::new(orchestrator);
    // Each step counts how many others hold a licence while it does.
    let step = |number: usize| {
        format!(
            "[[steps]]\nname = 's{number}'\nresources = {{ license = 1 }}\n\
             run = 'touch held-{number}; ls | grep -c ^held- >> most; sleep 0.05; rm held-{number}'\n"
        )
    };
    let told = bed.run(&(0..8).map(step).collect::<String>());
    assert_eq!(told.status(), RunStatus::Completed);
    let most = bed.read("most").lines().map(|line| line.parse::<u32>().unwrap()).max();
    assert!(most <= Some(2), "{most:?} held a licence at once");
}
