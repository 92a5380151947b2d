//! When a step is not run because its outcome is known, and when it is run all the same.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sundae::artifact::outcome_key;
use sundae::engine::event::{Event, RunStatus, StepStatus};
use sundae_plugin_api::artifact_store::Existing;

use super::meddled::MeddledStore;
use super::support::Bed;

/// The second step tells whether it ran.
const STEPS: &str = "
    [[steps]]
    name = 'load'
    run = 'grep -v comment source > {out.data}'
    outputs = ['data']
    [[steps]]
    name = 'train'
    run = 'cat {in.data} > {out.model}; echo ran >> trained'
    inputs = { data = 'load.data' }
    outputs = ['model']
";

#[test]
fn the_same_bytes_stop_the_change() {
    let mut bed = Bed::new();
    bed.write("source", "1\ncomment\n");
    assert_eq!(bed.run(STEPS).summary(), "load completed, train completed");
    assert_eq!(bed.run(STEPS).summary(), "load cached, train cached");

    bed.write("source", "1\nanother comment\n");
    let told = bed.run(STEPS);
    assert_eq!(told.summary(), "load completed, train cached", "equal data is the same data");
    assert_eq!(told.miss("load"), "code `source` has changed");
    assert_eq!(bed.read("trained"), "ran\n");

    bed.write("source", "2\n");
    let told = bed.run(STEPS);
    assert_eq!(told.summary(), "load completed, train completed");
    assert!(
        told.miss("train").starts_with("input `data` has other content: "),
        "{}",
        told.miss("train")
    );

    // Back to what was once: nothing needs to be made for it.
    bed.write("source", "1\ncomment\n");
    assert_eq!(bed.run(STEPS).summary(), "load cached, train cached");
}

#[test]
fn a_run_without_cache_runs_everything_and_keeps_it() {
    let mut bed = Bed::new();
    bed.write("source", "1\n");
    bed.run(STEPS);
    bed.use_cache = false;
    let told = bed.run(STEPS);
    assert_eq!(told.summary(), "load completed, train completed");
    assert_eq!(told.miss("load"), "the run does not use the cache");
    bed.use_cache = true;
    assert_eq!(bed.run(STEPS).summary(), "load cached, train cached");
}

#[test]
fn a_step_that_is_not_to_be_cached_is_run_every_time() {
    let mut bed = Bed::new();
    let steps = "[[steps]]\nname = 'a'\nrun = 'echo 1 >> log; wc -l < log > {out.n}'\noutputs = ['n']\ncache = false\n";
    bed.run(steps);
    let told = bed.run(steps);
    assert_eq!(told.miss("a"), "it has `cache = false`");
    assert_eq!(bed.content(told.output("a", "n")).trim(), "2");
    assert!(bed.store.list("outcomes/", None, 9).unwrap().is_empty(), "it was kept for nobody");
}

#[test]
fn a_failed_step_is_not_kept() {
    let mut bed = Bed::new();
    let steps = "[[steps]]\nname = 'a'\nrun = 'echo 1 > {out.x}; test -e cured'\noutputs = ['x']\n";
    assert_eq!(bed.run(steps).status(), RunStatus::Failed);
    assert_eq!(bed.run(steps).status(), RunStatus::Failed);
    bed.write("cured", "");
    assert_eq!(bed.run(steps).summary(), "a completed");
}

#[test]
fn a_hit_whose_data_has_gone_is_no_hit() {
    let mut bed = Bed::new();
    bed.write("source", "1\n");
    let told = bed.run(STEPS);
    let model = told.output("train", "model").digest.clone();
    std::fs::remove_file(bed.object(&model)).unwrap();
    // Both outputs have the same content, and so are one object.
    let told = bed.run(STEPS);
    assert_eq!(told.miss("load"), "its output `data` has gone from the artifact store");
    assert_eq!(told.summary(), "load completed, train cached");
}

