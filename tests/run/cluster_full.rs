//! No space left where steps of a cluster work: on the disk of a node, of the store that nodes share, of the work folder. The
//! run says so, and where; when there is room again it goes on.

use std::fs;

use serde_json::Value;

use super::cluster;
use super::disk::Disk;
use super::sandbox::{Sandbox, digests, statuses, step, until};

/// So much fits onto a disk, in megabytes.
const SIZE: u32 = 6;

/// What the system says.
const NO_SPACE: &str = ": No space left on device (os error 28)";

/// What follows from that for a step that has ended well.
const CUT_OFF: &str = "; what it wrote may be cut off, and its outcome is not kept for later runs";

/// One whose steps run on the cluster and have their artifacts in S3, so that nodes work on disks of their own: here, on a small
/// one. `None`: something of that is not there.
fn sandbox_with_small_nodes(options: &[&str]) -> Option<(Sandbox, Disk)> {
    let disk = Disk::new(SIZE)?;
    let prologue = format!("--prologue=export TMPDIR={}", disk.path().display());
    let sandbox = cluster::sandbox_in_s3(&[&[prologue.as_str()], options].concat())?;
    Some((sandbox, disk))
}

fn run(sandbox: &Sandbox, options: &[&str], code: i32) -> Value {
    let words = ["run", "p.toml", "--stack", "cluster", "--output", "json"];
    sandbox.sundae(&[&words[..], options].concat()).ended(code).json()
}

/// What a step is told that has found no room on the disk of a node.
fn no_space_on(disk: &Disk) -> impl Fn(&str) -> bool {
    let node = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let start = format!("no space is left where it works, in {}/", disk.path().display());
    let end = format!(" on {}", node.trim());
    move |told: &str| told.starts_with(&start) && told.ends_with(&end)
}

fn resumed(sandbox: &Sandbox) -> Value {
    sandbox.sundae(&["runs", "resume", "--output", "json"]).ended(0).json()
}

#[track_caller]
fn reason(run: &Value, name: &str) -> String {
    step(run, name)["reason"]
        .as_str()
        .unwrap_or_else(|| panic!("{name} has none: {run}"))
        .to_owned()
}

#[test]
fn what_does_not_fit_onto_a_node_is_told_and_the_run_goes_on_when_there_is_room() {
    let Some((sandbox, disk)) = sandbox_with_small_nodes(&[]) else { return };
    // Somebody else's, of 4 MB.
    let others = disk.path().join("others");
    fs::write(&others, vec![b'x'; 4_000_000]).unwrap();
    let tally = sandbox.outside("tally");
    sandbox.write(
        "p.toml",
        &format!(
            r#"
name = "p"
[[steps]]
name = "small"
outputs = ["x"]
run = "echo small >> {tally}; echo 1 > {{out.x}}"
[[steps]]
name = "large"
inputs = {{ x = "small.x" }}
outputs = ["x"]
run = "seq 500000 > {{out.x}}"
"#,
            tally = tally.display()
        ),
    );
    let failed = run(&sandbox, &[], 3);
    let reason_of_large = reason(&failed, "large");
    let why = reason_of_large.strip_prefix("exit code 1; ").unwrap_or_default();
    assert!(no_space_on(&disk)(why), "{reason_of_large}");
    fs::remove_file(&others).unwrap();
    let there = resumed(&sandbox);
    assert_eq!(fs::read_to_string(&tally).unwrap(), "small\n");
    let here = sandbox.run(&["p.toml", "--stack", "default"]);
    assert_eq!(digests(&there), digests(&here));

    // The same output as an input.
    fs::write(&others, vec![b'x'; 4_000_000]).unwrap();
    let taking = "[[steps]]\nname = 'taking'\ninputs = { x = 'large.x' }\nrun = 'wc -l < {in.x}'\n";
    sandbox.write("p.toml", &(sandbox.read("p.toml") + taking));
    let failed = run(&sandbox, &[], 3);
    let told = reason(&failed, "taking");
    let start = format!("input `x` could not be brought: cannot write {}/", disk.path().display());
    assert!(told.starts_with(&start) && told.ends_with(NO_SPACE), "{told}");
    // And where not even that can be written which each step is told.
    let filler = disk.fill();
    let failed = run(&sandbox, &[], 3);
    let told = reason(&failed, "taking");
    let start = format!("cannot prepare the attempt in {}/", disk.path().display());
    assert!(told.starts_with(&start) && told.ends_with(NO_SPACE), "{told}");
    fs::remove_file(filler).unwrap();
    fs::remove_file(&others).unwrap();
    let there = resumed(&sandbox);
    assert_eq!(statuses(&there)[2], ("taking", "completed"));
}

