//! Runs that go on by themselves, and those who look at them from elsewhere.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, getsid, kill_process, kill_process_group};
use serde_json::{Value, json};

use super::sandbox::{Running, Sandbox, is_alive, until};

/// Two steps side by side, each of which writes, waits for a gate, and writes again; and one behind them.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let pipeline = r#"
name = "p"
[[steps]]
name = "a"
run = """
echo $PPID > $AT/host; echo a begins; printf 'a goes '
echo '{{\"progress\":0.5,\"label\":\"half\"}}' >> $SUNDAE_MESSAGES
until test -e $AT/gate; do sleep 0.01; done
echo on; echo '{{\"metric\":\"loss\",\"value\":0.5}}' >> $SUNDAE_MESSAGES
"""
[[steps]]
name = "b"
run = "echo b begins; until test -e $AT/gate; do sleep 0.01; done; test ! -e $AT/fault"
[[steps]]
name = "last"
run = "echo last"
after = ["a", "b"]
"#;
    let at = sandbox.outside("").display().to_string();
    sandbox.write("p.toml", &pipeline.replace("$AT", at.trim_end_matches('/')));
    sandbox
}

fn touch(sandbox: &Sandbox, name: &str) {
    fs::write(sandbox.outside(name), "").unwrap();
}

/// A detached run whose steps are under way, and its process.
fn detached(sandbox: &Sandbox) -> u32 {
    let said = sandbox.sundae(&["run", "p.toml", "--detach"]).ended(0);
    assert_eq!(said.out, "p-1\n");
    said.telling("Run `p-1` goes on by itself").telling("`sundae runs cancel p-1`");
    until("its steps run", || {
        let run = sandbox.sundae(&["runs", "list", "--output", "json"]).ended(0).json();
        (run[0]["steps"]["running"] == 2).then_some(())
    });
    until("its first step says who runs it", || {
        fs::read_to_string(sandbox.outside("host")).ok()?.trim().parse().ok()
    })
}

fn status(sandbox: &Sandbox) -> Value {
    sandbox.sundae(&["runs", "describe", "--output", "json"]).ended(0).json()["status"].clone()
}

fn has_ended(sandbox: &Sandbox) {
    until("the run ends", || (status(sandbox) != "running").then_some(()));
}

#[test]
fn a_detached_run_has_a_session_of_its_own_and_goes_on() {
    let sandbox = sandbox();
    let host = detached(&sandbox);
    let pid = Pid::from_raw(i32::try_from(host).unwrap()).unwrap();
    assert_eq!(getsid(Some(pid)).unwrap(), pid);
    touch(&sandbox, "gate");
    has_ended(&sandbox);
    assert_eq!(status(&sandbox), "completed");
    until("its process ends", || (!is_alive(host)).then_some(()));
    let narration = fs::read_dir(sandbox.home().join("narration")).unwrap().next().unwrap();
    let said = fs::read_to_string(narration.unwrap().path()).unwrap();
    assert!(said.contains("last: completed in") && said.contains("Run `p-1` completed"), "{said}");
}

#[test]
fn a_run_can_go_on_by_itself_too() {
    let sandbox = sandbox();
    detached(&sandbox);
    let refused = sandbox.sundae(&["runs", "resume", "--detach"]).ended(1);
    refused.telling("run `p-1` is under way");
    sandbox.sundae(&["runs", "cancel"]).ended(0);
    let said = sandbox.sundae(&["runs", "resume", "--detach"]).ended(0);
    assert_eq!(said.telling("Run `p-1` goes on by itself").out, "p-1\n");
    touch(&sandbox, "gate");
    sandbox.sundae(&["runs", "attach", "p-1"]).ended(0).telling("3 completed");
    // Both processes have said what they had to say.
    let narration = fs::read_dir(sandbox.home().join("narration")).unwrap().next().unwrap();
    let said = fs::read_to_string(narration.unwrap().path()).unwrap();
    assert!(said.contains("was cancelled") && said.contains("Going on with run `p-1`"), "{said}");
}

