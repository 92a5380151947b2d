//! Finding and comparing runs, and following artifacts through them.

use serde_json::{Value, json};

use super::sandbox::{Sandbox, step, until};

/// The names of the runs that a list shows.
fn listed(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let words = [&["runs", "list", "--output", "json"], words].concat();
    let rows = sandbox.sundae(&words).ended(0).json();
    rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

const SWEEP: &str = r#"
name = "p"
[params]
c = 1.0
model = "svm"
deploy = false
layers = [1, 2]
[[steps]]
name = "first"
run = """echo {param.c} {param.model} {param.deploy} > {out.x}
test {param.c} = 1.0 || echo '{{"metric": "score", "value": '{param.c}'}}' >> "$SUNDAE_MESSAGES" """
outputs = ["x"]
[[steps]]
name = "second"
inputs = { x = "first.x" }
run = """cp {in.x} {out.y}; test {param.model} = svm || echo '{{"metric": "score", "value": 0.25}}' >> "$SUNDAE_MESSAGES" """
outputs = ["y"]
"#;

fn swept() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", SWEEP);
    for words in [
        &["p.toml"][..],
        &["p.toml", "-p", "c=0.5"],
        &["p.toml", "-p", "c=12", "-p", "model=1"],
        &["p.toml", "-p", "c=3", "-p", "deploy=true", "-p", "layers=[3]"],
    ] {
        sandbox.run(words);
    }
    sandbox
}

#[test]
fn params_are_compared_by_what_they_are() {
    let sandbox = swept();
    for (condition, expected) in [
        ("c=0.50", &["p-2"][..]),
        ("c=1", &["p-1"]),
        ("c!=1", &["p-4", "p-3", "p-2"]),
        ("c>2", &["p-4", "p-3"]),
        ("c<=1.0", &["p-2", "p-1"]),
        ("model=1", &["p-3"]),
        ("model=svm", &["p-4", "p-2", "p-1"]),
        ("model~V", &["p-4", "p-2", "p-1"]),
        ("model>2", &[]),
        ("deploy=true", &["p-4"]),
        ("deploy=1", &[]),
        ("layers=[ 3 ]", &["p-4"]),
        ("absent=1", &[]),
        ("absent!=1", &["p-4", "p-3", "p-2", "p-1"]),
        ("a\"b=1", &[]),
    ] {
        assert_eq!(listed(&sandbox, &["--param", condition]), expected, "{condition}");
    }
    assert_eq!(listed(&sandbox, &["--sort", "param.c"]), ["p-2", "p-1", "p-4", "p-3"]);
    assert_eq!(listed(&sandbox, &["--sort", "-param.c", "--limit", "2"]), ["p-3", "p-4"]);
}

#[test]
fn of_two_steps_with_a_metric_the_later_one_counts_unless_one_is_named() {
    let sandbox = swept();
    for (condition, expected) in [
        ("score>=0.5", &["p-4", "p-2"][..]),
        ("score<0.5", &["p-3"]),
        ("score=0.5", &["p-2"]),
        ("score!=0.5", &["p-4", "p-3", "p-1"]),
        ("first.score>1", &["p-4", "p-3"]),
        ("second.score>0", &["p-3"]),
        ("third.score>0", &[]),
    ] {
        assert_eq!(listed(&sandbox, &["--metric", condition]), expected, "{condition}");
    }
    let sorted = |column: &str| listed(&sandbox, &["--sort", column]);
    assert_eq!(sorted("metric.score"), ["p-3", "p-2", "p-4", "p-1"], "what has none is last");
    assert_eq!(sorted("-metric.score"), ["p-4", "p-2", "p-3", "p-1"]);
    assert_eq!(sorted("-metric.first.score"), ["p-3", "p-4", "p-2", "p-1"]);
    assert_eq!(sorted("score"), ["p-3", "p-2", "p-4", "p-1"], "short names are found, too");
    sandbox.sundae(&["runs", "list", "--sort", "metric.sore"]).ended(2).telling("metric.sore");
    let both = ["--metric", "score>0", "--param", "model=svm", "--since", "1h", "--limit", "1"];
    assert_eq!(listed(&sandbox, &both), ["p-4"]);
    assert_eq!(listed(&sandbox, &["--since", "2020-01-01", "--status", "completed"]).len(), 4);
    assert_eq!(listed(&sandbox, &["--stack", "other"]), [""; 0]);
}

