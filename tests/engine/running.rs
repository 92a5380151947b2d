//! What a run does when nothing goes wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sundae::engine::Stop;
use sundae::engine::event::{Event, RunStatus};

use super::meddled::{Call, MeddledStore};
use super::support::{Bed, Told, run_alone};

const CHAIN: &str = "
    [[steps]]
    name = 'load'
    run = 'echo 1 > {out.data}; echo loading'
    outputs = ['data']
    [[steps]]
    name = 'train'
    run = ['cp', '{in.data}', '{out.model}']
    inputs = { data = 'load.data' }
    outputs = ['model']
";

fn names(told: &Told) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::RunStarted { steps } => {
            let steps: Vec<_> = steps.iter().map(|step| step.name.as_str()).collect();
            format!("run of {}", steps.join(" "))
        }
        Event::RunResumed { .. } => "run goes on".to_owned(),
        Event::AttemptTakenUp { step, .. } => format!("{step} taken up"),
        Event::StepCached { step, .. } => format!("{step} cached"),
        Event::StepSkipped { step, .. } => format!("{step} skipped"),
        Event::AttemptSubmitted { step, attempt, .. } => format!("{step} {attempt} submitted"),
        Event::AttemptStarted { step, attempt } => format!("{step} {attempt} started"),
        Event::StepProgress { step, fraction, .. } => format!("{step} at {fraction}"),
        Event::AttemptEnded { step, attempt, .. } => format!("{step} {attempt} ended"),
        Event::StepEnded { step, status, .. } => format!("{step} is {status:?}"),
        Event::Warning { message } => message.clone(),
        Event::StepRetried { step, .. } => format!("{step} is tried again"),
        Event::DataTaken { .. } => "data is taken".to_owned(),
        Event::FanOutExpanded { step, items } => format!("{step} has {items} items"),
        Event::FanOutJoined { step, status, .. } => format!("{step} is {status:?}"),
        Event::RunEnded { status, .. } => format!("run is {status:?}"),
    };
    told.events.iter().map(name).collect()
}

#[test]
fn everything_is_told_in_order() {
    let mut bed = Bed::new();
    let told = bed.run(CHAIN);
    assert_eq!(
        names(&told),
        [
            "run of load train",
            "load 1 submitted",
            "load 1 started",
            "load 1 ended",
            "load is Completed",
            "train 1 submitted",
            "train 1 started",
            "train 1 ended",
            "train is Completed",
            "run is Completed",
        ]
    );
    let report = told.report("load");
    assert_eq!(report.exit_code, Some(0));
    assert_eq!(bed.content(report.outcome.log.as_ref().unwrap()), "loading\n");
    assert_eq!(told.report("train").outcome.log, None, "a log without a line is none");
    assert_eq!(bed.content(told.output("train", "model")), "1\n");
    assert_eq!(told.output("train", "model").digest, told.output("load", "data").digest);

    let again = bed.run(CHAIN);
    let expected = ["run of load train", "load cached", "train cached", "run is Completed"];
    assert_eq!(names(&again), expected);
}

/// Each waits for the other's sign, which only comes if both run.
#[test]
fn steps_that_do_not_need_each_other_run_side_by_side() {
    let mut bed = Bed::new();
    let told = bed.run(
        "
        [[steps]]
        name = 'a'
        run = 'mkfifo ping pong; touch ready; echo a > ping; read x < pong'
        [[steps]]
        name = 'b'
        run = 'until [ -e ready ]; do sleep 0.01; done; read x < ping; echo b > pong'
        ",
    );
    assert_eq!(told.status(), RunStatus::Completed);
}

#[test]
fn after_is_an_order_and_no_input() {
    let mut bed = Bed::new();
    let told = bed.run(
        "
        [[steps]]
        name = 'b'
        run = 'cat made > {out.x}'
        outputs = ['x']
        after = ['a']
        [[steps]]
        name = 'a'
        run = 'echo 1 > made'
        ",
    );
    assert_eq!(bed.content(told.output("b", "x")), "1\n");
}

