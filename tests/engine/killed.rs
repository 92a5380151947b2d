//! Runs that are killed at random moments: nothing half-made is visible, nothing that was kept is lost, the next run works.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sundae::artifact::{is_present, staging};
use sundae::engine::Stop;
use sundae::engine::event::{Outcome, RunStatus};

use super::support::{Bed, Told, store, wait_until};

/// Files of some size and folders, so that there is something to be caught in.
const STEPS: &str = "
    [[steps]]
    name = 'big'
    run = 'head -c 3000000 /dev/urandom > {out.x}; echo big'
    outputs = ['x']
    [[steps]]
    name = 'folder'
    run = 'mkdir {out.x}; for i in 1 2 3 4 5 6 7 8 9; do date +%N$i > {out.x}/$i; done; ln -s $PWD/shared {out.y}'
    outputs = ['x', 'y']
    [[steps]]
    name = 'both'
    run = 'cat {in.big} {in.folder}/* > {out.x}; echo both'
    inputs = { big = 'big.x', folder = 'folder.x' }
    outputs = ['x']
";

#[test]
#[ignore = "run, and killed, by the test below"]
fn run_again_and_again() {
    let folder = std::env::var_os("KILLED_BED").unwrap();
    let folder = Path::new(&folder);
    let mut bed = Bed::new();
    bed.store = Arc::new(store(&folder.join("store")));
    bed.use_cache = false;
    bed.write("shared", "not only the step's");
    loop {
        let parent = bed.store.capabilities().staging.unwrap();
        staging::sweep(&parent);
        let name = format!("run-{}", std::process::id());
        let run = staging::Staging::create(&parent, &name).unwrap();
        let pipeline = bed.pipeline(STEPS);
        let ended = bed.run_in(run.folder(), &pipeline, &mut Told::default(), &Stop::default());
        assert_eq!(ended.unwrap(), RunStatus::Completed);
    }
}

#[test]
fn nothing_half_made_is_left_to_see() {
    let bed = Bed::new();
    let mut kept = 0;
    for round in 0..25u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "engine::killed::run_again_and_again", "--ignored"])
            .env("KILLED_BED", bed.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Some rounds die at once, some after a run or two.
        thread::sleep(Duration::from_millis(round * 7 % 120));
        child.kill().unwrap();
        child.wait().unwrap();
        kept = kept.max(check(&bed));
    }
    assert!(kept > 0, "no round came far enough to keep an outcome");
    let parent = bed.store.capabilities().staging.unwrap();
    // The command of a killed run may live a little longer, and put a file where we are just clearing up.
    wait_until("what the killed runs have left is swept", || {
        staging::sweep(&parent);
        !std::fs::read_dir(&parent).unwrap().flatten().any(|entry| is_of_a_run(&entry))
    });
}

/// Single files are the store's own, and a folder with a hidden name is not locked yet: both may be somebody's who is at work,
/// and are left alone for a day.
fn is_of_a_run(entry: &std::fs::DirEntry) -> bool {
    entry.file_type().unwrap().is_dir() && !entry.file_name().to_string_lossy().starts_with('.')
}

/// What is visible is whole; returns how many outcomes there are.
fn check(bed: &Bed) -> usize {
    bed.check_objects();
    let outcomes = bed.store.list("outcomes/", None, usize::MAX).unwrap();
    for object in &outcomes {
        let bytes = bed.store.read(&object.key, None).unwrap();
        let outcome: Outcome = serde_json::from_slice(&bytes).unwrap();
        for artifact in outcome.outputs.values().chain(&outcome.log) {
            assert!(is_present(&*bed.store, artifact).unwrap(), "an outcome without its data");
        }
    }
    outcomes.len()
}
