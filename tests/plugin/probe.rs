//! The process in which a library is loaded for the first time.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sundae::plugin::Verdict;

use super::world::{BINARY, World};

#[test]
fn a_library_is_probed_once() {
    let world = World::new();
    world.add_hostile("nothing");
    for _ in 0..3 {
        world.store().unwrap().check().unwrap();
    }
    assert_eq!(world.log.verdicts(), [Verdict::Passed]);
}

#[test]
fn a_library_that_is_only_slow_passes() {
    let world = World::new();
    world.add_hostile("constructor-is-slow");
    world.store().unwrap().check().unwrap();
    assert_eq!(world.log.verdicts(), [Verdict::Passed]);
}

#[test]
fn what_a_library_prints_is_no_answer() {
    let world = World::new();
    world.add_hostile("constructor-prints");
    // Not loaded here, where it would print into the test's own output.
    let output = Command::new(BINARY)
        .args(["probe-plugin".as_ref(), world.plugins().join("hostile.so").as_os_str()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "passed\n");
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("much to say"));
}

#[test]
fn a_process_that_gets_away_does_not_hold_the_host() {
    let world = World::new();
    world.add_hostile("constructor-leaves-a-process");
    let start = Instant::now();
    world.store().unwrap().check().unwrap();
    assert!(start.elapsed() < Duration::from_secs(25), "{:?}", start.elapsed());
}

#[test]
fn a_probe_does_not_outlive_the_host() {
    let world = World::new();
    let library = world.add_hostile("constructor-hangs");
    // A shell in the host's place: it starts the probe, tells its number, and is killed.
    let script = r#""$0" probe-plugin "$1" <"$1" & echo $!; wait"#;
    let mut host = Command::new("/bin/sh")
        .args(["-c", script, BINARY])
        .arg(&library)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let probe = format!("/proc/{}", line.trim());
    until("the library is being loaded", || has_mapped(&probe, &library));
    host.kill().unwrap();
    host.wait().unwrap();
    until("the probe is gone", || !has_mapped(&probe, &library));
}

#[test]
fn a_probe_by_hand_tells_what_is_wrong() {
    let world = World::new();
    let text = world.add("text.so", b"just a text");
    let output =
        Command::new(BINARY).arg("probe-plugin").arg(&text).stdin(Stdio::null()).output().unwrap();
    let answer = "refused: it is not a shared library; take it out of the plugin folder\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), answer);
    // What is on standard input is what is meant, whatever stands at the path.
    let hostile = world.add_hostile("nothing");
    let output = Command::new(BINARY)
        .arg("probe-plugin")
        .arg(&text)
        .stdin(File::open(hostile).unwrap())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "passed\n");
}

/// Whether a process has a file in its memory.
fn has_mapped(process: &str, file: &Path) -> bool {
    let maps = std::fs::read_to_string(format!("{process}/maps")).unwrap_or_default();
    maps.contains(file.to_str().unwrap())
}

/// Looks again and again, until it is so.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within half a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}
