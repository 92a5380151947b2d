//! `foreach`: a step that has items, as many as there turn out to be, and what they make as one.

use std::fs;

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::sandbox::{Sandbox, step, until};

/// Words are counted file by file, and added up.
const WORDS: &str = r#"
name = "p"
[[steps]]
name = "split"
run = "cp -r texts {out.texts}"
code = ["texts"]
outputs = ["texts"]
[[steps]]
name = "count"
foreach = { text = "split.texts" }
run = "echo $SUNDAE_STEP >> $AT/counted; if test -e $AT/fault; then ! grep -q bad {in.text}; fi && wc -w < {in.text} > {out.words}"
outputs = ["words"]
[[steps]]
name = "sum"
inputs = { words = "count.words" }
run = "cat {in.words}/* | paste -sd+ | bc > {out.sum}; ls {in.words}"
outputs = ["sum"]
"#;

fn words(texts: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    let at = sandbox.outside("").display().to_string();
    sandbox.write("p.toml", &WORDS.replace("$AT", at.trim_end_matches('/')));
    for (name, text) in texts {
        write(&sandbox, name, text);
    }
    sandbox
}

fn write(sandbox: &Sandbox, name: &str, text: &str) {
    let path = sandbox.work().join("texts").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The items that ran since this was asked last.
fn ran(sandbox: &Sandbox) -> Vec<String> {
    let path = sandbox.outside("counted");
    let text = fs::read_to_string(&path).unwrap_or_default();
    fs::remove_file(path).ok();
    let mut items: Vec<_> = text.lines().map(str::to_owned).collect();
    items.sort();
    items
}

fn sum(sandbox: &Sandbox) -> String {
    sandbox.sundae(&["artifact", "get", "sum.sum"]).ended(0).out.trim().to_owned()
}

fn run_of(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let arguments = [&["run", "p.toml", "--output", "json"], arguments].concat();
    sandbox.sundae(&arguments).ended(0).json()
}

#[test]
fn the_entries_of_a_folder_keep_their_names() {
    let sandbox = words(&[("b.txt", "one two"), ("a.txt", "three"), ("deep/c.txt", "x")]);
    // `deep` is an entry, too: a folder.
    let file = WORDS.replace("wc -w < {in.text}", "cat $(find {in.text} -type f) | wc -w");
    let at = sandbox.outside("").display().to_string();
    sandbox.write("p.toml", &file.replace("$AT", at.trim_end_matches('/')));
    let run = run_of(&sandbox, &[]);
    assert_eq!(step(&run, "count")["items"], 3);
    assert_eq!(ran(&sandbox), ["count:0", "count:1", "count:2"]);
    let listed = sandbox.sundae(&["runs", "logs", "p-1", "sum"]).ended(0).out;
    assert_eq!(listed, "a.txt\nb.txt\ndeep\n");
    assert_eq!(sum(&sandbox), "4");
}

#[test]
fn a_file_more_is_one_item_more() {
    let sandbox = words(&[("b", "one two"), ("c", "three")]);
    run_of(&sandbox, &[]);
    assert_eq!(ran(&sandbox).len(), 2);
    // It moves all others to other places.
    write(&sandbox, "a", "four five six");
    let run = run_of(&sandbox, &[]);
    assert_eq!(ran(&sandbox), ["count:0"]);
    assert_eq!((sum(&sandbox), &step(&run, "count")["items"]), ("6".to_owned(), &json!(3)));
    write(&sandbox, "a", "seven");
    let plan = sandbox.sundae(&["run", "p.toml", "--dry-run"]).ended(0).out;
    assert!(plan.contains("depends on what `split` will make"), "{plan}");
    fs::remove_file(sandbox.work().join("texts/a")).unwrap();
    let plan = sandbox.sundae(&["run", "p.toml", "--dry-run"]).ended(0).out;
    let cached = plan.lines().filter(|line| line.contains("cached, from p-1"));
    assert_eq!(cached.count(), 3, "all of it was so before: {plan}");
    let run = run_of(&sandbox, &[]);
    assert_eq!(step(&run, "count")["status"], "cached");
    assert!(ran(&sandbox).is_empty());
    assert_eq!(sum(&sandbox), "3");
}

#[test]
fn without_items_there_is_an_empty_folder() {
    let sandbox = words(&[("a", "one")]);
    let file = fs::read_to_string(sandbox.work().join("p.toml")).unwrap();
    sandbox.write("p.toml", &file.replace("cp -r texts {out.texts}", "mkdir {out.texts}"));
    sandbox.write(
        "p.toml",
        &fs::read_to_string(sandbox.work().join("p.toml"))
            .unwrap()
            .replace("cat {in.words}/* | paste -sd+ | bc", "ls -A {in.words} | wc -l"),
    );
    let run = run_of(&sandbox, &[]);
    assert_eq!(step(&run, "count")["items"], 0);
    assert_eq!(sum(&sandbox), "0");
}

#[test]
fn a_failed_item_fails_its_step_when_the_others_have_ended_and_alone_runs_again() {
    let sandbox = words(&[("a", "fine"), ("b", "bad"), ("c", "fine too")]);
    let fault = sandbox.outside("fault");
    fs::write(&fault, "").unwrap();
    sandbox
        .sundae(&["run", "p.toml"])
        .ended(3)
        .telling("count:1: failed after")
        .telling("count: failed: 1 of 3 items failed: `count:1`")
        .telling("sum: skipped, because `count` failed");
    assert_eq!(ran(&sandbox), ["count:0", "count:1", "count:2"]);
    let shown = sandbox.sundae(&["runs", "describe", "p-1", "count"]).ended(0).out;
    assert!(shown.contains("count:1  failed"), "{shown}");
    fs::remove_file(&fault).unwrap();
    sandbox.sundae(&["runs", "resume", "p-1"]).ended(0);
    assert_eq!(ran(&sandbox), ["count:1"]);
    assert_eq!(sum(&sandbox), "4");
    let count = sandbox.sundae(&["runs", "describe", "p-1", "count", "--output", "json"]);
    let count = count.ended(0).json();
    let items = count["each"].as_array().unwrap().iter();
    let stand = items.map(|item| format!("{} {}", item["name"], item["status"]));
    let stand = stand.collect::<Vec<_>>().join(", ").replace('"', "");
    assert_eq!(stand, "count:0 completed, count:1 completed, count:2 completed");
}

/// Even if items are never kept: what is recorded of the run itself says that they were done.
#[test]
fn a_killed_run_goes_on_with_the_items_that_were_not_done() {
    let sandbox = Sandbox::new();
    let at = sandbox.outside("").display().to_string();
    let at = at.trim_end_matches('/');
    let pipeline = r#"
name = "p"
[[steps]]
name = "square"
foreach = { n = [0, 1, 2, 3, 4, 5] }
cache = false
run = "echo {param.n} >> $AT/ran; test {param.n} -lt 3 || until test -e $AT/gate; do sleep 0.01; done; expr {param.n} '*' {param.n} > {out.square} || true"
outputs = ["square"]
[[steps]]
name = "all"
inputs = { squares = "square.square" }
run = "cat {in.squares}/* | paste -sd' ' > {out.all}"
outputs = ["all"]
"#;
    sandbox.write("p.toml", &pipeline.replace("$AT", at));
    let ran = || fs::read_to_string(sandbox.outside("ran")).unwrap_or_default();
    let run = sandbox.start(&["run", "p.toml"]);
    until("the fourth item runs", || ran().lines().any(|line| line == "3").then_some(()));
    let recorded = || {
        let count = ["runs", "describe", "p-1", "square", "--output", "json"];
        let each = sandbox.sundae(&count).ended(0).json()["each"].clone();
        let done = each.as_array().unwrap().iter().filter(|item| item["status"] == "completed");
        (done.count() == 3).then_some(())
    };
    until("three are recorded as done", recorded);
    kill_process(run.pid(), Signal::KILL).unwrap();
    run.wait();
    fs::write(sandbox.outside("gate"), "").unwrap();
    sandbox.sundae(&["runs", "resume", "p-1"]).ended(0);
    let all = sandbox.sundae(&["artifact", "get", "all.all"]).ended(0).out;
    assert_eq!(all.trim(), "0 1 4 9 16 25");
    for n in 0..3 {
        let times = ran().lines().filter(|line| *line == n.to_string()).count();
        assert_eq!(times, 1, "item {n} had been done, and ran again");
    }
}

#[test]
fn several_names_go_in_step_and_lists_come_from_anywhere() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.toml",
        r#"
name = "p"
[params]
rates = [0.1, 10]
[[steps]]
name = "list"
run = "echo '[{{\"seed\": 1}}, \"two\"]' > {out.seeds}"
outputs = ["seeds"]
[[steps]]
name = "fit"
foreach = { rate = "{param.rates}", depth = [3, 4], seed = "list.seeds" }
run = "echo {param.rate} {param.depth} {param.seed} > {out.model}"
outputs = ["model"]
[[steps]]
name = "score"
foreach = { model = "fit.model" }
run = "cat {in.model}; echo {param.model}"
[[steps]]
name = "show"
inputs = { models = "fit.model" }
after = ["score"]
run = "cat {in.models}/*"
"#,
    );
    run_of(&sandbox, &[]);
    let shown = |run: &str| sandbox.sundae(&["runs", "logs", run, "show"]).ended(0).out;
    assert_eq!(shown("p-1"), "0.1 3 {\"seed\":1}\n10 4 two\n");
    let one = |item: &str| sandbox.sundae(&["artifact", "get", item]).ended(0).out;
    assert_eq!(one("p-1/fit:1.model"), "10 4 two\n");
    assert_eq!(one("fit:0.model"), "0.1 3 {\"seed\":1}\n");
    let lineage = sandbox.sundae(&["artifact", "lineage", "p-1/fit:1.model"]).ended(0).out;
    assert!(lineage.contains("step fit:1 of p-1"), "{lineage}");
    // What is joined can be taken apart again.
    let scores = sandbox.sundae(&["runs", "logs", "p-1", "score"]).ended(0).out;
    assert_eq!(scores, "==> score:0 <==\n0.1 3 {\"seed\":1}\n0\n\n==> score:1 <==\n10 4 two\n1\n");
    let run = run_of(&sandbox, &["-p", "rates=[0.1, 100]"]);
    assert_eq!(step(&run, "fit")["status"], "completed");
    assert_eq!(shown("p-2"), "0.1 3 {\"seed\":1}\n100 4 two\n");
    sandbox
        .sundae(&["run", "p.toml", "-p", "rates=[1, 2, 3]"])
        .ended(1)
        .telling("`depth` has 2 values, and `rate` has 3: an item has one of each");
}

