//! `[data]`: what comes from outside is known by its content, and kept as it was.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::sandbox::{Sandbox, statuses, step, until};

const PIPELINE: &str = r#"
name = "p"
[data]
raw = "in/raw.csv"
images = "../images"
[[steps]]
name = "count"
inputs = { raw = "data.raw" }
run = "wc -l < {in.raw} > {out.n}; echo x >> $AT/counted"
outputs = ["n"]
[[steps]]
name = "each"
foreach = { image = "data.images" }
run = "find {in.image} -type f -exec cat {{}} + > {out.copy}"
outputs = ["copy"]
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let at = sandbox.outside("").display().to_string();
    sandbox.write("p.toml", &PIPELINE.replace("$AT", at.trim_end_matches('/')));
    fs::create_dir_all(sandbox.work().join("in")).unwrap();
    fs::write(sandbox.work().join("in/raw.csv"), "a\nb\n").unwrap();
    let images = sandbox.work().join("../images/deep");
    fs::create_dir_all(&images).unwrap();
    fs::write(images.join("1.png"), "one").unwrap();
    fs::write(sandbox.work().join("../images/2.png"), "two").unwrap();
    sandbox
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let arguments = [&["run", "p.toml", "--output", "json"], arguments].concat();
    sandbox.sundae(&arguments).ended(0).json()
}

#[test]
fn it_counts_by_content_and_old_versions_stay() {
    let sandbox = sandbox();
    let raw = sandbox.work().join("in/raw.csv");
    let first = run(&sandbox, &[]);
    assert_eq!(first["data"]["raw"]["size"], 4);
    assert_eq!(first["data"]["images"]["kind"], "folder");
    assert_eq!(step(&first, "count")["inputs"]["raw"], "data.raw");
    // Written anew with the same bytes.
    fs::write(&raw, "a\nb\n").unwrap();
    let again = run(&sandbox, &[]);
    assert!(statuses(&again).iter().all(|(_, status)| *status == "cached"), "{again}");
    fs::write(&raw, "a\nb\nc\n").unwrap();
    let plan = sandbox.sundae(&["run", "p.toml", "--dry-run"]).ended(0).out;
    assert!(plan.contains("count  would run: input `raw` has other content"), "{plan}");
    let changed = run(&sandbox, &[]);
    let stand = statuses(&changed);
    assert!(stand.contains(&("count", "completed")) && stand.contains(&("each", "cached")));
    let get = |artifact: &str| sandbox.sundae(&["artifact", "get", artifact]).ended(0).out;
    assert_eq!(get("p-1/data.raw"), "a\nb\n");
    assert_eq!(get("p-3/data.raw"), "a\nb\nc\n");
    // And it was not touched.
    let mode = fs::metadata(&raw).unwrap().permissions().mode();
    assert_eq!(mode & 0o200, 0o200, "it is not the store's");
}

#[test]
fn its_way_is_known_both_ways() {
    let sandbox = sandbox();
    run(&sandbox, &[]);
    run(&sandbox, &[]);
    let up = sandbox.sundae(&["artifact", "lineage", "p-2/count.n", "--upstream"]).ended(0).out;
    assert!(up.contains("raw: p-1/data.raw"), "{up}");
    let down =
        sandbox.sundae(&["artifact", "lineage", "p-2/data.raw", "--downstream"]).ended(0).out;
    assert!(down.contains("step count of p-1") && down.contains("p-1/count.n"), "{down}");
    let shown = sandbox.sundae(&["runs", "describe", "p-2"]).ended(0).out;
    assert!(shown.contains("data:      images (folder, 6 B, "), "{shown}");
    let shown = sandbox.sundae(&["runs", "describe", "p-2", "count"]).ended(0).out;
    assert!(shown.contains("raw  data.raw  file, 4 B"), "{shown}");
    let drawn = sandbox.sundae(&["graph", "p.toml", "--format", "mermaid"]).ended(0).out;
    assert!(drawn.contains("data"), "{drawn}");
}

#[test]
fn what_is_not_there_is_said_before_anything_is_run() {
    let sandbox = sandbox();
    fs::remove_file(sandbox.work().join("in/raw.csv")).unwrap();
    for options in [&["run", "p.toml"][..], &["run", "p.toml", "--dry-run"]] {
        sandbox
            .sundae(options)
            .ended(1)
            .telling("`data.raw`: there is nothing at ")
            .telling("/in/raw.csv\n")
            .telling(
                "hint: the pipeline takes it from outside: `[data]` in its file says from where",
            );
    }
    // Who does not take it does not need it.
    run(&sandbox, &["--only", "each"]);
    let runs = sandbox.sundae(&["runs", "list", "--output", "json"]).ended(0).json();
    assert_eq!(runs.as_array().unwrap().len(), 1);
}