#[test]
fn as_json_it_is_described() {
    let sandbox = sandbox();
    touch(&sandbox, "gate");
    let run = sandbox.sundae(&["run", "p.toml", "--detach", "--output", "json"]).ended(0).json();
    assert_eq!((&run["name"], run["id"].as_str().unwrap().len()), (&json!("p-1"), 36));
    has_ended(&sandbox);
}

#[test]
fn a_run_that_cannot_begin_says_why_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", "name = \"p\"\n[[steps]]\nname = \"s\"\nrn = \"x\"\n");
    sandbox.sundae(&["run", "p.toml", "--detach"]).ended(1).telling("did you mean `run`?");
    sandbox.sundae(&["run", "p.toml", "--detach", "--stack", "prod"]).ended(1);
    sandbox.write("p.toml", "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"true\"\n");
    let words = ["run", "p.toml", "--detach", "--stack", "prod"];
    let said = sandbox.sundae(&words).ended(1).telling("there is no stack `prod`");
    assert_eq!(said.out, "");
    assert_eq!(fs::read_dir(sandbox.home().join("narration")).unwrap().count(), 0);
}

#[test]
fn attaching_shows_it_from_its_beginning_to_its_end() {
    let sandbox = sandbox();
    detached(&sandbox);
    let attached = sandbox.start(&["runs", "attach", "p-1", "--output", "json"]);
    touch(&sandbox, "gate");
    let said = attached.wait().ended(0);
    let said = said.telling("a: started").telling("b: started").telling("last: completed in");
    let said = said.telling("Run `p-1` completed in").telling("a.loss  0.5");
    assert_eq!(said.json()["status"], "completed");
    // Afterwards, too: in the order in which it happened.
    let again = sandbox.sundae(&["runs", "attach"]).ended(0);
    let lines: Vec<_> =
        again.err.lines().map(|line| line.split(" in ").next().unwrap_or_default()).collect();
    assert_eq!(lines.len(), 8, "{again:?}");
    assert_eq!(lines[4..7], ["last: started", "last: completed", "Run `p-1` completed"]);
}

#[test]
fn attaching_to_a_run_that_fails_ends_as_the_run_does() {
    let sandbox = sandbox();
    touch(&sandbox, "fault");
    detached(&sandbox);
    let attached = sandbox.start(&["runs", "attach", "p-1"]);
    touch(&sandbox, "gate");
    attached
        .wait()
        .ended(3)
        .telling("b: failed after")
        .telling("│ b begins")
        .telling("last: skipped, because `b` failed")
        .telling("1 completed, 1 failed, 1 skipped");
    sandbox.sundae(&["runs", "attach"]).ended(3).telling("b: failed after");
}

#[test]
fn attaching_to_a_run_whose_process_is_killed_says_so() {
    let sandbox = sandbox();
    let host = detached(&sandbox);
    let attached = sandbox.start(&["runs", "attach", "p-1"]);
    kill_process(Pid::from_raw(i32::try_from(host).unwrap()).unwrap(), Signal::KILL).unwrap();
    attached
        .wait()
        .ended(1)
        .telling("the process that ran `p-1` is gone")
        .telling("`sundae runs resume p-1`");
}

#[test]
fn ctrl_c_ends_the_showing_and_not_the_run() {
    let sandbox = sandbox();
    detached(&sandbox);
    let mut command = sandbox.command(&["runs", "attach", "p-1"]);
    let err = sandbox.outside("err");
    command.stderr(fs::File::create(&err).unwrap()).stdout(Stdio::null());
    let mut attached = command.spawn().unwrap();
    until("it shows", || fs::read_to_string(&err).unwrap().contains("b: started").then_some(()));
    kill_process_group(Pid::from_child(&attached), Signal::INT).unwrap();
    assert_eq!(attached.wait().unwrap().code(), Some(130));
    let said = fs::read_to_string(&err).unwrap();
    assert!(
        said.contains("Run `p-1` goes on.") && said.contains("`sundae runs cancel p-1`"),
        "{said}"
    );
    assert_eq!(status(&sandbox), "running");
    sandbox.sundae(&["runs", "cancel", "p-1"]).ended(0).telling("Run `p-1` was cancelled.");
}