#[test]
fn progress_is_told_while_the_step_runs() {
    let mut bed = Bed::new();
    // It ends when its progress was heard, and not before.
    let steps = r#"
        [[steps]]
        name = 'a'
        run = '''
            echo '{{"progress": 0.5, "label": "half"}}' >> "$SUNDAE_MESSAGES"
            until [ -e heard ]; do sleep 0.01; done
        '''
    "#;
    struct Hears {
        told: Told,
        sign: std::path::PathBuf,
    }
    impl sundae::engine::Listener for Hears {
        fn hear(&mut self, events: &[Event]) -> Result<(), String> {
            let progress = events.iter().find(|event| matches!(event, Event::StepProgress { .. }));
            if let Some(Event::StepProgress { step, fraction, label }) = progress {
                assert_eq!((step.as_str(), *fraction, label.as_str()), ("a", 0.5, "half"));
                std::fs::write(&self.sign, "").unwrap();
            }
            self.told.hear(events)
        }
    }
    let pipeline = bed.pipeline(steps);
    let mut listener = Hears { told: Told::default(), sign: bed.path("heard") };
    assert_eq!(bed.run_pipeline(&pipeline, &mut listener).unwrap(), RunStatus::Completed);
    let heard = listener.told.events.iter().filter(|e| matches!(e, Event::StepProgress { .. }));
    assert_eq!(heard.count(), 1);
}

/// `sundae runs logs` of a step that runs shows the file that the event names.
#[test]
fn the_log_can_be_read_while_the_step_runs() {
    let mut bed = Bed::new();
    let pipeline = bed.pipeline(
        "
        [[steps]]
        name = 'a'
        run = 'echo hello; until [ -e seen ]; do sleep 0.01; done'
        ",
    );
    struct Reads(std::path::PathBuf);
    impl sundae::engine::Listener for Reads {
        fn hear(&mut self, events: &[Event]) -> Result<(), String> {
            for event in events {
                if let Event::AttemptSubmitted { log, .. } = event {
                    let log = log.clone().unwrap();
                    super::support::wait_until("the log says hello", || {
                        std::fs::read_to_string(&log).is_ok_and(|text| text == "hello\n")
                    });
                    std::fs::write(&self.0, "").unwrap();
                }
            }
            Ok(())
        }
    }
    let sign = bed.path("seen");
    assert_eq!(bed.run_pipeline(&pipeline, &mut Reads(sign)).unwrap(), RunStatus::Completed);
}

#[test]
fn waiting_for_a_long_step_costs_next_to_nothing() {
    run_alone("engine::running::a_long_step", &[]);
}

#[test]
#[ignore = "run by the test above, alone"]
fn a_long_step() {
    // Each time it wakes costs the same on every machine; what that takes is for the benchmark to tell.
    let mut bed = Bed::new();
    let before = wake_ups();
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'sleep 3'\n");
    assert_eq!(told.status(), RunStatus::Completed);
    let woken = wake_ups() - before;
    assert!(woken < 100, "it woke {woken} times in three seconds");
}

/// How often the threads of this process have waited for something that then came.
fn wake_ups() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let waits = threads.map(|thread| {
        let status = std::fs::read_to_string(thread.path().join("status")).unwrap();
        let mut lines = status.lines();
        let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
        count.trim().parse::<u64>().unwrap()
    });
    waits.sum()
}

/// Looking up may take long; a request to stop is heard all the same.
#[test]
fn a_slow_store_does_not_keep_the_run_from_being_stopped() {
    let mut bed = Bed::new();
    let stop = Arc::new(Stop::default());
    let asked = Arc::new(AtomicU32::new(0));
    let (stops, asks) = (Arc::clone(&stop), Arc::clone(&asked));
    let folder = bed.folder.path().join("store");
    bed.store = Arc::new(MeddledStore::new(&folder, move |call, _| {
        if call == Call::Read && asks.fetch_add(1, Ordering::SeqCst) == 5 {
            stops.request();
        }
        std::thread::sleep(Duration::from_millis(20));
        Ok(())
    }));
    let steps: String =
        (0..200).map(|n| format!("[[steps]]\nname = 's{n}'\nrun = 'sleep 60; : {n}'\n")).collect();
    let pipeline = bed.pipeline(&steps);
    let ended = bed.run_pipeline_until(&pipeline, &mut Told::default(), &stop);
    assert_eq!(ended.unwrap(), RunStatus::Cancelled);
    assert!(asked.load(Ordering::SeqCst) < 50, "all steps were looked up first");
}