#[test]
fn names_are_sorted_by_their_numbers_and_the_rest_is_told_of() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", "name = \"p\"\n[[steps]]\nname = \"a\"\nrun = \"true\"\n");
    for _ in 0..101 {
        sandbox.run(&["p.toml"]);
    }
    let said = sandbox.sundae(&["runs", "list", "--output", "json"]).ended(0);
    let said = said.telling("these are 50 of 101 runs");
    assert_eq!(said.json().as_array().unwrap().len(), 50);
    assert_eq!(listed(&sandbox, &["--all"]).len(), 101);
    let sorted = listed(&sandbox, &["--sort", "-name", "--limit", "3"]);
    assert_eq!(sorted, ["p-101", "p-100", "p-99"]);
    assert_eq!(listed(&sandbox, &["--filter", "name=p-1"]), ["p-1"], "filters look at all");
}

fn diff(sandbox: &Sandbox, words: &[&str]) -> Value {
    sandbox.sundae(&[&["runs", "diff", "--output", "json"], words].concat()).ended(0).json()
}

#[test]
fn a_difference_is_where_it_came_from_and_what_came_of_it() {
    let sandbox = swept();
    let found = diff(&sandbox, &["p-1", "p-2"]);
    assert_eq!(found["same"], false);
    assert_eq!(found["params"], json!([{ "name": "c", "a": 1.0, "b": 0.5 }]));
    let input = &found["inputs"][0];
    assert_eq!((input["step"].as_str(), input["name"].as_str()), (Some("second"), Some("x")));
    assert_eq!(found["outputs"].as_array().unwrap().len(), 2);
    let metric =
        json!([{ "step": "first", "name": "score", "a": null, "b": 0.5, "difference": null }]);
    assert_eq!(found["metrics"], metric);
    let back = diff(&sandbox, &["p-2", "p-1"]);
    assert_eq!(back["params"], json!([{ "name": "c", "a": 0.5, "b": 1.0 }]));

    sandbox.run(&["p.toml", "-p", "c=3", "-p", "deploy=true", "-p", "layers=[3]"]);
    let same = diff(&sandbox, &[]);
    assert_eq!((&same["a"]["name"], &same["b"]["name"]), (&json!("p-4"), &json!("p-5")));
    assert_eq!(same["same"], true, "it was only taken from the cache: {same}");
    assert_eq!(diff(&sandbox, &["p-5"])["a"]["name"], "p-4");
    sandbox.sundae(&["runs", "diff", "p-1"]).ended(1).telling("there is none before it");
}

#[test]
fn code_environment_and_fingerprint_are_compared_by_name() {
    let sandbox = Sandbox::new();
    let file = |level: &str, run: &str| {
        format!(
            r#"
name = "p"
[[steps]]
name = "a"
run = "{run}"
code = ["lib"]
env = {{ LEVEL = "{level}" }}
fingerprint = {{ tool = "{level}" }}
params = {{ own = {level} }}
"#
        )
    };
    sandbox.write("a.sh", "echo a");
    sandbox.write("lib/one", "1");
    sandbox.write("p.toml", &file("1", "sh a.sh"));
    sandbox.run(&["p.toml"]);
    sandbox.write("a.sh", "echo b");
    sandbox.write("lib/two", "2");
    std::fs::remove_file(sandbox.work().join("lib/one")).unwrap();
    sandbox.write("p.toml", &file("2", "sh  a.sh"));
    sandbox.run(&["p.toml"]);
    let found = diff(&sandbox, &[]);
    let names = |group: &str| -> Vec<(bool, String, bool)> {
        let changes = found[group].as_array().unwrap().iter();
        let row = |change: &'_ Value| -> (bool, String, bool) {
            let name = change["name"].as_str().unwrap().to_owned();
            (!change["a"].is_null(), name, !change["b"].is_null())
        };
        changes.map(row).collect()
    };
    let one = |a: bool, name: &str, b: bool| (a, name.to_owned(), b);
    let both = |name: &str| vec![one(true, name, true)];
    let code = [one(true, "a.sh", true), one(true, "lib/one", false), one(false, "lib/two", true)];
    assert_eq!(names("code"), code);
    assert_eq!(names("environment"), both("LEVEL"));
    assert_eq!(names("fingerprints"), both("tool"));
    assert_eq!(names("step_params"), both("own"));
    assert_eq!(names("commands"), both("command"));
    assert_eq!((&found["unexplained"], &found["same"]), (&json!([]), &json!(false)));
    let told = sandbox.sundae(&["runs", "diff"]).ended(0).out;
    for line in
        ["a: a.sh", "not there any more", "only there now", "- sh a.sh", "+ sh  a.sh", "a.LEVEL"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
}