#[test]
fn of_a_folder_every_file_must_be_there() {
    let mut bed = Bed::new();
    let steps = "[[steps]]\nname = 'a'\nrun = 'mkdir -p {out.x}/sub; echo 1 > {out.x}/sub/one; echo 2 > {out.x}/two'\noutputs = ['x']\n";
    bed.run(steps);
    assert_eq!(bed.run(steps).summary(), "a cached");
    std::fs::remove_file(bed.object(blake3::hash(b"1\n").to_hex().as_str())).unwrap();
    let told = bed.run(steps);
    assert_eq!(told.miss("a"), "its output `x` has gone from the artifact store");
    assert_eq!(bed.run(steps).summary(), "a cached");
}

#[test]
fn an_outcome_that_cannot_be_used_is_none() {
    let mut bed = Bed::new();
    let steps = "[[steps]]\nname = 'a'\nrun = 'echo 1 > {out.x}'\noutputs = ['x']\n";
    let told = bed.run(steps);
    let outcome = bed.store.list("outcomes/", None, 2).unwrap().remove(0).key;
    let text = String::from_utf8(bed.store.read(&outcome, None).unwrap()).unwrap();
    let digest = &told.output("a", "x").digest;
    for (damaged, expected) in [
        ("{".to_owned(), "what is kept of its last execution cannot be read"),
        (text.replace("\"x\":", "\"y\":"), "what is kept of its last execution lacks output `x`"),
        (text.replace(&**digest, "../../etc"), "its output `x` has gone from the artifact store"),
    ] {
        bed.store.write(&outcome, damaged.as_bytes(), Existing::Replace).unwrap();
        let told = bed.run(steps);
        assert_eq!((told.miss("a"), told.summary().as_str()), (expected, "a completed"));
    }
}

#[test]
fn declared_code_and_files_that_the_command_names_are_in_the_key() {
    let mut bed = Bed::new();
    bed.write("tool.sh", "cat lib/words lib/.hidden");
    std::fs::create_dir(bed.path("lib")).unwrap();
    bed.write("lib/words", "a");
    bed.write("lib/.hidden", "");
    let steps = "[[steps]]\nname = 'a'\nrun = 'sh tool.sh'\ncode = ['lib']\n";
    bed.run(steps);
    assert_eq!(bed.run(steps).summary(), "a cached");
    bed.write("lib/.hidden", "what editors leave is not code");
    assert_eq!(bed.run(steps).summary(), "a cached");
    bed.write("lib/words", "b");
    assert_eq!(bed.run(steps).summary(), "a completed");
    bed.write("tool.sh", "true");
    assert_eq!(bed.run(steps).summary(), "a completed");
}

#[test]
fn code_that_is_not_there_is_said_to_be_missing() {
    let mut bed = Bed::new();
    let project = bed.path("").components().as_path().display().to_string();
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'true'\ncode = ['src/*.py']\n");
    assert_eq!(told.reason("a"), format!("the code `src/*.py` does not exist in {project}"));
    let told = bed.run("[[steps]]\nname = 'a'\nrun = 'true'\ncode = ['src/***']\n");
    assert!(told.reason("a").starts_with("the code `src/***` is no valid glob: "));
}

/// The key tells of the code before, and nobody knows which one ran: a later run must not believe it.
#[test]
fn code_that_changes_while_it_runs_is_not_remembered() {
    let mut bed = Bed::new();
    bed.write("tool.sh", "echo new > tool.sh; echo 1");
    let steps = "[[steps]]\nname = 'a'\nrun = ['sh', 'tool.sh']\n";
    let told = bed.run(steps);
    assert_eq!(told.summary(), "a completed");
    let tool = bed.path("tool.sh").display().to_string();
    assert_eq!(
        told.warnings(),
        [format!(
            "step `a`: its code {tool} was changed while it ran; so its outcome is not kept for later runs"
        )]
    );
    bed.write("tool.sh", "echo new > tool.sh; echo 1");
    assert_eq!(bed.run(steps).summary(), "a completed");
}

