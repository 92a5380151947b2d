//! Keeping a store in order with the real program: beside runs of two hosts, killed in the middle, and after damage.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use walkdir::WalkDir;

use super::sandbox::{Sandbox, statuses, until};

const PIPELINE: &str = r#"
name = "p"
[params]
salt = 0
[[steps]]
name = "make"
run = "mkdir {out.folder}; echo {param.salt} > {out.folder}/salt; seq 500 > {out.folder}/b; echo made"
outputs = ["folder"]
[[steps]]
name = "left"
run = "cat {in.folder}/* > {out.x}; echo left >> {out.x}"
inputs = { folder = "make.folder" }
outputs = ["x"]
[[steps]]
name = "right"
run = "cat {in.folder}/* > {out.x}; echo right >> {out.x}"
inputs = { folder = "make.folder" }
outputs = ["x"]
[[steps]]
name = "join"
run = "cat {in.left} {in.right} | wc -l > {out.lines}"
inputs = { left = "left.x", right = "right.x" }
outputs = ["lines"]
"#;

/// Makes all that is in a store two days older than it is. Nobody must be at work in it.
fn age(store: &Path) {
    let then = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    for folder in ["objects", "outcomes", "leases", "attempts", "removals", ".staging"] {
        for entry in WalkDir::new(store.join(folder)).into_iter().filter_map(Result::ok) {
            if !entry.file_type().is_file() {
                continue;
            }
            if folder == "outcomes" {
                let mut outcome: Value =
                    serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
                let ended: jiff::Timestamp = outcome["ended"].as_str().unwrap().parse().unwrap();
                outcome["ended"] =
                    (ended - jiff::SignedDuration::from_hours(48)).to_string().into();
                let aside = store.join(".staging/aside");
                fs::write(&aside, outcome.to_string()).unwrap();
                fs::rename(aside, entry.path()).unwrap();
            }
            File::open(entry.path()).unwrap().set_modified(then).unwrap();
        }
    }
}

/// The files in the folders of a store that are ours.
fn count(store: &Path, folder: &str) -> usize {
    let entries = WalkDir::new(store.join(folder)).into_iter().filter_map(Result::ok);
    entries.filter(|entry| entry.file_type().is_file()).count()
}

/// A host that works with the store in this folder.
fn host_on(store: &Path) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    let path = format!("--path={}", store.display());
    sandbox.sundae(&["artifact-store", "register", "shared", "--flavor=local", &path]).ended(0);
    sandbox.sundae(&["stack", "register", "s", "-o", "default", "-a", "shared"]).ended(0);
    sandbox.sundae(&["stack", "set", "s"]).ended(0);
    sandbox
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    (folder, store)
}

#[test]
fn runs_of_two_hosts_beside_gc_lose_nothing() {
    let (_folder, store) = folder();
    let hosts = [host_on(&store), host_on(&store)];
    for host in &hosts {
        for salt in ["salt=0", "salt=1", "salt=2"] {
            host.run(&["p.toml", "-p", salt]);
        }
    }
    let mut removed = 0;
    for _round in 0..6 {
        // All there is now is old and needed by nobody, but the runs that come will find and make it again.
        for host in &hosts {
            host.sundae(&["runs", "delete", "--pipeline", "p", "--yes"]).ended(0);
        }
        age(&store);
        let start = |(host, salt, cache): (usize, &str, &str)| {
            let words: Vec<_> = ["run", "p.toml", "-p", salt, cache, "-q"]
                .into_iter()
                .filter(|w| !w.is_empty())
                .collect();
            hosts[host].start(&words)
        };
        let running = [
            (0, "salt=0", ""),
            (1, "salt=0", "--no-cache"),
            (0, "salt=1", "--no-cache"),
            (1, "salt=1", ""),
        ];
        let mut running: Vec<_> = running.into_iter().map(start).collect();
        let collecting: Vec<_> = (0..2)
            .flat_map(|_| &hosts)
            .map(|host| host.start(&["artifact", "gc", "--yes", "--output", "json"]))
            .collect();
        running.push(start((0, "salt=2", "")));
        for run in running {
            let said = run.wait().ended(0);
            assert_eq!(said.err, "", "data was lost and made again");
        }
        for collected in collecting {
            let found = collected.wait().ended(0).json();
            removed += found["removed"]["objects"].as_u64().unwrap_or(0);
        }
        for host in &hosts {
            let verified = host.sundae(&["store", "verify", "--output", "json"]).ended(0).json();
            assert_eq!(verified["damages"], serde_json::json!([]));
            let runs = host.sundae(&["artifact", "list", "--output", "json"]).ended(0).json();
            for artifact in runs.as_array().unwrap() {
                let name = artifact["artifact"].as_str().unwrap();
                let told = host.sundae(&["artifact", "describe", name, "--output", "json"]);
                assert_eq!(told.ended(0).json()["state"], "available", "{name}");
            }
        }
    }
    assert!(removed > 0, "gc had nothing to do");
    assert_eq!(count(&store, "removals"), 0);
}