#[test]
fn another_stack_and_a_failure_are_differences() {
    let sandbox = swept();
    let register = ["artifact-store", "register", "other", "--flavor=local", "--path=elsewhere"];
    sandbox.sundae(&register).ended(0);
    sandbox.sundae(&["stack", "register", "second", "-o", "default", "-a", "other"]).ended(0);
    sandbox.run(&["p.toml", "--stack", "second"]);
    let found = diff(&sandbox, &["p-1", "p-5"]);
    let stack = json!([
        { "name": "stack", "a": "default", "b": "second" },
        { "name": "artifact-store", "a": "default", "b": "other" },
    ]);
    assert_eq!((&found["stack"], &found["same"]), (&stack, &json!(false)));
    sandbox.write("p.toml", &SWEEP.replace("cp {in.x}", "false; exit 4; cp {in.x}"));
    sandbox.sundae(&["run", "p.toml"]).ended(3);
    let found = diff(&sandbox, &["p-1", "p-6"]);
    assert_eq!(found["steps"][1]["b"]["status"], "failed");
    assert_eq!((&found["outputs"], &found["same"]), (&json!([]), &json!(false)));
}

#[test]
fn a_component_that_was_registered_again_under_its_name_is_another_one() {
    let sandbox = swept();
    let register = ["artifact-store", "register", "other", "--flavor=local", "--path=elsewhere"];
    let stack = ["stack", "register", "second", "-o", "default", "-a", "other"];
    for _ in 0..2 {
        sandbox.sundae(&register).ended(0);
        sandbox.sundae(&stack).ended(0);
        sandbox.run(&["p.toml", "--stack", "second"]);
        sandbox.sundae(&["stack", "delete", "second"]).ended(0);
        sandbox.sundae(&["artifact-store", "delete", "other"]).ended(0);
    }
    let found = diff(&sandbox, &["p-5", "p-6"]);
    let change = &found["stack"][0];
    assert_eq!(change["name"], "artifact-store", "{found}");
    assert!(change["a"].as_str().unwrap().starts_with("other ("), "{change}");
    assert_ne!(change["a"], change["b"]);
}

fn lineage(sandbox: &Sandbox, artifact: &str, way: &str) -> Value {
    let words = ["artifact", "lineage", artifact, way, "--output", "json"];
    sandbox.sundae(&words).ended(0).json()
}

fn ids(lineage: &Value) -> Vec<&str> {
    let nodes = lineage["nodes"].as_array().unwrap();
    let mut ids: Vec<_> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn lineage_leads_through_what_was_taken_from_the_cache_to_what_made_it() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", &SWEEP.replace("{param.c} {param.model} {param.deploy}", "same"));
    sandbox.run(&["p.toml"]);
    // `first` runs again, and makes the same: `second` is taken from the first run, and so is its input.
    sandbox.run(&["p.toml", "-p", "c=3"]);
    let up = lineage(&sandbox, "p-2/second.y", "--upstream");
    assert_eq!(
        (up["artifact"].as_str(), up["node"].as_str()),
        (Some("p-2/second.y"), Some("p-1/second.y"))
    );
    assert_eq!(ids(&up), ["p-1/first", "p-1/first.x", "p-1/second", "p-1/second.y"]);
    let down = lineage(&sandbox, "p-1/first.x", "--downstream");
    assert_eq!(ids(&down), ["p-1/first", "p-1/first.x", "p-1/second", "p-1/second.y"]);
    let nothing = lineage(&sandbox, "p-2/first.x", "--downstream");
    assert_eq!(ids(&nothing), ["p-2/first", "p-2/first.x"], "nobody took that one");
    let edges = up["edges"].as_array().unwrap();
    let taken = json!({ "from": "p-1/first.x", "to": "p-1/second", "name": "x" });
    assert!(edges.contains(&taken), "{edges:?}");
}

