//! The shape of what is said about time, failure and resources, of a pipeline and of a step.

use std::fmt::Display;
use std::time::Duration;

use serde_json::Value;

use super::reader::{Reader, find};
use crate::nearest::suggestion;
use crate::pipeline::document::{Data, Entry, Node};
use crate::pipeline::error::{Complaint, quoted};
use crate::pipeline::policy::{FailurePolicy, Hooks, Resources, Retry, Trigger};
use crate::pipeline::quantity;

const RETRY_KEYS: [&str; 5] = ["attempts", "delay", "backoff", "max-delay", "exit-codes"];
const HOOKS: [&str; 3] = ["run-started", "step-failed", "run-ended"];

/// A duration that is not zero.
pub(super) fn timeout(reader: &mut Reader<'_, '_>, node: &Node, what: &str) -> Option<Duration> {
    let timeout = duration(reader, node, what)?;
    if timeout.is_zero() {
        reader.report(node.span, || {
            Complaint::new(format!("{what} is zero, so nothing could ever end in time"))
        });
    }
    Some(timeout)
}

fn duration(reader: &mut Reader<'_, '_>, node: &Node, what: &str) -> Option<Duration> {
    let found = match &node.data {
        Data::String(text) => quantity::duration(text),
        Data::Scalar(Value::Number(number)) => quantity::duration(&number.to_string()),
        _ => {
            reader.wrong_type(node, "a duration", || what.to_owned());
            return None;
        }
    };
    if found.is_none() {
        let written = reader.source().slice(node.span);
        reader.report(node.span, || {
            Complaint::new(format!("{what} is no duration: {}", quoted(written.trim_matches('"'))))
                .hint("write `\"90s\"`, `\"1m 30s\"`, `\"2h\"`, or a number of seconds".to_owned())
        });
    }
    found
}

pub(super) fn retry(reader: &mut Reader<'_, '_>, node: &Node, of: &dyn Display) -> Retry {
    let what = format!("`retry` of {of}");
    if matches!(node.data, Data::Scalar(_)) {
        return Retry { attempts: attempts(reader, node, &what), ..Retry::default() };
    }
    let table = reader.table(node, "a number of attempts or a table", || what.clone());
    reader.unknown_keys(table, &RETRY_KEYS, &what);
    let mut retry = Retry::default();
    match find(table, "attempts") {
        Some(node) => retry.attempts = attempts(reader, node, &format!("`attempts` in {what}")),
        None if matches!(node.data, Data::Table(_)) => reader.report(node.span, || {
            Complaint::new(format!("{what} has no `attempts`"))
                .hint("it is the number of attempts in all: `attempts = 3`".to_owned())
        }),
        None => {}
    }
    for (key, place) in [("delay", &mut retry.delay), ("max-delay", &mut retry.max_delay)] {
        if let Some(node) = find(table, key)
            && let Some(found) = duration(reader, node, &format!("`{key}` in {what}"))
        {
            *place = found;
        }
    }
    if let Some(node) = find(table, "backoff") {
        retry.backoff = backoff(reader, node, &what);
    }
    if let Some(node) = find(table, "exit-codes") {
        retry.exit_codes = exit_codes(reader, node, &what);
    }
    retry
}

fn attempts(reader: &mut Reader<'_, '_>, node: &Node, what: &str) -> u32 {
    let found = number(node).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    match found {
        Some(attempts) if attempts > 0 => attempts,
        _ => {
            reader.report(node.span, || {
                Complaint::new(format!(
                    "{what} must be a whole number of attempts in all, at least 1"
                ))
            });
            1
        }
    }
}

fn backoff(reader: &mut Reader<'_, '_>, node: &Node, what: &str) -> f64 {
    let found = number(node).and_then(Value::as_f64).filter(|factor| *factor >= 1.0);
    found.unwrap_or_else(|| {
        reader.report(node.span, || {
            Complaint::new(format!("`backoff` in {what} must be a number that is at least 1"))
        });
        1.0
    })
}