/// What a command has written so far, to a file.
fn start_into(sandbox: &Sandbox, words: &[&str], name: &str) -> Running {
    let mut command = sandbox.command(words);
    command.stdout(fs::File::create(sandbox.outside(name)).unwrap()).stderr(Stdio::piped());
    Running::of(command.spawn().unwrap())
}

fn wrote(sandbox: &Sandbox, name: &str, text: &str) {
    until(&format!("it writes {text:?}"), || {
        fs::read_to_string(sandbox.outside(name)).unwrap().contains(text).then_some(())
    });
}

#[test]
fn logs_are_followed_while_they_are_written() {
    let sandbox = sandbox();
    detached(&sandbox);
    let one = start_into(&sandbox, &["runs", "logs", "-f", "p-1", "a"], "one");
    let all = start_into(&sandbox, &["runs", "logs", "--follow"], "all");
    let lines = start_into(&sandbox, &["runs", "logs", "--follow", "--output", "json"], "lines");
    // As it is written; of several, whole lines only.
    wrote(&sandbox, "one", "a begins\na goes ");
    wrote(&sandbox, "all", "a | a begins\n");
    wrote(&sandbox, "all", "b | b begins\n");
    assert!(!fs::read_to_string(sandbox.outside("all")).unwrap().contains("goes"));
    touch(&sandbox, "gate");
    for follower in [one, all, lines] {
        follower.wait().ended(0);
    }
    let read = |name: &str| fs::read_to_string(sandbox.outside(name)).unwrap();
    assert_eq!(read("one"), "a begins\na goes on\n");
    let mut all: Vec<_> = read("all").lines().map(str::to_owned).collect();
    assert_eq!(all.pop().unwrap(), "last | last");
    all.sort();
    assert_eq!(all, ["a | a begins", "a | a goes on", "b | b begins"]);
    assert_eq!(read("lines").lines().count(), 4);
    let last: Value = serde_json::from_str(read("lines").lines().last().unwrap()).unwrap();
    assert_eq!(last, json!({ "step": "last", "line": "last" }));
    // Of a run that has ended, it is all there.
    let said = sandbox.sundae(&["runs", "logs", "-f", "p-1", "a"]).ended(0);
    assert_eq!(said.out, "a begins\na goes on\n");
    sandbox.sundae(&["runs", "logs", "-f", "p-1", "c"]).ended(1).telling("has no step `c`");
}

#[test]
fn logs_of_attempts_that_follow_each_other_are_followed() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.toml",
        "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"echo attempt $SUNDAE_ATTEMPT; test $SUNDAE_ATTEMPT = 3\"\nretry = { attempts = 3, delay = 0 }\n",
    );
    let run = sandbox.sundae(&["run", "p.toml", "--detach"]).ended(0);
    let said = sandbox.sundae(&["runs", "logs", "-f", run.out.trim()]).ended(0);
    assert_eq!(said.out, "s | attempt 1\ns | attempt 2\ns | attempt 3\n");
    let said = sandbox.sundae(&["runs", "attach"]).ended(0);
    said.telling("attempt 2 did not do it: exit code 1; it is tried again").telling("s: completed");
}

#[test]
fn what_is_under_way_is_watched() {
    let sandbox = sandbox();
    sandbox.sundae(&["runs", "watch", "--until-done"]).ended(0);
    detached(&sandbox);
    let plain = start_into(&sandbox, &["runs", "watch", "--until-done"], "plain");
    let lines =
        start_into(&sandbox, &["runs", "watch", "--until-done", "--output", "json"], "json");
    wrote(&sandbox, "plain", "p-1: running (2 running, 1 waiting)\n");
    wrote(&sandbox, "json", "\"running\":2");
    touch(&sandbox, "gate");
    plain.wait().ended(0);
    lines.wait().ended(0);
    let read = |name: &str| fs::read_to_string(sandbox.outside(name)).unwrap();
    assert_eq!(read("plain").lines().last(), Some("p-1: completed (3 completed)"));
    let last: Value = serde_json::from_str(read("json").lines().last().unwrap()).unwrap();
    assert_eq!((&last["name"], &last["status"]), (&json!("p-1"), &json!("completed")));
}
