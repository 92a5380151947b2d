//! A command that is killed at any moment.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::Sundae;

/// The moments are spread over what a command takes.
#[test]
fn nothing_that_was_reported_as_done_is_lost() {
    let sundae = Sundae::new();
    let started = Instant::now();
    sundae.said("artifact-store register first --flavor=local");
    let whole = started.elapsed();
    let mut reported = vec!["default".to_owned(), "first".to_owned()];
    for number in 0..30 {
        let name = format!("s{number:02}");
        let mut child = sundae
            .command(&format!("artifact-store register {name} --flavor=local"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = whole.mul_f64(f64::from(number) / 20.0);
        wait_at_most(&mut child, moment);
        child.kill().ok();
        if child.wait().unwrap().success() {
            reported.push(name);
        }
    }
    let stores = sundae.stores();
    for name in &reported {
        assert!(
            stores.contains(name),
            "`{name}` was reported as registered, and there are {stores:?}"
        );
    }
    let connection = rusqlite::Connection::open(sundae.home().join("sundae.db")).unwrap();
    let verdict: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}

/// Waits for the end of a child, until the moment has come to kill it.
fn wait_at_most(child: &mut std::process::Child, moment: Duration) {
    let deadline = Instant::now() + moment;
    while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
}