#[test]
fn a_log_that_does_not_fit_onto_a_node_is_kept_as_far_as_it_goes() {
    let Some((sandbox, disk)) = sandbox_with_small_nodes(&[]) else { return };
    sandbox.write(
        "p.toml",
        "name = 'p'\n[[steps]]\nname = 's'\noutputs = ['x']\nrun = 'echo 1 > {out.x}; seq 2000000; true'\n",
    );
    let run = run(&sandbox, &[], 0);
    let warning = run["warnings"][0].as_str().unwrap_or_default();
    let told = warning.strip_prefix("step `s`: ");
    let told = told.and_then(|told| told.strip_suffix(CUT_OFF));
    assert!(told.is_some_and(no_space_on(&disk)), "{run}");
    let log = sandbox.sundae(&["runs", "logs", "p-1", "s"]).ended(0).out;
    assert!(log.starts_with("1\n2\n3\n") && log.len() > 4_000_000);
}

#[test]
fn a_project_that_does_not_fit_onto_a_node_is_told() {
    let Some((sandbox, disk)) = sandbox_with_small_nodes(&["--shared_files=false"]) else {
        return;
    };
    // Once as it is sent, and once unpacked.
    sandbox.write("weights", &"x".repeat(4_000_000));
    sandbox.write("p.toml", "name = 'p'\n[[steps]]\nname = 's'\nrun = 'wc -c < weights'\n");
    let failed = run(&sandbox, &[], 3);
    let told = reason(&failed, "s");
    let start = format!("cannot unpack the project's files in {}/", disk.path().display());
    assert!(told.starts_with(&start) && told.ends_with(NO_SPACE), "{told}");
    // What is resumed is sent anew.
    fs::write(sandbox.work().join("weights"), "x").unwrap();
    assert_eq!(resumed(&sandbox)["status"], "completed");
}

#[test]
fn a_report_that_does_not_fit_into_the_store_is_told() {
    if !cluster::is_there() {
        return;
    }
    let Some(disk) = Disk::new(SIZE) else { return };
    let sandbox = Sandbox::new();
    cluster::register(&sandbox, &[]);
    cluster::register_folder(&sandbox, &disk.path().join("store"));
    cluster::with_store(&sandbox, "shared");
    let path = |name| sandbox.outside(name).display().to_string();
    // The report quotes what was written, in more letters than there will be room for when the attempt's files have gone.
    sandbox.write(
        "p.toml",
        &format!(
            r#"
name = "p"
[[steps]]
name = "s"
cache = false
run = "head -c 3000 /dev/zero | tr '\\0' '\\1'; touch {}; until test -e {}; do sleep 0.1; done"
"#,
            path("begun"),
            path("go")
        ),
    );
    let running = sandbox.start(&["run", "p.toml", "--stack", "cluster", "--output", "json"]);
    until("the step has begun", || sandbox.outside("begun").exists().then_some(()));
    let filler = disk.fill();
    fs::write(sandbox.outside("go"), "").unwrap();
    let failed = running.wait().ended(3);
    let told = reason(&failed.json(), "s");
    let store = disk.path().join("store");
    let start = format!(
        "it has ended, but its report could not be written: cannot write {}/",
        store.display()
    );
    assert!(told.starts_with(&start) && told.contains(NO_SPACE), "{told}");
    fs::remove_file(filler).unwrap();
    assert_eq!(resumed(&sandbox)["status"], "completed");
}

#[test]
fn a_work_folder_that_is_full_takes_nothing_from_jobs_that_run() {
    if !cluster::is_there() {
        return;
    }
    let Some(disk) = Disk::new(300) else { return };
    let sandbox = Sandbox::new();
    let jobs = format!("--work_folder={}", disk.path().join("jobs").display());
    cluster::register(&sandbox, &[]);
    sandbox.sundae(&["orchestrator", "update", "cluster", &jobs]).ended(0);
    cluster::with_shared_folder(&sandbox);
    let path = |name| sandbox.outside(name).display().to_string();
    sandbox.write(
        "p.toml",
        &format!(
            "name = 'p'\n[[steps]]\nname = 's'\noutputs = ['x']\nrun = 'touch {}; until test -e {}; do sleep 0.1; done; echo 1 > {{out.x}}'\n",
            path("begun"),
            path("go")
        ),
    );
    let running = sandbox.start(&["run", "p.toml", "--stack", "cluster"]);
    until("the step has begun", || sandbox.outside("begun").exists().then_some(()));
    disk.fill();
    fs::write(sandbox.outside("go"), "").unwrap();
    running.wait().ended(0);
    // What its end has freed is taken, too.
    let filler = disk.fill();
    let failed = run(&sandbox, &["--no-cache"], 3);
    let told = reason(&failed, "s");
    let start =
        format!("the orchestrator refused it: cannot write {}/jobs/", disk.path().display());
    assert!(told.starts_with(&start) && told.ends_with(NO_SPACE), "{told}");
    fs::remove_file(filler).unwrap();
    assert_eq!(resumed(&sandbox)["status"], "completed");
}
