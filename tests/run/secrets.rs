//! Secrets: whatever a step does with what it was told in confidence, nothing of it is kept, and nobody else sees it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::{Signal, kill_process};
use serde_json::json;

use super::sandbox::{Running, Said, Sandbox, said, step, until};

/// Long enough that `base64` breaks it, and with characters that every encoding writes in another way.
const VALUE: &str = "pa's \"s/w\\örd+0123456789-0123456789-0123456789-0123456789-0123456789-end";

/// What must not be found: the pieces of the value that no two forms of it share.
const PIECES: [&str; 4] = [
    "0123456789-0123456789",
    // The same in base64, at each of the three places at which it can stand.
    "MDEyMzQ1Njc4OS0wMTIzNDU2Nzg5",
    "AxMjM0NTY3ODktMDEyMzQ1Njc4O",
    "wMTIzNDU2Nzg5LTAxMjM0NTY3OD",
];

/// Shows its secret in every way, and says it in every message.
const SHOW: &str = r#"
import base64, json, os, sys, time, urllib.parse
value = os.environ["TOKEN"].removeprefix("Bearer ")
spoken = [value, repr(value), json.dumps(value), urllib.parse.quote(value), urllib.parse.quote_plus(value)]
spoken += [base64.b64encode((before + value).encode()).decode() for before in ("", "u", "us", "user:")]
spoken += [base64.encodebytes(value.encode()).decode(), value.encode().hex()]
for text in spoken:
    print(text, flush=True)
for character in value:
    print(character, end="", flush=True)
print("\nshown", file=sys.stderr, flush=True)
with open(os.environ["SUNDAE_MESSAGES"], "a") as messages:
    for message in (
        {"note": value}, {"metric": value, "value": 1}, {"progress": 0.5, "label": value},
        {"output": "x", "metadata": {value: [value]}}, {"output": value, "metadata": {}}, value,
    ):
        print(json.dumps(message), file=messages)
"#;

fn set(sandbox: &Sandbox, name: &str, value: &str) -> Said {
    let mut command = sandbox.command(&["secret", "set", name]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    said(child.wait_with_output().unwrap())
}

/// With the secret `token`, and a pipeline whose step shows it and does this then.
fn sandbox(then: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    set(&sandbox, "token", VALUE).ended(0);
    sandbox.write("show.py", SHOW);
    let pipeline = format!(
        r#"
name = "p"
[[steps]]
name = "s"
run = '''python3 show.py; touch {{out.x}}; {then}'''
outputs = ["x"]
env = {{ TOKEN = "Bearer {{secret.token}}" }}
"#
    );
    sandbox.write("p.toml", &pipeline);
    sandbox
}

/// The files below a folder, also those that a process has already removed again, in which there is a piece of the value.
fn showing(folder: &Path) -> Vec<String> {
    let mut showing = Vec::new();
    for entry in walkdir::WalkDir::new(folder) {
        let Ok(entry) = entry else { continue };
        let Ok(bytes) = fs::read(entry.path()) else { continue };
        showing
            .extend(pieces_in(&bytes).map(|piece| format!("{piece}: {}", entry.path().display())));
    }
    showing
}

fn pieces_in(bytes: &[u8]) -> impl Iterator<Item = &'static str> {
    let holds = |piece: &&str| bytes.windows(piece.len()).any(|window| window == piece.as_bytes());
    PIECES.into_iter().filter(holds)
}

#[track_caller]
fn nothing_shows(said: &Said) {
    for text in [&said.out, &said.err] {
        assert_eq!(pieces_in(text.as_bytes()).next(), None, "{said:?}");
    }
}

