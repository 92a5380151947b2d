//! What it costs to wait, and how soon it ends.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::Subject;
use super::task::{PATIENCE, Script, Task};

pub(super) fn waiting_ends_when_something_changes(subject: &Subject) {
    let watch = subject.open();
    if !watch.is_here() {
        return;
    }
    let task = Task::new(Script::Block);
    let handle = watch.submit(&task);
    watch.until_running(&handle);
    let released = thread::scope(|scope| {
        let task = Arc::clone(&task);
        let releaser = scope.spawn(move || {
            // So that the other thread waits already; the test is right without it, too.
            thread::sleep(Duration::from_millis(50));
            let now = Instant::now();
            task.release();
            now
        });
        watch.wait(PATIENCE);
        releaser.join().expect("nothing in it panics")
    });
    assert!(
        released.elapsed() < Duration::from_secs(5),
        "it took {:?} to hear of it",
        released.elapsed()
    );
    assert!(watch.states(&handle).iter().any(|state| state.is_final()));
}

pub(super) fn waiting_costs_nothing_while_nothing_changes(subject: &Subject) {
    let watch = subject.open();
    let task = Task::new(Script::Block);
    let handle = watch.submit(&task);
    watch.until_running(&handle);
    let timeout = Duration::from_millis(400);
    let (start, worked) = (Instant::now(), processor_time());
    let changes = watch.orchestrator.wait(timeout).expect("it can be waited for");
    let (elapsed, worked) = (start.elapsed(), processor_time() - worked);
    assert_eq!(changes, [], "nothing changes");
    assert!(elapsed >= timeout, "it came back after {elapsed:?}, and nothing had changed");
    assert!(worked < timeout / 20, "waiting took {worked:?} of the processor's time");
    watch.cancel(&handle);
    watch.until_ended(&handle);
}

pub(super) fn waiting_for_no_time_does_not_wait(subject: &Subject) {
    let watch = subject.open();
    let handle = watch.submit(&Task::new(Script::Block));
    watch.until_running(&handle);
    let start = Instant::now();
    for _ in 0..3 {
        watch.wait(Duration::ZERO);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "three looks took {:?}", start.elapsed());
    watch.cancel(&handle);
    watch.until_ended(&handle);
}

pub(super) fn waiting_for_nothing_costs_nothing(subject: &Subject) {
    let watch = subject.open();
    let timeout = Duration::from_millis(300);
    // Before any job, and after the last one.
    for _ in 0..2 {
        let (start, worked) = (Instant::now(), processor_time());
        let changes = watch.orchestrator.wait(timeout).expect("it can be waited for");
        assert_eq!(changes, [], "there is no job");
        assert!(start.elapsed() >= timeout, "it came back after {:?}", start.elapsed());
        let worked = processor_time() - worked;
        assert!(worked < timeout / 20, "waiting took {worked:?} of the processor's time");
        let handle = watch.submit(&Task::new(Script::Exit(0)));
        watch.until_ended(&handle);
    }
}

/// What this thread has taken of the processor's time.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("it is no negative number");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("it is less than a second"))
}
