//! Several runs at once, in one home and one store.

use super::sandbox::{Sandbox, statuses};

const PIPELINE: &str = r#"
name = "p"
[params]
salt = 0
[[steps]]
name = "make"
run = "seq 2000 > {out.data}; echo {param.salt} >> {out.data}"
outputs = ["data"]
[[steps]]
name = "double"
run = "cat {in.data} {in.data} > {out.data}"
inputs = { data = "make.data" }
outputs = ["data"]
[[steps]]
name = "count"
run = "wc -l < {in.data} > {out.lines}"
inputs = { data = "double.data" }
outputs = ["lines"]
"#;

fn all_at_once(number: usize, salt: impl Fn(usize) -> usize) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    let start = |index: usize| {
        let salt = format!("salt={}", salt(index));
        sandbox.start(&["run", "p.toml", "-p", &salt, "--output", "json"])
    };
    let running: Vec<_> = (0..number).map(start).collect();
    let mut names = Vec::new();
    for run in running {
        let run = run.wait().ended(0).json();
        assert_eq!(run["status"], "completed");
        names.push(run["name"].as_str().unwrap().to_owned());
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), number, "every run has a name of its own");
    for name in &names {
        let lines = sandbox.sundae(&["artifact", "get", &format!("{name}/count.lines")]);
        assert_eq!(lines.ended(0).out.trim(), "4002");
    }
    let left: Vec<_> = std::fs::read_dir(sandbox.store().join(".staging")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(std::fs::read_dir(sandbox.home().join("runs")).unwrap().count(), 0);
    sandbox
}

#[test]
fn two_runs_of_the_same_pipeline_do_not_disturb_each_other() {
    let sandbox = all_at_once(2, |_| 0);
    let run = sandbox.run(&["p.toml"]);
    assert!(statuses(&run).iter().all(|(_, status)| *status == "cached"), "{run}");
}

#[test]
fn twenty_runs_at_once_all_end_well() {
    all_at_once(20, |index| index / 2);
}

/// Runs that are killed, resumed, cancelled and watched, all at the same time.
#[test]
fn many_who_come_and_go_do_not_disturb_each_other() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", &PIPELINE.replace("> {out.lines}", "> {out.lines}; sleep 0.05"));
    let watch = sandbox.start(&["runs", "watch", "--output", "json"]);
    std::thread::scope(|scope| {
        for index in 0..6 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let salt = format!("salt={index}");
                let run = sandbox.sundae(&["run", "p.toml", "-p", &salt, "--detach"]).ended(0);
                let name = run.out.trim();
                for _ in 0..3 {
                    // It may have completed before.
                    sandbox.sundae(&["runs", "cancel", name, "--force"]);
                    let resumed = sandbox.sundae(&["runs", "resume", name]);
                    assert!(matches!(resumed.code, Some(0 | 1)), "{resumed:?}");
                }
                sandbox.sundae(&["runs", "attach", name]).ended(0).telling("3 completed");
                let lines = sandbox.sundae(&["artifact", "get", &format!("{name}/count.lines")]);
                assert_eq!(lines.ended(0).out.trim(), "4002");
            });
        }
    });
    rustix::process::kill_process(watch.pid(), rustix::process::Signal::INT).unwrap();
    let seen = watch.wait();
    assert!(
        (1..=6).all(|number| seen.out.contains(&format!("\"name\":\"p-{number}\""))),
        "{seen:?}"
    );
    assert_eq!(std::fs::read_dir(sandbox.home().join("runs")).unwrap().count(), 0);
}