#[test]
fn what_has_no_items_is_said() {
    let cases = [
        ("echo 3 > {out.x}", "param", "`make.x` is JSON, but no list of items"),
        ("echo three > {out.x}", "param", "is neither a folder nor a file with a JSON list"),
        (
            "echo '[1]' > {out.x}",
            "in",
            "`{in.each}` is an entry of a folder, and `make.x` is a file",
        ),
        (
            "mkdir {out.x}; ln -s ../a {out.x}/a; touch {out.x}/b; ln -s b {out.x}/c; rm {out.x}/a",
            "in",
            "`c` is a link to `b`, and no artifact of its own",
        ),
    ];
    for (make, slot, told) in cases {
        let sandbox = Sandbox::new();
        sandbox.write(
            "p.toml",
            &format!(
                "name = 'p'\n[[steps]]\nname = 'make'\nrun = \"{make}\"\noutputs = ['x']\n\
                 [[steps]]\nname = 'use'\nforeach = {{ each = 'make.x' }}\nrun = \"cat {{{slot}.each}}\"\n"
            ),
        );
        sandbox.sundae(&["run", "p.toml"]).ended(3).telling(told);
    }
}

#[test]
fn what_an_item_made_and_was_lost_is_made_again() {
    let sandbox = words(&[("a", "one two"), ("b", "three")]);
    run_of(&sandbox, &[]);
    ran(&sandbox);
    let count = sandbox.sundae(&["runs", "describe", "p-1", "count:0", "--output", "json"]);
    let digest = count.ended(0).json()["outputs"]["words"]["digest"].as_str().unwrap().to_owned();
    let object = sandbox.object(&digest);
    fs::remove_file(&object).unwrap();
    run_of(&sandbox, &["--rerun", "sum"]);
    assert_eq!(ran(&sandbox), ["count:0"]);
    assert_eq!(sum(&sandbox), "3");
    // Damaged, and found when it is read.
    #[expect(clippy::permissions_set_readonly_false, reason = "it is to be damaged")]
    {
        let mut permissions = fs::metadata(&object).unwrap().permissions();
        permissions.set_readonly(false);
        fs::set_permissions(&object, permissions).unwrap();
    }
    fs::write(&object, "7\n").unwrap();
    run_of(&sandbox, &["--rerun", "sum"]);
    assert_eq!(sum(&sandbox), "3");
}

