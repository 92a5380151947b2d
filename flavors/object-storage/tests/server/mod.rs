//! The servers that tests run against.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use sundae_plugin_testkit::Value;

/// The configuration of a store on the server that a variable describes, at a place of its own that the field `place` names.
pub(crate) fn fresh(variable: &str, script: &str, place: &str) -> Option<Value> {
    let mut config = config(variable, script)?;
    let below = config[place].as_str().map_or(String::new(), |folder| format!("{folder}/"));
    config[place] = format!("{below}{}", name()).into();
    Some(config)
}

/// The configuration that a variable holds.
///
/// # Panics
/// If it holds none, and all servers are required.
pub(crate) fn config(variable: &str, script: &str) -> Option<Value> {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if let Ok(text) = std::env::var(variable) {
        return Some(
            serde_json::from_str(&text).expect("the variable holds a configuration as JSON"),
        );
    }
    let sentence = format!(
        "NOT TESTED: there is no server; say eval \"$(tests/backends/{script} start)\", which sets {variable}"
    );
    let is_required = std::env::var("SUNDAE_TEST_BACKENDS").is_ok_and(|value| value == "required");
    assert!(!is_required, "{sentence}");
    if TOLD.lock().expect("no test fails while it tells").insert(variable.to_owned()) {
        tell(&sentence);
    }
    None
}

/// Says something past the test harness, which would keep it to itself.
pub(crate) fn tell(sentence: &str) {
    writeln!(std::io::stderr(), "{sentence}").expect("there is somebody to tell");
}

/// A name that no other test has, now or before.
pub(crate) fn name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_nanos();
    format!("test-{now:x}-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}