#[test]
fn equal_bytes_alone_are_no_lineage() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", SWEEP);
    sandbox.write(
        "q.toml",
        &SWEEP
            .replace("name = \"p\"", "name = \"q\"")
            .replace("first", "other")
            .replace("echo", ": ; echo"),
    );
    let p = sandbox.run(&["p.toml"]);
    let q = sandbox.run(&["q.toml"]);
    let digest = |run: &Value, name: &str| step(run, name)["outputs"]["x"]["digest"].clone();
    assert_eq!(digest(&p, "first"), digest(&q, "other"));
    let down = lineage(&sandbox, "p-1/first.x", "--downstream");
    assert!(ids(&down).iter().all(|id| id.starts_with("p-1/")), "{down}");
}

#[test]
fn what_another_machine_has_made_is_not_taken_for_a_run_of_the_same_name() {
    let (here, there) = (Sandbox::new(), Sandbox::new());
    let shared = tempfile::tempdir().unwrap();
    let path = format!("--path={}", shared.path().display());
    for sandbox in [&here, &there] {
        sandbox.write("p.toml", SWEEP);
        let register = ["artifact-store", "register", "shared", "--flavor=local", &path];
        sandbox.sundae(&register).ended(0);
        sandbox.sundae(&["stack", "register", "s", "-o", "default", "-a", "shared"]).ended(0);
        sandbox.sundae(&["stack", "set", "s"]).ended(0);
    }
    there.run(&["p.toml"]);
    // This `p-1` is another one.
    here.run(&["p.toml", "-p", "c=7"]);
    here.run(&["p.toml"]);
    here.run(&["p.toml"]);
    let up = lineage(&here, "p-2/second.y", "--upstream");
    assert_eq!(ids(&up), ["p-2/first", "p-2/first.x", "p-2/second", "p-2/second.y"]);
    let nodes = up["nodes"].as_array().unwrap();
    let second = nodes.iter().find(|node| node["id"] == "p-2/second").unwrap();
    assert_eq!(second["made_elsewhere"], "p-1");
    let down = lineage(&here, "p-2/first.x", "--downstream");
    assert_eq!(ids(&down), ["p-2/first", "p-2/first.x", "p-2/second", "p-2/second.y"]);
    let told = here.sundae(&["artifact", "lineage", "p-2/second.y"]).ended(0).out;
    assert!(told.contains("cached from p-1, which is not known here"), "{told}");
}

#[test]
fn a_large_code_file_is_read_again_when_it_was_touched_and_only_then() {
    let sandbox = Sandbox::new();
    let pipeline = "name = \"p\"\n[[steps]]\nname = \"a\"\nrun = \"wc -c < data.bin > {out.n}\"\noutputs = [\"n\"]\n";
    sandbox.write("p.toml", pipeline);
    let path = sandbox.work().join("data.bin");
    std::fs::write(&path, vec![1_u8; 300_000]).unwrap();
    let status = || step(&sandbox.run(&["p.toml"]), "a")["status"].clone();
    let known = || -> Option<String> {
        let database = rusqlite::Connection::open(sandbox.home().join("sundae.db")).unwrap();
        let sql = "SELECT digest FROM file_digest WHERE path = ?1";
        database.query_row(sql, [path.to_str().unwrap()], |row| row.get(0)).ok()
    };
    assert_eq!(status(), "completed");
    // One that was written just now is not believed to stay as it is.
    let digest = until("its digest is remembered", || {
        assert_eq!(status(), "cached");
        known()
    });
    assert_eq!(digest, blake3::hash(&vec![1; 300_000]).to_hex().to_string());
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, vec![2_u8; 300_000]).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    assert_eq!(status(), "completed", "same size, and its time was set back");
    assert_eq!(status(), "cached");
}
