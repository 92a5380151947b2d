//! The servers that tests run against.

#[path = "../../../../tests/backends/mod.rs"]
pub(crate) mod backends;

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
    let text = backends::variable(variable, "server", script)?;
    Some(serde_json::from_str(&text).expect("the variable holds a configuration as JSON"))
}

/// A name that no other test has, now or before.
pub(crate) fn name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_nanos();
    format!("test-{now:x}-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}
