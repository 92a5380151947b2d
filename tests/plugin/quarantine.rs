//! A library that would take the host with it is a row in a list, with its reason, until somebody says to try it again.

use std::path::Path;
use std::time::{Duration, Instant};

use sundae::plugin::{LoadError, Verdict, retry};

use super::world::{World, hostile};

/// The library does not get through its probe: its sentence, its row, and the way out.
fn assert_quarantined(order: &str, reason: &str) {
    let mut world = World::new();
    let path = world.add_hostile(order);
    assert_eq!(world.row(), ("available", None), "nothing is known of it yet");

    let error = world.refusal();
    let shown = path.display();
    assert_eq!(error.to_string(), format!("the plugin {shown} is in quarantine: {reason}"));
    let cure = format!(
        "install another build of the plugin, or try this one again with `sundae flavor retry {shown}`"
    );
    assert_eq!(error.cure(), Some(cure));
    assert_eq!(world.row(), ("quarantined", Some(reason.to_owned())));
    assert_eq!(world.log.verdicts(), [Verdict::Failed { reason: reason.to_owned() }]);

    // It is not tried again, not even in another place.
    world.add("copy.so", &hostile(order));
    std::fs::remove_file(&path).unwrap();
    let program = std::mem::replace(&mut world.program, "/nothing/that/could/try/it".into());
    assert!(matches!(world.refusal(), LoadError::Quarantined { .. }));
    world.program = program;
    assert_eq!(world.row(), ("quarantined", Some(reason.to_owned())));

    let released = retry(&world.log, None);
    assert_eq!(released.len(), 2, "the same content in two places");
    assert_eq!(world.row(), ("available", None));
    assert!(
        matches!(world.refusal(), LoadError::Quarantined { .. }),
        "it was tried, and failed again"
    );
}

#[test]
fn a_constructor_that_crashes() {
    assert_quarantined(
        "constructor-crashes",
        "loading it ends the process: segmentation fault (signal 11)",
    );
}

#[test]
fn a_constructor_that_aborts() {
    assert_quarantined("constructor-aborts", "loading it ends the process: abort (signal 6)");
}

#[test]
fn a_constructor_that_exits_as_if_all_were_well() {
    assert_quarantined("constructor-exits", "loading it ends the process (exit status: 0)");
}

#[test]
fn a_constructor_that_exits_and_says_why() {
    assert_quarantined(
        "constructor-exits-with-7",
        "loading it ends the process: exit status: 7; it says: the licence has run out",
    );
}

#[test]
fn a_destructor_that_crashes() {
    assert_quarantined(
        "destructor-crashes",
        "a process that has loaded it does not end well: segmentation fault (signal 11)",
    );
}

#[test]
fn a_constructor_that_panics_says_where() {
    let world = World::new();
    world.add_hostile("constructor-panics");
    let LoadError::Quarantined { reason, .. } = world.refusal() else {
        panic!("it is quarantined")
    };
    let start = "loading it ends the process: abort (signal 6); it says: thread '";
    assert!(reason.starts_with(start), "{reason}");
    let place = "panicked at tests/hostile-plugin/src/constructor.rs:";
    assert!(reason.contains(place), "{reason}");
    assert!(reason.contains("told to panic in the constructor"), "{reason}");
    assert!(!reason.contains('\n') && reason.len() < 500, "{reason}");
}

#[test]
fn a_constructor_that_hangs_ends_at_the_time_limit() {
    let mut world = World::new();
    world.limit = Duration::from_millis(400);
    let path = world.add_hostile("constructor-hangs");
    let start = Instant::now();
    let error = world.refusal();
    let took = start.elapsed();
    assert!(took >= world.limit && took < Duration::from_secs(20), "{took:?}");
    let reason = "loading it did not end within 0.4 s";
    let shown = path.display();
    assert_eq!(error.to_string(), format!("the plugin {shown} is in quarantine: {reason}"));
    assert_eq!(world.row(), ("quarantined", Some(reason.to_owned())));
    assert_eq!(processes_with(&path), [0; 0], "the probe is gone");
}

#[test]
fn retry_is_for_one_library_or_for_all() {
    let world = World::new();
    world.add_hostile("constructor-aborts");
    world.refusal();
    assert_eq!(retry(&world.log, Some(Path::new("/elsewhere.so"))), []);
    assert_eq!(world.row().0, "quarantined");
    let released = retry(&world.log, Some(&world.plugins().join("hostile.so")));
    assert_eq!(released.len(), 1);
    assert_eq!(released[0].path, world.plugins().join("hostile.so"));
    assert_eq!(world.row().0, "available");
}

#[test]
fn another_build_at_the_same_path_is_another_library() {
    let world = World::new();
    world.add_hostile("constructor-aborts");
    world.refusal();
    assert_eq!(world.row().0, "quarantined");
    world.add_hostile("nothing");
    assert_eq!(world.row(), ("available", None));
    world.store().unwrap().check().unwrap();
    // And the old one, when it comes back, is known.
    world.add_hostile("constructor-aborts");
    let before = world.log.verdicts().len();
    assert!(matches!(world.refusal(), LoadError::Quarantined { .. }));
    assert_eq!(world.log.verdicts().len(), before, "nothing was probed");
}

/// The processes that have a path on their command line.
fn processes_with(path: &Path) -> Vec<u32> {
    let path = path.to_str().unwrap().as_bytes();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|number: &u32| {
            let line = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|argument| argument == path)
        })
        .collect()
}
