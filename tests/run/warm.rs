//! Warm servers: they make a run faster, and nothing else about it different.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::sandbox::{Running, Said, Sandbox, is_alive, said, statuses, step, until};

/// A server of three lines that starts what it is asked to start. `$PIDS/` stands for a folder outside of the working folder.
const SERVER: &str = r#"
import json, os, socket, sys
control = socket.socket(fileno=os.dup(0))
open("$PIDS/server", "w").write(str(os.getpid()))
while True:
    word, descriptors, _, _ = socket.recv_fds(control, 1, 2)
    if not word:
        sys.exit()
    connection, log = socket.socket(fileno=descriptors[0]), descriptors[1]
    request = json.loads(connection.makefile().readline())
    SPEAK
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        if connection.recv(3) != b"go\n":
            os._exit(1)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        for descriptor in range(3, 20):
            try:
                os.close(descriptor)
            except OSError:
                pass
        os.environ.update(request["environment"])
        os.environ["STARTED_BY"] = "the server"
        os.chdir(request["workdir"])
        os.execvp(request["command"][0], request["command"])
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass
    connection.sendall(json.dumps({"started": pid}).encode() + b"\n")
    end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    how = "exited" if end.si_code == os.CLD_EXITED else "killed"
    connection.sendall(json.dumps({how: end.si_status}).encode() + b"\n")
    connection.recv(1)
    os.waitpid(pid, 0)
    connection.close()
    os.close(log)
"#;

const PIPELINE: &str = r#"
name = "p"
[[steps]]
name = "a"
run = "echo ${{STARTED_BY-nobody}} > {out.who}; echo said; echo $LEVEL >> {out.who}"
outputs = ["who"]
env = { LEVEL = "3" }
warm = ["python3", "$PIDS/server.py"]
[[steps]]
name = "b"
run = "cat {in.who} > {out.who}; echo ${{STARTED_BY-nobody}} >> {out.who}; echo $LEVEL >> {out.who}"
inputs = { who = "a.who" }
outputs = ["who"]
env = { LEVEL = "3" }
warm = ["python3", "$PIDS/server.py"]
"#;

fn sandbox(pipeline: &str, speak: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let pids = sandbox.outside("").display().to_string();
    fs::write(
        sandbox.outside("server.py"),
        SERVER.replace("SPEAK", speak).replace("$PIDS/", &pids),
    )
    .unwrap();
    sandbox.write("p.toml", &pipeline.replace("$PIDS/", &pids));
    sandbox
}

fn pid(sandbox: &Sandbox, name: &str) -> u32 {
    until("the process runs", || {
        let text = fs::read_to_string(sandbox.outside(name)).ok()?;
        text.trim().parse().ok()
    })
}

fn output(sandbox: &Sandbox, reference: &str) -> String {
    sandbox.sundae(&["artifact", "get", reference]).ended(0).out
}

fn log(sandbox: &Sandbox, step: &str) -> String {
    sandbox.sundae(&["runs", "logs", "p-1", step]).ended(0).out
}

#[test]
fn a_server_starts_the_steps_that_name_it_and_ends_with_the_run() {
    let sandbox = sandbox(PIPELINE, "pass");
    let run = sandbox.run(&["p.toml"]);
    assert_eq!(statuses(&run), [("a", "completed"), ("b", "completed")]);
    assert_eq!(output(&sandbox, "b.who"), "the server\n3\nthe server\n3\n");
    assert_eq!(log(&sandbox, "a"), "said\n");
    assert!(!is_alive(pid(&sandbox, "server")), "the server outlives the run");
}

#[test]
fn whether_there_is_a_server_is_not_part_of_the_cache_key() {
    let sandbox = sandbox(PIPELINE, "pass");
    sandbox.run(&["p.toml"]);
    let text = sandbox.read("p.toml");
    let without: Vec<_> = text.lines().filter(|line| !line.starts_with("warm")).collect();
    sandbox.write("p.toml", &without.join("\n"));
    let run = sandbox.run(&["p.toml"]);
    assert_eq!(statuses(&run), [("a", "cached"), ("b", "cached")]);
}

#[test]
fn a_step_that_a_server_does_not_start_is_started_all_the_same() {
    let refuses = r#"connection.sendall(b'{"refused": "not today"}\n'); connection.close(); os.close(log); continue"#;
    let misbehaviors = [
        (refuses, "sundae: it runs in a process of its own: not today\nsaid\n"),
        ("raise SystemExit('no more')", "sundae: it runs in a process of its own: no more\nsaid\n"),
        ("connection.sendall(b'what?\\n'); os._exit(0)", "said\n"),
        ("connection.sendall(b'{\"started\": 1}\\n'); os._exit(0)", "said\n"),
        ("connection.sendall(b'{\"exited\": 0}\\n'); os._exit(0)", "said\n"),
        ("os._exit(0)", "said\n"),
    ];
    for (speak, expected) in misbehaviors {
        let sandbox = sandbox(PIPELINE, speak);
        let run = sandbox.run(&["p.toml"]);
        assert_eq!(statuses(&run), [("a", "completed"), ("b", "completed")], "{speak}");
        assert_eq!(output(&sandbox, "b.who"), "nobody\n3\nnobody\n3\n", "{speak}");
        let log = log(&sandbox, "a");
        assert!(log.ends_with(expected), "{speak}: {log}");
    }
    let sandbox = sandbox(&PIPELINE.replace("python3", "no-such-program"), "pass");
    sandbox.run(&["p.toml"]);
    let told = "sundae: it runs in a process of its own: the warm server `no-such-program` cannot be started: ";
    assert!(log(&sandbox, "a").starts_with(told));
    assert_eq!(log(&sandbox, "b"), "");
}

