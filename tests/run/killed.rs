//! A run whose process is killed without warning, at any moment.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::sandbox::{Sandbox, is_alive, statuses, step, until};

/// A chain beside a fan; every value of `salt` is new work. What the last step says follows from `salt` alone.
const PIPELINE: &str = r#"
name = "p"
[params]
salt = 0
[[steps]]
name = "make"
run = "seq 3000 > {out.data}; echo {param.salt} >> {out.data}"
outputs = ["data"]
[[steps]]
name = "folder"
run = "mkdir {out.files}; for i in 1 2 3 4; do echo $i {param.salt} > {out.files}/$i; done"
outputs = ["files"]
[[steps]]
name = "left"
run = "sort -n {in.data} > {out.data}; echo sorted"
inputs = { data = "make.data" }
outputs = ["data"]
[[steps]]
name = "right"
run = "sort -rn {in.data} > {out.data}; echo sorted"
inputs = { data = "make.data" }
outputs = ["data"]
[[steps]]
name = "end"
run = "cat {in.left} {in.right} | wc -l > {out.lines}; cat {in.files}/* | wc -l >> {out.lines}; echo {param.salt} >> {out.lines}"
inputs = { left = "left.data", right = "right.data", files = "folder.files" }
outputs = ["lines"]
"#;

const KILLS: u64 = 30;

/// Numbers that are the same in every run of the test.
fn random(seed: u64) -> u64 {
    // SplitMix64.
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn nothing_is_half_done_and_nothing_that_was_reported_is_lost() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    sandbox.run(&["p.toml", "-p", "salt=1000"]);
    let begun = Instant::now();
    sandbox.run(&["p.toml", "-p", "salt=1001"]);
    let whole = begun.elapsed();

    let mut reported = BTreeMap::new();
    let mut interrupted = 0;
    for kill in 0..KILLS {
        let salt = format!("salt={kill}");
        let run = sandbox.start(&["run", "p.toml", "-p", &salt]);
        let share = random(kill) % 1100;
        std::thread::sleep(whole * u32::try_from(share).unwrap() / 1000);
        kill_process(run.pid(), Signal::KILL).unwrap();
        let said = run.wait();
        interrupted += usize::from(said.code.is_none());
        if let Some(name) = run_name(&said.err) {
            reported.insert(name, completed_steps(&said.err));
        }
    }
    assert!(interrupted > 0, "no run was killed before its end");

    is_whole(&sandbox);
    for (name, steps) in &reported {
        let run = sandbox.sundae(&["runs", "describe", name, "--output", "json"]).ended(0).json();
        let status = run["status"].as_str().unwrap();
        assert!(matches!(status, "interrupted" | "completed"), "{name} is {status}");
        for done in steps {
            let found = step(&run, done);
            assert_eq!(found["status"], "completed", "{done} of {name} was reported as done");
            assert_present(&sandbox, found);
        }
        for (step, status) in statuses(&run) {
            assert!(matches!(status, "completed" | "cancelled"), "{step} of {name} is {status}");
        }
    }
    for kill in 0..KILLS {
        let salt = format!("salt={kill}");
        sandbox.run(&["p.toml", "-p", &salt]);
        let lines = sandbox.sundae(&["artifact", "get", "end.lines"]).ended(0).out;
        assert_eq!(lines, format!("6002\n4\n{kill}\n"));
    }
    is_whole(&sandbox);
    assert_eq!(left_behind(&sandbox), [""; 0], "what killed runs have left is swept");
}