#[test]
fn what_a_step_shows_is_nowhere_afterwards() {
    let sandbox = sandbox("exit 7");
    let run = sandbox.sundae(&["run", "p.toml"]).ended(3);
    nothing_shows(&run);
    assert!(run.err.contains("***"), "{run:?}");
    let logs = sandbox.sundae(&["runs", "logs", "p-1", "s"]).ended(0);
    nothing_shows(&logs);
    assert!(logs.out.contains("\nshown\n"), "{logs:?}");
    let described = sandbox.sundae(&["runs", "describe", "--output", "json"]).ended(0);
    nothing_shows(&described);
    let described = described.json();
    assert_eq!(step(&described, "s")["notes"], json!(["***"]));
    assert_eq!(step(&described, "s")["metrics"], json!({"***": 1.0}));
    // And where a step completes, and its outcome is kept for later runs.
    let text = sandbox.read("p.toml").replace("exit 7", "true");
    sandbox.write("p.toml", &text);
    for _ in 0..2 {
        nothing_shows(
            &sandbox.sundae(&["run", "p.toml", "--explain", "--output", "json"]).ended(0),
        );
    }
    assert_eq!(showing(sandbox.home()), [""; 0]);
}

#[test]
fn another_value_is_no_reason_to_run_again() {
    let sandbox = sandbox("true");
    sandbox.run(&["p.toml"]);
    set(&sandbox, "token", "quite-another-value").ended(0);
    let run = sandbox.run(&["p.toml"]);
    assert_eq!(step(&run, "s")["status"], "cached");
}

#[test]
fn while_it_runs_it_is_not_on_disk_and_whoever_looks_on_sees_nothing() {
    let sandbox = sandbox("until test -e gate; do sleep 0.01; done");
    let run = sandbox.start(&["run", "p.toml"]);
    until("the step has shown it", || {
        let said = sandbox.sundae(&["runs", "logs", "p-1", "s"]);
        nothing_shows(&said);
        said.out.contains("shown\n").then_some(())
    });
    // The messages are written by the step itself, and are gone when it has ended.
    let mut showing = showing(sandbox.home());
    showing.retain(|found| !found.ends_with("/messages.jsonl"));
    assert_eq!(showing, [""; 0]);
    let attached = sandbox.start(&["runs", "attach", "p-1"]);
    sandbox.write("gate", "");
    nothing_shows(&attached.wait().ended(0));
    nothing_shows(&run.wait().ended(0));
    assert_eq!(self::showing(sandbox.home()), [""; 0]);
}

#[test]
fn a_host_that_is_killed_leaves_nothing_of_it_either() {
    let sandbox = sandbox("sleep 1000");
    let run = sandbox.start(&["run", "p.toml"]);
    until("the step has shown it", || {
        sandbox.sundae(&["runs", "logs", "p-1", "s"]).out.contains("shown\n").then_some(())
    });
    kill_process(run.pid(), Signal::KILL).unwrap();
    run.wait();
    // What the killed run has left is swept by the next one, when all has ended that it had started.
    let text = sandbox.read("p.toml").replace("sleep 1000", "true");
    sandbox.write("p.toml", &text);
    until("nothing shows", || {
        sandbox.run(&["p.toml", "--no-cache"]);
        showing(sandbox.home()).is_empty().then_some(())
    });
}

#[test]
fn what_outlives_the_command_does_not_hold_up_its_step() {
    let sandbox = Sandbox::new();
    set(&sandbox, "token", VALUE).ended(0);
    let pipeline = r#"
name = "p"
[[steps]]
name = "s"
run = "setsid sh -c 'echo $$ > pid; exec sleep 1000' & until test -s pid; do sleep 0.01; done; echo done"
env = { TOKEN = "{secret.token}" }
[[steps]]
name = "after"
run = "kill $(cat pid) && echo it is still there"
after = ["s"]
"#;
    sandbox.write("p.toml", pipeline);
    sandbox.run(&["p.toml"]);
    let said = sandbox.sundae(&["runs", "logs", "p-1"]).ended(0);
    assert!(said.out.contains("done\n") && said.out.contains("it is still there\n"), "{said:?}");
    assert_eq!(showing(sandbox.home()), [""; 0]);
}