#[test]
fn a_run_goes_on_with_what_it_began_with() {
    let sandbox = sandbox();
    let at = sandbox.outside("").display().to_string();
    let at = at.trim_end_matches('/');
    sandbox.write(
        "p.toml",
        &format!(
            "name = 'p'\n[data]\nraw = 'in/raw.csv'\n[[steps]]\nname = 'wait'\n\
             run = 'touch {at}/begun; until test -e {at}/gate; do sleep 0.01; done'\n\
             [[steps]]\nname = 'read'\nafter = ['wait']\ninputs = {{ raw = 'data.raw' }}\nrun = 'cat {{in.raw}}'\n"
        ),
    );
    let begun = sandbox.start(&["run", "p.toml"]);
    until("it has begun", || sandbox.outside("begun").exists().then_some(()));
    kill_process(begun.pid(), Signal::KILL).unwrap();
    begun.wait();
    fs::write(sandbox.work().join("in/raw.csv"), "other\n").unwrap();
    fs::write(sandbox.outside("gate"), "").unwrap();
    sandbox.sundae(&["runs", "resume", "p-1"]).ended(0);
    assert_eq!(sandbox.sundae(&["runs", "logs", "p-1", "read"]).ended(0).out, "a\nb\n");
}

/// An object that lies in the store by itself, and a folder of such.
#[test]
fn it_may_lie_in_the_artifact_store() {
    let sandbox = sandbox();
    run(&sandbox, &[]);
    let there = sandbox.store().join("datasets/2026");
    fs::create_dir_all(there.join("deep")).unwrap();
    fs::write(there.join("rows.csv"), "a\nb\nc\n").unwrap();
    fs::write(there.join("deep/more.csv"), "d\n").unwrap();
    sandbox.write(
        "p.toml",
        "name = 'p'\n[data]\nrows = 'store:datasets/2026/rows.csv'\nall = 'store:datasets/2026/'\n\
         [[steps]]\nname = 'read'\ninputs = { rows = 'data.rows', all = 'data.all' }\n\
         run = 'cat {in.rows} {in.all}/deep/more.csv'\n",
    );
    run(&sandbox, &[]);
    assert_eq!(sandbox.sundae(&["runs", "logs", "p-2"]).ended(0).out, "==> read <==\na\nb\nc\nd\n");
    assert_eq!(statuses(&run(&sandbox, &[])), [("read", "cached")]);
    fs::write(there.join("deep/more.csv"), "e\n").unwrap();
    assert_eq!(statuses(&run(&sandbox, &[])), [("read", "completed")]);
    fs::remove_dir_all(sandbox.store().join("datasets")).unwrap();
    sandbox
        .sundae(&["run", "p.toml"])
        .ended(1)
        .telling("`data.all` (store:datasets/2026): the artifact store has no such object, and none below it");
}

#[test]
fn an_inner_pipeline_has_its_own() {
    let sandbox = sandbox();
    fs::create_dir_all(sandbox.work().join("inner")).unwrap();
    fs::write(sandbox.work().join("inner/mine.txt"), "mine\n").unwrap();
    sandbox.write(
        "inner/inner.toml",
        "name = 'inner'\n[data]\nraw = 'mine.txt'\n[outputs]\nx = 'read.x'\n[[steps]]\nname = 'read'\n\
         inputs = { raw = 'data.raw' }\nrun = 'cat {in.raw} > {out.x}'\noutputs = ['x']\n",
    );
    sandbox.write(
        "p.toml",
        "name = 'p'\n[data]\nraw = 'in/raw.csv'\n[[steps]]\nname = 'part'\npipeline = 'inner/inner.toml'\n\
         [[steps]]\nname = 'join'\ninputs = { raw = 'data.raw', x = 'part.x' }\nrun = 'cat {in.x} {in.raw}'\n",
    );
    let outer = run(&sandbox, &[]);
    assert_eq!(outer["data"]["part/raw"]["size"], 5);
    assert_eq!(sandbox.sundae(&["runs", "logs", "p-1", "join"]).ended(0).out, "mine\na\nb\n");
}

#[test]
fn what_gc_took_away_is_taken_in_again() {
    let sandbox = sandbox();
    let first = run(&sandbox, &[]);
    let digest = first["data"]["raw"]["digest"].as_str().unwrap().to_owned();
    fs::remove_file(sandbox.object(&digest)).unwrap();
    run(&sandbox, &["--rerun", "count"]);
    assert!(sandbox.object(&digest).exists());
}
