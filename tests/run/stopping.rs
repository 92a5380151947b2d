//! Somebody stops a run.

use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::sandbox::{Running, Said, Sandbox, is_alive, statuses, until};

/// Two steps that go on for ever, one of which has a child of its own, and one that waits for them.
const PIPELINE: &str = r#"
name = "p"
[[steps]]
name = "a"
run = "sleep 1000 & echo $! > $PIDS/child; echo $$ > $PIDS/a; wait"
[[steps]]
name = "b"
run = "echo $$ > $PIDS/b; exec sleep 1000"
[[steps]]
name = "last"
run = "true"
after = ["a", "b"]
"#;

fn begun(pipeline: &str) -> (Sandbox, Running, Vec<u32>) {
    let sandbox = Sandbox::new();
    sandbox
        .write("p.toml", &pipeline.replace("$PIDS/", &sandbox.outside("").display().to_string()));
    let run = sandbox.start(&["run", "p.toml", "--output", "json"]);
    let pid = |name: &str| {
        until("the step runs", || {
            let text = fs::read_to_string(sandbox.outside(name)).ok()?;
            text.trim().parse::<u32>().ok()
        })
    };
    let pids = ["a", "b", "child"].map(pid).to_vec();
    (sandbox, run, pids)
}

fn is_cancelled(sandbox: &Sandbox, said: Said, pids: &[u32]) {
    let said = said.ended(130).telling("Run `p-1` was cancelled after");
    let run = said.json();
    assert_eq!(run["status"], "cancelled");
    assert_eq!(statuses(&run), [("a", "cancelled"), ("b", "cancelled"), ("last", "cancelled")]);
    for pid in pids {
        assert!(!is_alive(*pid), "a step lives on");
    }
    let listed = sandbox.sundae(&["runs", "list", "--output", "json"]).ended(0).json();
    assert_eq!(listed[0]["status"], "cancelled");
}

fn ended_by(signal: Signal, send: fn(Pid, Signal) -> rustix::io::Result<()>) {
    let (sandbox, run, pids) = begun(PIPELINE);
    send(run.pid(), signal).unwrap();
    is_cancelled(&sandbox, run.wait(), &pids);
}

#[test]
fn ctrl_c_at_a_terminal_ends_steps_and_run() {
    ended_by(Signal::INT, kill_process_group);
}

#[test]
fn a_signal_to_the_process_alone_ends_its_steps_too() {
    ended_by(Signal::INT, kill_process);
    ended_by(Signal::TERM, kill_process);
    ended_by(Signal::HUP, kill_process);
}

#[test]
fn a_step_that_does_not_listen_is_killed_by_the_second_signal() {
    let deaf = PIPELINE.replace("sleep 1000 &", "trap '' TERM; sleep 1000 &");
    let (sandbox, run, pids) =
        begun(&deaf.replace("wait\"", "while :; do wait; sleep 0.1; done\""));
    kill_process(run.pid(), Signal::INT).unwrap();
    // `b` listens, so its end says that the first signal was heard.
    until("the first signal is heard", || (!is_alive(pids[1])).then_some(()));
    assert!(is_alive(pids[0]));
    kill_process(run.pid(), Signal::INT).unwrap();
    is_cancelled(&sandbox, run.wait(), &pids);
}

#[test]
fn what_was_done_before_is_not_lost() {
    let sandbox = Sandbox::new();
    let mark = sandbox.outside("mark");
    sandbox.write(
        "p.toml",
        &format!(
            r#"
name = "p"
[[steps]]
name = "first"
run = "echo 1 > {{out.x}}"
outputs = ["x"]
[[steps]]
name = "second"
run = "test -e {mark} || {{{{ touch {mark}; exec sleep 1000; }}}}; cp {{in.x}} {{out.y}}"
inputs = {{ x = "first.x" }}
outputs = ["y"]
"#,
            mark = mark.display()
        ),
    );
    let run = sandbox.start(&["run", "p.toml"]);
    until("the second step runs", || mark.exists().then_some(()));
    kill_process_group(run.pid(), Signal::INT).unwrap();
    run.wait().ended(130);
    let run = sandbox.run(&["p.toml"]);
    assert_eq!(statuses(&run), [("first", "cached"), ("second", "completed")]);
}

#[test]
fn another_process_stops_it_too() {
    let (sandbox, run, pids) = begun(PIPELINE);
    sandbox
        .sundae(&["runs", "cancel", "p-1"])
        .ended(0)
        .telling("Stopping run `p-1`: its steps are asked to end.")
        .telling("Run `p-1` was cancelled.")
        .telling("`sundae runs resume p-1` goes on with it");
    let said =
        run.wait().telling("Stopping: steps are asked to end. Once more, and they are killed.");
    is_cancelled(&sandbox, said, &pids);
    // There is nothing more to stop, and nothing of the request is left for whoever goes on with it.
    sandbox.sundae(&["runs", "cancel", "p-1"]).ended(0).telling("it was cancelled");
    let run = sandbox.start(&["runs", "resume", "p-1", "--output", "json"]);
    until("it runs again", || {
        let runs = sandbox.sundae(&["runs", "list", "--output", "json"]).ended(0).json();
        (runs[0]["steps"]["running"] == 2).then_some(())
    });
    sandbox.sundae(&["runs", "cancel"]).ended(0);
    is_cancelled(&sandbox, run.wait(), &[]);
}

#[test]
fn another_process_kills_a_step_that_does_not_listen() {
    let deaf = PIPELINE.replace("sleep 1000 &", "trap '' TERM; sleep 1000 &");
    let deaf = deaf.replace("wait\"", "while :; do wait; sleep 0.1; done\"");
    let (sandbox, run, pids) = begun(&deaf);
    let first = sandbox.start(&["runs", "cancel", "p-1"]);
    until("the first request is heard", || (!is_alive(pids[1])).then_some(()));
    assert!(is_alive(pids[0]));
    sandbox.sundae(&["runs", "cancel", "p-1"]).ended(0).telling("was cancelled");
    first.wait().ended(0);
    is_cancelled(&sandbox, run.wait(), &pids);
    let (sandbox, run, pids) = begun(&deaf);
    sandbox.sundae(&["runs", "cancel", "--force"]).ended(0).telling("its steps are killed");
    is_cancelled(&sandbox, run.wait(), &pids);
}

#[test]
fn what_is_not_under_way_cannot_be_stopped() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"sleep 0.1\"\n");
    sandbox.sundae(&["runs", "cancel"]).ended(1).telling("nothing has run yet");
    sandbox.run(&["p.toml"]);
    sandbox
        .sundae(&["runs", "cancel", "p-1"])
        .ended(1)
        .telling("run `p-1` is not under way: it has ended")
        .telling("`sundae runs describe p-1` shows how");
    let (sandbox, run, _) = begun(PIPELINE);
    kill_process(run.pid(), Signal::KILL).unwrap();
    run.wait();
    sandbox
        .sundae(&["runs", "cancel", "p-1"])
        .ended(0)
        .telling("it was interrupted: the process that ran it is gone")
        .telling("`sundae runs resume p-1`");
}