/// Steps that say which process they are and go on for ever; one has a child of its own.
const WAITING: &str = r#"
name = "p"
[[steps]]
name = "a"
run = "echo half > {out.x}; sleep 1000 & echo $! > $PIDS/child; echo $$ > $PIDS/a; test -e $PIDS/again || wait; echo whole > {out.x}"
outputs = ["x"]
warm = ["python3", "$PIDS/server.py"]
"#;

fn begun(words: &[&str]) -> (Sandbox, Running, Vec<u32>) {
    let sandbox = sandbox(WAITING, "pass");
    let run = sandbox.start(&[&["run", "p.toml", "--output", "json"], words].concat());
    let pids = ["server", "child", "a"].map(|name| pid(&sandbox, name)).to_vec();
    (sandbox, run, pids)
}

fn are_ended(pids: &[u32]) {
    for pid in pids {
        until("the process ends", || (!is_alive(*pid)).then_some(()));
    }
}

#[test]
fn a_stop_ends_the_step_with_all_that_it_has_started() {
    let (_sandbox, run, pids) = begun(&[]);
    kill_process(run.pid(), Signal::INT).unwrap();
    let said: Said = run.wait().ended(130);
    assert_eq!(statuses(&said.json()), [("a", "cancelled")]);
    assert!(pids.iter().all(|pid| !is_alive(*pid)));
}

#[test]
fn a_step_that_takes_too_long_ends_with_all_that_it_has_started() {
    let sandbox = sandbox(&format!("{WAITING}timeout = 3\n"), "pass");
    let run = sandbox.sundae(&["run", "p.toml", "--output", "json"]).ended(3).json();
    assert_eq!(statuses(&run), [("a", "failed")]);
    // What was killed may still be on its way out, and the server ends by itself.
    are_ended(&["server", "child", "a"].map(|name| pid(&sandbox, name)));
}

#[test]
fn nothing_outlives_a_killed_host() {
    let (_sandbox, run, pids) = begun(&[]);
    kill_process(run.pid(), Signal::KILL).unwrap();
    drop(run.wait());
    are_ended(&pids);
}

#[test]
fn a_step_whose_server_is_killed_begins_again() {
    let (sandbox, run, pids) = begun(&[]);
    fs::write(sandbox.outside("again"), "").unwrap();
    kill_process(Pid::from_raw(i32::try_from(pids[0]).unwrap()).unwrap(), Signal::KILL).unwrap();
    let run = run.wait().ended(0).json();
    assert_eq!(statuses(&run), [("a", "completed")]);
    assert_eq!(output(&sandbox, "a.x"), "whole\n");
    assert!(pids.iter().all(|pid| !is_alive(*pid)), "what was begun lives on");
    let told =
        "sundae: the warm server ended meanwhile; it begins again, in a process of its own\n";
    assert_eq!(log(&sandbox, "a"), told);
}

#[test]
fn the_key_takes_a_list_of_words() {
    let sandbox = Sandbox::new();
    let pipeline = "name = \"p\"\n[[steps]]\nname = \"a\"\nrun = \"true\"\nwarm = \"python3\"\n";
    sandbox.write("p.toml", pipeline);
    sandbox
        .sundae(&["run", "p.toml"])
        .ended(1)
        .telling("`warm` of step `a` must be a list: a program and its arguments");
}

/// The SDK of this checkout.
fn python(sandbox: &Sandbox, script: &str) -> Command {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/python/src");
    let mut python = Command::new("python3");
    python.arg(script).current_dir(sandbox.work()).env("PYTHONPATH", sdk);
    python.env("SUNDAE_HOME", sandbox.home()).env("SUNDAE_BIN", sandbox.program());
    python
}

const SCRIPT: &str = r#"
import os
from sundae import pipeline, step

@step
def parents() -> list[int]:
    print("as usual")
    return [os.getpid(), os.getppid()]

@step
def others(before: list[int]) -> list[int]:
    return [*before, os.getpid(), os.getppid()]

@pipeline
def p():
    others(parents())

if __name__ == "__main__":
    p.with_options(ISOLATION)()
"#;

/// The processes of the two steps, and their parents.
fn processes(isolation: &str) -> Vec<u64> {
    let sandbox = Sandbox::new();
    sandbox.write("run.py", &SCRIPT.replace("ISOLATION", isolation));
    said(python(&sandbox, "run.py").output().unwrap()).ended(0);
    let run: Value =
        sandbox.sundae(&["runs", "describe", "p-1", "--output", "json"]).ended(0).json();
    assert_eq!(step(&run, "others")["status"], "completed");
    assert_eq!(log(&sandbox, "parents"), "as usual\n");
    serde_json::from_str(&output(&sandbox, "others.output")).unwrap()
}

#[test]
fn python_steps_are_copies_of_one_server() {
    let [first, server, second, same] = processes("")[..] else { panic!() };
    assert_eq!(server, same);
    assert_ne!(first, second);
    assert!(![first, second].contains(&server));
}

#[test]
fn python_steps_can_have_interpreters_of_their_own() {
    let [first, host, second, same] = processes("isolation='process'")[..] else { panic!() };
    assert_eq!(host, same);
    assert_ne!(first, second);
}

#[test]
fn python_steps_can_share_one_interpreter() {
    let [first, host, second, same] = processes("isolation='none'")[..] else { panic!() };
    assert_eq!((first, host), (second, same));
}