#[test]
fn code_that_was_only_touched_is_the_same_code() {
    let mut bed = Bed::new();
    bed.write("tool.sh", "touch -d '2001-01-01' tool.sh");
    let steps = "[[steps]]\nname = 'a'\nrun = ['sh', 'tool.sh']\n";
    assert_eq!(bed.run(steps).warnings(), [""; 0]);
    assert_eq!(bed.run(steps).summary(), "a cached");
}

/// One step builds a program, another one starts it.
#[test]
fn a_program_can_be_an_artifact() {
    let mut bed = Bed::new();
    let steps = |mode: &str| {
        format!(
            "
            [[steps]]
            name = 'build'
            run = 'printf \"#!/bin/sh\\necho it runs\" > {{out.tool}}; chmod {mode} {{out.tool}}'
            outputs = ['tool']
            [[steps]]
            name = 'use'
            run = ['{{in.tool}}']
            inputs = {{ tool = 'build.tool' }}
            "
        )
    };
    let told = bed.run(&steps("755"));
    assert_eq!(told.summary(), "build completed, use completed");
    assert_eq!(told.report("use").log_tail, "it runs");
    let tool = told.output("build", "tool");
    assert!(tool.executable);
    let mode = std::fs::metadata(bed.object(&tool.digest)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o444, "the store's own file stays as it was");
    // The same bytes, and another artifact.
    let told = bed.run(&steps("644"));
    assert_eq!(told.summary(), "build completed, use failed");
    assert!(
        told.reason("use").ends_with("/in/tool` may not be executed"),
        "{}",
        told.reason("use")
    );
}

#[test]
fn two_stores_do_not_know_of_each_other_and_one_store_serves_two_projects() {
    let mut here = Bed::new();
    let mut there = Bed::new();
    for bed in [&here, &there] {
        bed.write("source", "1\n");
    }
    here.run(STEPS);
    assert_eq!(there.run(STEPS).summary(), "load completed, train completed");
    let mut third = Bed::new();
    third.write("source", "1\n");
    third.store = std::sync::Arc::clone(&here.store);
    assert_eq!(third.run(STEPS).summary(), "load cached, train cached");
    assert!(outcome_key("nonsense").is_err());
}

/// Else a step that leaves a file in the project would run again because of it.
#[test]
fn what_a_command_writes_to_is_not_its_code() {
    let mut bed = Bed::new();
    let steps = "[[steps]]\nname = 'a'\nrun = 'echo 1 >> log; (echo 2)>log2; echo 3 2> log3'\n";
    bed.run(steps);
    assert_eq!(bed.read("log"), "1\n");
    assert_eq!(bed.run(steps).summary(), "a cached");
}

#[test]
fn a_store_far_away_is_asked_about_many_steps_at_once() {
    let mut bed = Bed::new();
    let steps: String = (0..40)
        .map(|n| {
            format!("[[steps]]\nname = 's{n}'\nrun = 'echo {n} > {{out.x}}'\noutputs = ['x']\n")
        })
        .collect();
    bed.run(&steps);
    let folder = bed.folder.path().join("store");
    let (asking, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let seen = Arc::clone(&most);
    let mut store = MeddledStore::new(&folder, move |_, _| {
        seen.fetch_max(asking.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        asking.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    });
    store.capabilities.staging = None;
    bed.store = Arc::new(store);
    let told = bed.run_carelessly(&steps);
    assert!(told.statuses().values().all(|status| *status == StepStatus::Cached));
    assert!(most.load(Ordering::SeqCst) > 4, "{most:?} at once");
    // In the order of the plan, as ever.
    let cached = told.events.iter().filter_map(|event| match event {
        Event::StepCached { step, .. } => Some(step.as_str()),
        _ => None,
    });
    assert!(cached.eq((0..40).map(|n| format!("s{n}"))));
}