#[test]
fn a_killed_gc_leaves_a_store_that_is_right() {
    let (_folder, store) = folder();
    let host = host_on(&store);
    let many = r#"
name = "many"
[params]
salt = 0
[[steps]]
name = "make"
run = "mkdir {out.folder}; for n in $(seq 400); do echo {param.salt} $n > {out.folder}/$n; done"
outputs = ["folder"]
"#;
    host.write("many.toml", many);
    for round in 0..6_u32 {
        let salt = format!("salt={round}");
        host.run(&["many.toml", "-p", &salt]);
        host.run(&["p.toml", "-p", &salt]);
        host.sundae(&["runs", "delete", "--pipeline", "many", "--yes"]).ended(0);
        age(&store);
        let before = count(&store, "objects");
        let gc = host.start(&["artifact", "gc", "--yes"]);
        // From before anything is removed to when it has just ended.
        until("as much is removed", || {
            let gone = before - count(&store, "objects");
            (gone >= (round as usize) * 80 || gone >= 401).then_some(())
        });
        drop(gc);
        // Whoever comes next would wait for a killed one for some seconds.
        age(&store);
        let verified = host.sundae(&["store", "verify", "--output", "json"]).ended(0).json();
        assert_eq!(verified["damages"], serde_json::json!([]), "round {round}");
    }
    host.sundae(&["artifact", "gc", "--yes"]).ended(0);
    // What six runs of `p` need: four objects of their own (a manifest, a file, two outputs), and what they have in common.
    let runs = host.sundae(&["runs", "list", "--output", "json"]).ended(0).json();
    assert_eq!(runs.as_array().unwrap().len(), 6);
    assert_eq!(count(&store, "objects"), 6 * 4 + 3);
    assert!(statuses(&host.run(&["p.toml", "-p", "salt=3"])).iter().all(|(_, s)| *s == "cached"));
}

#[test]
fn what_a_killed_run_has_left_goes_and_what_may_be_needed_stays() {
    let (_folder, store) = folder();
    let host = host_on(&store);
    let run = host.run(&["p.toml"]);
    let attempt = |run: &str| {
        let path = store.join(format!("attempts/{run}-0-1/spec.json"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "{}").unwrap();
        path
    };
    let of_run = attempt(run["id"].as_str().unwrap());
    let of_others = attempt("5f3c0f0e-0000-4000-8000-000000000000");
    fs::write(store.join(".staging/123-abc-0"), "half an upload").unwrap();
    let left = store.join(".staging/left");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("lock"), "").unwrap();
    fs::write(left.join("half"), "half an output").unwrap();
    let young = host.sundae(&["artifact", "gc", "--yes", "--output", "json"]).ended(0).json();
    assert_eq!(young["attempt_files"], 0);
    // A folder without an owner is left at once; a file may still be written to.
    assert_eq!(young["unfinished"], serde_json::json!({ "objects": 1, "bytes": 14 }));
    assert!(!left.exists() && store.join(".staging/123-abc-0").exists());
    age(&store);
    let old = host.sundae(&["artifact", "gc", "--yes", "--output", "json"]).ended(0).json();
    assert_eq!((&old["attempt_files"], &old["objects"]), (&1.into(), &0.into()));
    assert_eq!(old["unfinished"]["objects"], 1);
    assert!(!of_run.exists() && of_others.exists(), "a job of another host may be in a queue");
    assert!(!store.join(".staging/123-abc-0").exists());
}

#[test]
fn a_young_store_is_left_alone_and_a_short_grace_is_refused_beside_a_run() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    sandbox.run(&["p.toml"]);
    sandbox.sundae(&["runs", "delete", "p-1", "--yes"]).ended(0);
    let found = sandbox.sundae(&["artifact", "gc", "--yes", "--output", "json"]).ended(0).json();
    assert_eq!((&found["objects"], &found["removed"]), (&0.into(), &Value::Null));
    let slow = "name = \"slow\"\n[[steps]]\nname = \"wait\"\nrun = \"touch begun; while [ ! -e go ]; do sleep 0.01; done\"\n";
    sandbox.write("slow.toml", slow);
    let running = sandbox.start(&["run", "slow.toml"]);
    until("it runs", || sandbox.work().join("begun").exists().then_some(()));
    sandbox
        .sundae(&["artifact", "gc", "--yes", "--grace", "1h"])
        .ended(1)
        .telling("run `slow-1` is under way");
    sandbox.sundae(&["runs", "delete", "slow-1", "--yes"]).ended(1).telling("is under way");
    sandbox.sundae(&["runs", "delete", "--pipeline", "slow", "--yes"]).ended(0).telling("No run");
    sandbox.write("go", "");
    running.wait().ended(0);
    let gc = ["artifact", "gc", "--yes", "--grace", "0", "--output", "json"];
    let found = sandbox.sundae(&gc).ended(0).json();
    assert_eq!(found["removed"]["objects"], 7);
    // A name is never given twice.
    assert_eq!(sandbox.run(&["p.toml"])["name"], "p-2");
}