fn exit_codes(reader: &mut Reader<'_, '_>, node: &Node, what: &str) -> Vec<i32> {
    let Data::List(items) = &node.data else {
        reader.wrong_type(node, "a list of exit codes", || format!("`exit-codes` in {what}"));
        return Vec::new();
    };
    let mut codes = Vec::with_capacity(items.len());
    for item in items {
        let code = number(item).and_then(Value::as_i64).filter(|code| (1..=255).contains(code));
        match code.and_then(|code| i32::try_from(code).ok()) {
            Some(code) => codes.push(code),
            None => reader.report(item.span, || {
                Complaint::new(format!(
                    "each of the `exit-codes` in {what} must be a number from 1 to 255"
                ))
            }),
        }
    }
    codes
}

pub(super) fn resources(reader: &mut Reader<'_, '_>, node: &Node, of: &dyn Display) -> Resources {
    let what = format!("`resources` of {of}");
    let mut resources = Resources::new();
    for Entry { key, value } in reader.table(node, "a table of names and amounts", || what.clone())
    {
        reader.name(&key.value, key.span, "resource");
        let amount = match &value.data {
            Data::String(text) => quantity::bytes(text).map(as_f64),
            _ => number(value).and_then(Value::as_f64).filter(|amount| *amount >= 0.0),
        };
        match amount {
            Some(amount) => {
                resources.insert(key.value.clone(), amount);
            }
            None => reader.report(value.span, || {
                Complaint::new(format!("{} in {what} is no amount", quoted(&key.value)))
                    .hint("write a number, or a size such as `\"4GiB\"`".to_owned())
            }),
        }
    }
    resources
}

#[expect(clippy::cast_precision_loss, reason = "nobody has so many bytes that it matters")]
fn as_f64(bytes: u64) -> f64 {
    bytes as f64
}

fn number(node: &Node) -> Option<&Value> {
    match &node.data {
        Data::Scalar(value) if value.is_number() => Some(value),
        _ => None,
    }
}

pub(super) fn trigger(reader: &mut Reader<'_, '_>, node: &Node, of: &dyn Display) -> Trigger {
    let words = [
        ("on-success", Trigger::OnSuccess),
        ("on-failure", Trigger::OnFailure),
        ("always", Trigger::Always),
    ];
    choice(reader, node, &format!("`trigger` of {of}"), &words)
}

pub(super) fn failure_policy(reader: &mut Reader<'_, '_>, node: &Node) -> FailurePolicy {
    let words = [
        ("finish-branches", FailurePolicy::FinishBranches),
        ("fail-fast", FailurePolicy::FailFast),
    ];
    choice(reader, node, "`failure-policy` of the pipeline", &words)
}

/// One of a few words.
fn choice<T: Copy + Default>(
    reader: &mut Reader<'_, '_>,
    node: &Node,
    what: &str,
    words: &[(&str, T)],
) -> T {
    let text = reader.string(node, || what.to_owned());
    if let Some((_, meant)) = words.iter().find(|(word, _)| *word == text) {
        return *meant;
    }
    if matches!(node.data, Data::String(_)) {
        let known = words.iter().map(|(word, _)| *word);
        reader.report(node.span, || {
            Complaint::new(format!("{what} cannot be {}", quoted(text))).hint_if_any(suggestion(
                text,
                "it is one of",
                known,
            ))
        });
    }
    T::default()
}

pub(super) fn hooks(reader: &mut Reader<'_, '_>, node: &Node) -> Hooks {
    let table = reader.table(node, "a table of commands", || "`hooks` of the pipeline".into());
    reader.unknown_keys(table, &HOOKS, &"`hooks` of the pipeline");
    let mut command = |key: &str| {
        find(table, key).map(|node| reader.string(node, || format!("hook `{key}`")).to_owned())
    };
    Hooks {
        run_started: command("run-started"),
        step_failed: command("step-failed"),
        run_ended: command("run-ended"),
    }
}
