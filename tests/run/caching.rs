//! What runs again, and what does not.

use super::sandbox::{Sandbox, statuses, step};

/// A chain, and two steps side by side.
const PIPELINE: &str = r#"
name = "training"
[params]
size = 3
[[steps]]
name = "load"
run = "seq {param.size} > {out.numbers}; echo x >> $COUNTload"
outputs = ["numbers"]
[[steps]]
name = "parity"
run = "awk '{{ print $1 % 2 }}' {in.numbers} | sort -u > {out.kinds}; echo x >> $COUNTparity"
inputs = { numbers = "load.numbers" }
outputs = ["kinds"]
[[steps]]
name = "sum"
run = "awk '{{ s += $1 }} END {{ print s }}' {in.numbers} > {out.total}; echo x >> $COUNTsum"
inputs = { numbers = "load.numbers" }
outputs = ["total"]
[[steps]]
name = "report"
run = "cat {in.kinds} {in.total} > {out.text}; echo x >> $COUNTreport"
inputs = { kinds = "parity.kinds", total = "sum.total" }
outputs = ["text"]
[[steps]]
name = "kinds-only"
run = "cat {in.kinds} > {out.text}; echo x >> $COUNTkinds-only"
inputs = { kinds = "parity.kinds" }
outputs = ["text"]
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let pipeline = PIPELINE.replace("$COUNT", &sandbox.outside("").display().to_string());
    sandbox.write("training.toml", &pipeline);
    sandbox
}

/// How often each step has run.
fn counts(sandbox: &Sandbox) -> [usize; 5] {
    let count =
        |step: &str| std::fs::read_to_string(sandbox.outside(step)).unwrap().lines().count();
    ["load", "parity", "sum", "report", "kinds-only"].map(count)
}

#[test]
fn a_second_run_does_nothing_and_has_the_same() {
    let sandbox = sandbox();
    let first = sandbox.run(&["training.toml"]);
    assert_eq!(first["status"], "completed");
    assert!(statuses(&first).iter().all(|(_, status)| *status == "completed"), "{first}");
    let second = sandbox.run(&["training.toml"]);
    assert!(statuses(&second).iter().all(|(_, status)| *status == "cached"), "{second}");
    assert_eq!(counts(&sandbox), [1; 5]);
    for (before, now) in
        first["steps"].as_array().unwrap().iter().zip(second["steps"].as_array().unwrap())
    {
        assert_eq!(before["outputs"], now["outputs"]);
        assert_eq!(now["cached_from"], first["name"]);
    }
    let text = sandbox.sundae(&["artifact", "get", "report.text"]).ended(0).out;
    assert_eq!(text, "0\n1\n6\n");
}

#[test]
fn a_change_stops_where_the_bytes_are_the_same_again() {
    let sandbox = sandbox();
    sandbox.run(&["training.toml"]);
    let run = sandbox.run(&["training.toml", "-p", "size=4"]);
    assert_eq!(
        statuses(&run),
        [
            ("load", "completed"),
            ("parity", "completed"),
            ("sum", "completed"),
            ("report", "completed"),
            // `parity` has given the same bytes as before.
            ("kinds-only", "cached"),
        ]
    );
    assert_eq!(run["params"]["size"], 4);
    assert_eq!(counts(&sandbox), [2, 2, 2, 2, 1]);
}

#[test]
fn without_the_cache_everything_runs_and_is_found_later() {
    let sandbox = sandbox();
    sandbox.run(&["training.toml"]);
    let run = sandbox.run(&["training.toml", "--no-cache"]);
    assert!(statuses(&run).iter().all(|(_, status)| *status == "completed"), "{run}");
    assert_eq!(counts(&sandbox), [2; 5]);
    let run = sandbox.run(&["training.toml"]);
    assert_eq!(step(&run, "load")["cached_from"], "training-2");
}

/// Only the sentence: what is in the cache is found by content, whoever made it.
#[test]
fn pipelines_of_one_name_in_two_projects_are_not_compared() {
    let sandbox = Sandbox::new();
    let file = |text: &str| format!("name = 'p'\n[[steps]]\nname = 'a'\nrun = 'echo {text}'\n");
    for (project, text, told) in [
        ("one", "x", "a: started\n"),
        ("two", "y", "a: started\n"),
        ("one", "z", "a: started (command: `echo x` → `echo z`)"),
    ] {
        let folder = sandbox.work().join(project);
        std::fs::create_dir_all(&folder).unwrap();
        if !folder.join("sundae.toml").exists() {
            let init = sandbox.command(&["init"]).current_dir(&folder).output().unwrap();
            assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
        }
        std::fs::write(folder.join("p.toml"), file(text)).unwrap();
        let run = sandbox.command(&["run", "p.toml"]).current_dir(&folder).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(said.contains(told), "{said}");
    }
}