#[test]
fn what_gc_has_let_go_is_not_missed() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    for salt in ["salt=1", "salt=2"] {
        sandbox.run(&["p.toml", "-p", salt]);
    }
    sandbox.sundae(&["artifact", "gc", "--keep-last", "1", "--grace", "0", "--yes"]).ended(0);
    sandbox.sundae(&["store", "verify"]).ended(0).telling("All is as it should be");
    sandbox.sundae(&["artifact", "get", "p-2/join.lines"]).ended(0);
    let gone = sandbox.sundae(&["artifact", "describe", "p-1/join.lines", "--output", "json"]);
    // Its number of lines is that of the other run.
    assert_eq!(gone.ended(0).json()["state"], "available");
    let gone = sandbox.sundae(&["artifact", "describe", "p-1/left.x", "--output", "json"]);
    assert_eq!(gone.ended(0).json()["state"], "gone");
    let run = sandbox.run(&["p.toml", "-p", "salt=1"]);
    assert_eq!(statuses(&run).iter().filter(|(_, status)| *status == "completed").count(), 4);
}

#[test]
fn damage_is_named_with_who_needs_it_and_repaired() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    let run = sandbox.run(&["p.toml"]);
    let digest = super::sandbox::step(&run, "left")["outputs"]["x"]["digest"].as_str().unwrap();
    let object = sandbox.object(digest);
    let content = fs::read_to_string(&object).unwrap().replace("100", "666");
    fs::set_permissions(&object, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&object, content).unwrap();
    let said = sandbox.sundae(&["store", "verify", "--output", "json"]).ended(1);
    let damages = said.json()["damages"].clone();
    assert_eq!(damages.as_array().unwrap().len(), 1);
    assert_eq!(
        (&damages[0]["state"], &damages[0]["digest"]),
        (&Value::from("damaged"), &Value::from(digest))
    );
    let needed = serde_json::json!(["p-1/left.x", "the cache (a step of p-1)"]);
    assert_eq!(damages[0]["needed_by"], needed);
    sandbox.sundae(&["store", "verify", "--repair"]).ended(2).telling("--yes");
    sandbox.sundae(&["artifact-store", "verify", "default", "--repair", "--yes"]).ended(1);
    // A run that has what is gone misses it until it is made again.
    let said = sandbox.sundae(&["store", "verify", "--output", "json"]).ended(1);
    assert_eq!(said.json()["damages"][0]["state"], "missing");
    let again = sandbox.run(&["p.toml"]);
    let completed = statuses(&again).into_iter().filter(|(_, status)| *status == "completed");
    assert_eq!(completed.map(|(step, _)| step).collect::<Vec<_>>(), ["left"]);
    sandbox.sundae(&["store", "verify"]).ended(0);
}

#[test]
fn a_fresh_home_with_the_same_store_runs_nothing_again() {
    let (_folder, store) = folder();
    let first = host_on(&store).run(&["p.toml", "-p", "salt=7"]);
    // Nothing else of the first one is left, not even its folder.
    let second = host_on(&store);
    let again = second.run(&["p.toml", "-p", "salt=7"]);
    assert!(statuses(&again).iter().all(|(_, status)| *status == "cached"), "{again}");
    for step in ["make", "left", "right", "join"] {
        let outputs = |run: &Value| super::sandbox::step(run, step)["outputs"].clone();
        assert_eq!(outputs(&first), outputs(&again));
    }
    assert_eq!(second.sundae(&["artifact", "get", "join.lines"]).ended(0).out.trim(), "1004");
    assert_eq!(second.sundae(&["runs", "logs", "p-1", "make"]).ended(0).out, "made\n");
}

#[test]
fn two_hosts_at_once_on_one_store_do_no_harm() {
    let (_folder, store) = folder();
    let hosts = [host_on(&store), host_on(&store)];
    let running: Vec<_> = (0..4)
        .flat_map(|salt| hosts.iter().map(move |host| (host, format!("salt={}", salt % 3))))
        .map(|(host, salt)| host.start(&["run", "p.toml", "-p", &salt, "-q"]))
        .collect();
    for run in running {
        assert_eq!(run.wait().ended(0).err, "");
    }
    for host in &hosts {
        host.sundae(&["store", "verify"]).ended(0);
        assert!(
            statuses(&host.run(&["p.toml", "-p", "salt=2"])).iter().all(|(_, s)| *s == "cached")
        );
    }
}