#[test]
fn a_step_does_not_get_the_key_nor_the_secrets_of_others() {
    let sandbox = Sandbox::new();
    let key = "5e".repeat(32);
    let with_key = |words: &[&str]| {
        let mut command = sandbox.command(words);
        command.env("SUNDAE_SECRET_KEY", &key).env("VALUE", VALUE);
        said(command.output().unwrap())
    };
    with_key(&["secret", "set", "token", "--from-env", "VALUE"]).ended(0);
    assert!(!sandbox.home().join("secret.key").exists());
    let pipeline = r#"
name = "p"
[hooks]
run-ended = "env > hook"
[[steps]]
name = "has"
run = "test -n \"$TOKEN\"; env | grep -v ^VALUE= > has"
env = { TOKEN = "{secret.token}" }
[[steps]]
name = "other"
run = "env | grep -v ^VALUE= > other"
"#;
    sandbox.write("p.toml", pipeline);
    with_key(&["run", "p.toml"]).ended(0);
    for told in ["has", "other", "hook"] {
        let environment = sandbox.read(told);
        assert!(environment.contains("PATH="), "{environment}");
        assert!(!environment.contains(&key), "{told} has the key");
    }
    assert!(sandbox.read("has").contains(VALUE));
    assert!(!sandbox.read("other").contains(VALUE));
}

#[test]
fn processes_that_set_the_first_secret_at_once_make_one_key() {
    let sandbox = Sandbox::new();
    // So that none of them waits for the database to be made.
    sandbox.sundae(&["stack", "list"]).ended(0);
    let names = ["a", "b", "c", "d", "e", "f"];
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            let mut command = sandbox.command(&["secret", "set", name, "--from-env", "VALUE"]);
            command.env("VALUE", format!("value-of-{name}"));
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            Running::of(command.spawn().unwrap())
        })
        .collect();
    for set in running {
        set.wait().ended(0);
    }
    let mode = fs::metadata(sandbox.home().join("secret.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let variables: Vec<_> =
        names.iter().map(|name| format!("{name} = \"{{secret.{name}}}\"")).collect();
    let pipeline = format!(
        "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"echo $a $b $c $d $e $f > told\"\nenv = {{ {} }}\n",
        variables.join(", ")
    );
    sandbox.write("p.toml", &pipeline);
    sandbox.run(&["p.toml"]);
    assert_eq!(
        sandbox.read("told"),
        "value-of-a value-of-b value-of-c value-of-d value-of-e value-of-f\n"
    );
}

#[test]
fn a_second_key_is_not_begun_beside_the_first() {
    let sandbox = Sandbox::new();
    set(&sandbox, "a", "value of a").ended(0);
    let key = sandbox.home().join("secret.key");
    fs::rename(&key, sandbox.outside("key")).unwrap();
    set(&sandbox, "b", "value of b").ended(1).telling("secret.key does not exist");
    fs::write(&key, "0".repeat(64)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    set(&sandbox, "b", "value of b").ended(1).telling("sealed with another key");
    // The last one that the lost key had sealed may be set anew.
    set(&sandbox, "a", "value of a").ended(0);
    set(&sandbox, "b", "value of b").ended(0);
}

#[test]
fn only_steps_that_may_run_need_their_secrets() {
    let sandbox = Sandbox::new();
    let pipeline = r#"
name = "p"
[[steps]]
name = "load"
run = "echo 1 > {out.x}"
outputs = ["x"]
env = { TOKEN = "{secret.token}" }
[[steps]]
name = "use"
run = "cat {in.x}"
inputs = { x = "load.x" }
"#;
    sandbox.write("p.toml", pipeline);
    let refused = sandbox.sundae(&["run", "p.toml"]).ended(1);
    refused.telling("step `load` needs the secret `token`, which is not set");
    set(&sandbox, "token", VALUE).ended(0);
    sandbox.run(&["p.toml"]);
    sandbox.sundae(&["secret", "delete", "token"]).ended(0);
    sandbox.run(&["p.toml", "--only", "use"]);
}

#[test]
fn a_value_that_cannot_be_kept_out_of_logs_or_handed_over_is_refused() {
    let sandbox = Sandbox::new();
    set(&sandbox, "a", "abc\n").ended(1).telling("shorter than 4 bytes");
    set(&sandbox, "a", "   a   ").ended(1).telling("shorter than 4 bytes");
    set(&sandbox, "a", &"long ".repeat(14_000)).ended(1).telling("longer than 64 KiB");
    set(&sandbox, "a", "with\0null").ended(1).telling("NUL character");
    assert!(!sandbox.home().join("secret.key").exists());
}