#[test]
fn the_first_failed_item_ends_the_others_if_the_pipeline_fails_fast() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.toml",
        "name = 'p'\nfailure-policy = 'fail-fast'\n[[steps]]\nname = 'all'\n\
         foreach = { n = [0, 1, 2, 3, 4, 5, 6, 7] }\n\
         run = 'test {param.n} != 0 && exec sleep 1000'\n[[steps]]\nname = 'last'\nafter = ['all']\nrun = 'true'\n",
    );
    sandbox
        .sundae(&["run", "p.toml"])
        .ended(3)
        .telling("all:0: failed after")
        .telling("all: failed: 1 of 8 items failed: `all:0`")
        .telling("last: skipped, because `all:0` failed, and the pipeline fails fast");
}

#[test]
fn what_goes_on_elsewhere_is_seen_with_its_items() {
    let sandbox = Sandbox::new();
    let at = sandbox.outside("").display().to_string();
    let at = at.trim_end_matches('/');
    sandbox.write(
        "p.toml",
        &format!(
            "name = 'p'\n[[steps]]\nname = 'all'\nforeach = {{ n = [0, 1, 2] }}\n\
             run = 'echo this is {{param.n}}; until test -e {at}/gate; do sleep 0.01; done'\n"
        ),
    );
    sandbox.sundae(&["run", "p.toml", "--detach"]).ended(0);
    let logs = sandbox.start(&["runs", "logs", "p-1", "all", "--follow"]);
    let attached = sandbox.start(&["runs", "attach", "p-1"]);
    until("an item runs", || {
        let standing = ["runs", "describe", "p-1", "all:0", "--output", "json"];
        let standing = sandbox.sundae(&standing);
        (standing.code == Some(0) && standing.json()["status"] == "running").then_some(())
    });
    fs::write(sandbox.outside("gate"), "").unwrap();
    let told = attached.wait().ended(0);
    for line in ["all: 3 items", "all:2: completed in", "(3 items)", "1 completed"] {
        assert!(told.err.contains(line), "{line} is not in:\n{}", told.err);
    }
    let logs = logs.wait().ended(0).out;
    let mut lines: Vec<_> = logs.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["all:0 | this is 0", "all:1 | this is 1", "all:2 | this is 2"]);
}
