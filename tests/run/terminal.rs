//! A run that a person watches at a terminal.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::sandbox::{PATIENCE, Sandbox};

/// What a command writes to a terminal of 60 columns as its stdout and stderr.
fn watched(sandbox: &Sandbox, words: &[&str]) -> (Option<i32>, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = Winsize { ws_row: 20, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&master, size).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let open = || rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut command = sandbox.command(words);
    command.stdout(Stdio::from(open())).stderr(Stdio::from(open())).env("TERM", "xterm");
    let mut child = command.spawn().unwrap();
    // Ours of the other end must be closed, or reading never ends.
    drop(command);
    let pid = Pid::from_child(&child);
    let (ended, end) = channel::<()>();
    let patience = thread::spawn(move || {
        if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            kill_process(pid, Signal::KILL).unwrap();
        }
    });
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    let mut master = File::from(master);
    // The end of the other side is an error here.
    while let Ok(length @ 1..) = master.read(&mut chunk) {
        seen.extend_from_slice(&chunk[..length]);
    }
    let code = child.wait().unwrap().code();
    drop(ended);
    patience.join().unwrap();
    (code, String::from_utf8(seen).unwrap())
}

const PIPELINE: &str = r#"
name = "p"
[[steps]]
name = "fit"
run = """
echo '{{\"progress\":0.5,\"label\":\"epoch 3\"}}' >> $SUNDAE_MESSAGES
sleep 0.8
"""
[[steps]]
name = "bad"
run = "echo oh; exit 1"
"#;

#[test]
fn what_is_under_way_is_shown_below_and_goes_away_at_the_end() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    let (code, seen) = watched(&sandbox, &["run", "p.toml"]);
    assert_eq!(code, Some(3));
    assert!(seen.contains("50 %") && seen.contains("epoch 3"), "{seen:?}");
    assert!(seen.contains("/2 steps, 1 failed, 1 running"), "{seen:?}");
    assert!(!seen.contains("\x1b[?1049"), "the alternate screen is not used: {seen:?}");
    let screen = screen(&seen);
    let lines: Vec<_> = screen.iter().map(|line| line.split(" after").next().unwrap()).collect();
    assert_eq!(
        lines[2..5],
        ["✖ bad: failed", "  │ oh", "  the whole log: sundae runs logs p-1 bad"]
    );
    assert!(lines[5].starts_with("✔ fit: completed in "), "{screen:#?}");
    assert_eq!(lines[6], "Run `p-1` failed");
    assert_eq!(lines.len(), 9, "nothing is left of the live lines: {screen:#?}");
}

#[test]
fn a_run_that_is_over_at_once_ends_at_once() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"true\"\n");
    sandbox.run(&["p.toml"]);
    for _ in 0..40 {
        let (code, seen) = watched(&sandbox, &["run", "p.toml"]);
        assert_eq!(code, Some(0));
        let screen = screen(&seen);
        assert_eq!(screen[2], "✔ s: cached, from p-1");
        assert!(screen[3].starts_with("Run `p-") && screen.len() == 4, "{screen:#?}");
    }
}

#[test]
fn a_person_is_not_shown_what_is_no_text() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"head -c 99 /dev/zero > {out.z}; echo hi > {out.t}\"\noutputs = [\"z\", \"t\"]\n");
    sandbox.run(&["p.toml"]);
    let (code, seen) = watched(&sandbox, &["artifact", "get", "s.z"]);
    assert_eq!(code, Some(1));
    assert!(seen.contains("is not text, and stdout is a terminal"), "{seen:?}");
    assert_eq!(watched(&sandbox, &["artifact", "get", "s.t"]), (Some(0), "hi\r\n".to_owned()));
}

#[test]
fn a_run_that_was_started_elsewhere_is_shown_in_the_same_way() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    sandbox.sundae(&["run", "p.toml", "--detach"]).ended(0);
    let (code, seen) = watched(&sandbox, &["runs", "attach"]);
    assert_eq!(code, Some(3));
    assert!(seen.contains("50 %") && seen.contains("epoch 3"), "{seen:?}");
    assert!(seen.contains("/2 steps, 1 failed, 1 running"), "{seen:?}");
    let screen = screen(&seen);
    assert!(screen[0].starts_with("✖ bad: failed after "), "{screen:#?}");
    assert!(screen[3].starts_with("✔ fit: completed in "), "{screen:#?}");
    assert!(screen[4].starts_with("Run `p-1` failed after "), "{screen:#?}");
}

#[test]
fn what_a_step_calls_its_progress_does_not_show_its_secrets() {
    let sandbox = Sandbox::new();
    let mut set = sandbox.command(&["secret", "set", "token", "--from-env", "VALUE"]);
    assert!(set.env("VALUE", "xyzzy").status().unwrap().success());
    let secretive = PIPELINE.replace("epoch 3", "at $TOKEN").replace("echo '{", "echo \"{");
    let secretive = secretive.replace("}' >>", "}\" >>").replace("\\\"", "\\\\\\\"");
    let env = "[[steps]]\nenv = { TOKEN = \"{secret.token}\" }";
    sandbox.write("p.toml", &secretive.replace("[[steps]]", env));
    let (_, seen) = watched(&sandbox, &["run", "p.toml"]);
    assert!(
        seen.contains("50 %") && seen.contains("at ***") && !seen.contains("xyzzy"),
        "{seen:?}"
    );
    sandbox.sundae(&["run", "p.toml", "--detach", "--no-cache"]).ended(0);
    let (_, seen) = watched(&sandbox, &["runs", "attach"]);
    assert!(seen.contains("50 %") && !seen.contains("xyzzy"), "{seen:?}");
}

#[test]
fn a_list_changes_with_the_runs() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", "name = \"p\"\n[[steps]]\nname = \"s\"\nrun = \"sleep 0.5\"\n");
    sandbox.sundae(&["run", "p.toml", "--detach"]).ended(0);
    let (code, seen) = watched(&sandbox, &["runs", "watch", "--until-done"]);
    assert_eq!(code, Some(0));
    assert!(seen.contains("running"), "{seen:?}");
    let screen = screen(&seen);
    assert!(screen[1].contains("RUN") && screen[3].contains("p-1"), "{screen:#?}");
    assert!(screen[3].contains("completed") && !screen[3].contains("running"), "{screen:#?}");
    // At 60 columns the time takes two lines.
    assert_eq!(screen.len(), 6, "one list, in one place: {screen:#?}");
}

/// The lines that a terminal shows after all this, for the few controls that we use.
fn screen(seen: &str) -> Vec<String> {
    const COLUMNS: usize = 60;
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut chars = seen.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                lines.resize(lines.len().max(row + 1), Vec::new());
            }
            '\x1b' => {
                assert_eq!(chars.next(), Some('['));
                let mut number = String::new();
                while let Some(digit) = chars.next_if(|c| c.is_ascii_digit() || *c == ';') {
                    number.push(digit);
                }
                match chars.next().unwrap() {
                    'A' => row -= number.parse::<usize>().unwrap(),
                    'K' => lines[row].truncate(column),
                    'J' => {
                        lines[row].truncate(column);
                        lines.truncate(row + 1);
                    }
                    'm' => {}
                    other => panic!("an unexpected control: {other:?} in {seen:?}"),
                }
            }
            c => {
                if column == COLUMNS {
                    (row, column) = (row + 1, 0);
                    lines.resize(lines.len().max(row + 1), Vec::new());
                }
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
    }
    let texts = lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned());
    texts.filter(|line| !line.is_empty()).collect()
}