/// What runs have left that have all ended: folders to work in, and locks.
pub(super) fn left_behind(sandbox: &Sandbox) -> Vec<String> {
    // What was being written or made at that very moment is left alone for a day.
    let staging = fs::read_dir(sandbox.store().join(".staging")).unwrap().map(Result::unwrap);
    let is_folder = |entry: &fs::DirEntry| {
        entry.path().is_dir() && !entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let locks = fs::read_dir(sandbox.home().join("runs")).unwrap().map(Result::unwrap);
    let left = staging.filter(is_folder).chain(locks);
    left.map(|entry| entry.path().display().to_string()).collect()
}

fn run_name(said: &str) -> Option<String> {
    let name = said.split_once(" as `")?.1.split_once('`')?.0;
    Some(name.to_owned())
}

fn completed_steps(said: &str) -> Vec<String> {
    let done = said.lines().filter_map(|line| line.split_once(": completed in "));
    done.map(|(step, _)| step.to_owned()).collect()
}

fn assert_present(sandbox: &Sandbox, step: &Value) {
    for output in step["outputs"].as_object().unwrap().values() {
        let digest = output["digest"].as_str().unwrap();
        assert!(sandbox.object(digest).is_file(), "{digest} of {step} is lost");
    }
}

/// The database is sound, and every object is what its name says.
pub(super) fn is_whole(sandbox: &Sandbox) {
    let path = sandbox.home().join("sundae.db");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let objects = files_below(&sandbox.store().join("objects"));
    assert!(objects.len() > 10);
    for (name, bytes) in objects {
        assert_eq!(name, blake3::hash(&bytes).to_hex().to_string(), "a half-written object");
    }
    for (name, bytes) in files_below(&sandbox.store().join("outcomes")) {
        assert!(
            serde_json::from_slice::<Value>(&bytes).is_ok(),
            "the outcome {name} is half-written"
        );
    }
}

/// The files below `root/ab/cdef…`, by their names put together.
fn files_below(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for folder in fs::read_dir(root).unwrap().map(Result::unwrap) {
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            let name = [folder.file_name(), file.file_name()].map(|n| n.into_string().unwrap());
            files.push((name.concat(), fs::read(file.path()).unwrap()));
        }
    }
    files
}

/// The numbers that processes have written to files of these names.
fn pids(sandbox: &Sandbox, names: [&str; 2]) -> [u32; 2] {
    names.map(|name| {
        until("the step runs", || {
            fs::read_to_string(sandbox.outside(name)).ok()?.trim().parse::<u32>().ok()
        })
    })
}

fn end(pids: [u32; 2]) {
    let killed = Instant::now();
    until("what a killed run has started ends", || {
        pids.iter().all(|pid| !is_alive(*pid)).then_some(())
    });
    assert!(killed.elapsed() < Duration::from_secs(10));
}

#[test]
fn steps_do_not_outlive_a_killed_run() {
    let sandbox = Sandbox::new();
    let at = sandbox.outside("").display().to_string();
    let command = format!("sleep 1000 & echo $! > {at}child; echo $$ > {at}step; wait");
    sandbox
        .write("p.toml", &format!("name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"{command}\"\n"));
    let run = sandbox.start(&["run", "p.toml"]);
    let pids = pids(&sandbox, ["step", "child"]);
    kill_process(run.pid(), Signal::KILL).unwrap();
    run.wait();
    end(pids);
}

#[test]
fn a_run_within_a_step_of_a_killed_run_ends_too() {
    let sandbox = Sandbox::new();
    let at = sandbox.outside("").display().to_string();
    let inner = format!("echo $$ > {at}inner; exec sleep 1000");
    sandbox.write(
        "inner.toml",
        &format!("name = \"inner\"\n[[steps]]\nname = \"s\"\nrun = \"{inner}\"\n"),
    );
    let outer = format!("echo $$ > {at}outer; exec {} run inner.toml", sandbox.program().display());
    sandbox.write(
        "outer.toml",
        &format!("name = \"outer\"\n[[steps]]\nname = \"s\"\nrun = \"{outer}\"\n"),
    );
    let run = sandbox.start(&["run", "outer.toml"]);
    let pids = pids(&sandbox, ["outer", "inner"]);
    kill_process(run.pid(), Signal::KILL).unwrap();
    run.wait();
    end(pids);
    let status = |run: &str| {
        sandbox.sundae(&["runs", "describe", run, "--output", "json"]).ended(0).json()["status"]
            .clone()
    };
    assert_eq!(status("outer-1"), "interrupted");
    assert_eq!(status("inner-1"), "cancelled", "it was asked to end, and could say so");
}
