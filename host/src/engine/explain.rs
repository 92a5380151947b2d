//! Why a step runs: what is different from its last execution, by name.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::Value;

use super::cache_key::{InputPart, KeyParts};
use super::event::StepStatus;

/// Why a step runs that nothing is known of.
pub const NOT_BEFORE: &str = "it has not run before";

/// Knows how steps of this pipeline were executed last.
pub trait History {
    /// The last execution of the step of this name, in an earlier run of the pipeline, of which the parts of its key are known.
    fn last(&self, step: &str) -> Option<Execution>;
}

/// Nothing is known of earlier runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHistory;

impl History for NoHistory {
    fn last(&self, _: &str) -> Option<Execution> {
        None
    }
}

/// How a step was executed.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// The name of the run.
    pub run: String,
    /// How it ended there.
    pub status: StepStatus,
    /// [`KeyParts`] as JSON.
    pub parts: String,
}

/// Why there is no outcome under a key with these parts: at least one reason, each in words.
#[must_use]
pub fn reasons(last: Option<&Execution>, parts: &str) -> Vec<String> {
    let Some(last) = last else { return vec![NOT_BEFORE.to_owned()] };
    let read = |parts: &str| serde_json::from_str::<KeyParts>(parts).ok();
    let (Some(before), Some(now)) = (read(&last.parts), read(parts)) else {
        return vec!["what is kept of its last execution cannot be read".to_owned()];
    };
    let differences = differences(&before, &now);
    if !differences.is_empty() {
        return differences;
    }
    let run = &last.run;
    vec![match last.status {
        StepStatus::Failed => format!("it failed in `{run}`"),
        StepStatus::Completed | StepStatus::Cached => {
            format!("the artifact store does not have what it made in `{run}`")
        }
        _ => format!("it did not end in `{run}`"),
    }]
}

/// As [`reasons`], of an item, with what it has under the names of its own: the last execution was that of the item at its place,
/// which may have been another one.
#[must_use]
pub(super) fn reasons_of_item(
    last: Option<&Execution>,
    parts: &str,
    own: &BTreeMap<&str, String>,
) -> Vec<String> {
    let same_but_for_its_own = || {
        let mut before: KeyParts = serde_json::from_str(&last?.parts).ok()?;
        let now: KeyParts = serde_json::from_str(parts).ok()?;
        let was = before.clone();
        for name in own.keys() {
            before.params.remove(*name);
            before.inputs.remove(*name);
            let param = now.params.get(*name);
            before.params.extend(param.map(|param| ((*name).to_owned(), param.clone())));
            let input = now.inputs.get(*name);
            before.inputs.extend(input.map(|input| ((*name).to_owned(), input.clone())));
        }
        (was != before && differences(&before, &now).is_empty()).then_some(())
    };
    if same_but_for_its_own().is_none() {
        return reasons(last, parts);
    }
    let named = own.iter().map(|(name, what)| format!("{name}={what}"));
    vec![format!("its item is new or has changed: {}", named.collect::<Vec<_>>().join(", "))]
}

/// The first reason, and how many more there are.
#[must_use]
pub fn in_short(reasons: &[String]) -> String {
    match reasons {
        [] => String::new(),
        [only] => only.clone(),
        [first, others @ ..] => format!("{first}, and {} more", others.len()),
    }
}

/// What is different, in the order in which people look for it.
fn differences(before: &KeyParts, now: &KeyParts) -> Vec<String> {
    let mut told = Vec::new();
    if before.generation != now.generation {
        told.push("this version of sundae keeps outcomes otherwise".to_owned());
    }
    code(&before.code, &now.code, &mut told);
    maps("param", &before.params, &now.params, value, &mut told);
    for (name, now) in &now.inputs {
        match before.inputs.get(name) {
            None => told.push(format!("input `{name}` is new")),
            Some(before) => told.extend(input(name, before, now)),
        }
    }
    gone("input", &before.inputs, &now.inputs, &mut told);
    maps("variable", &before.environment, &now.environment, |text| quoted(text), &mut told);
    maps("fingerprint", &before.fingerprint, &now.fingerprint, |text| quoted(text), &mut told);
    if (before.is_shell, &before.command) != (now.is_shell, &now.command) {
        let (before, now) = (before.command.join(" "), now.command.join(" "));
        told.push(format!("command: {} → {}", quoted(&before), quoted(&now)));
    }
    for name in now.outputs.iter().filter(|name| !before.outputs.contains(name)) {
        told.push(format!("output `{name}` is new"));
    }
    for name in before.outputs.iter().filter(|name| !now.outputs.contains(name)) {
        told.push(format!("output `{name}` is gone"));
    }
    told
}

fn code(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>, told: &mut Vec<String>) {
    for (path, digest) in now {
        match before.get(path) {
            None => told.push(format!("code `{path}` is new")),
            Some(before) if before != digest => told.push(format!("code `{path}` has changed")),
            Some(_) => {}
        }
    }
    gone("code", before, now, told);
}

fn maps<V: PartialEq>(
    called: &str,
    before: &BTreeMap<String, V>,
    now: &BTreeMap<String, V>,
    text: impl Fn(&V) -> String,
    told: &mut Vec<String>,
) {
    for (name, now) in now {
        match before.get(name) {
            None => told.push(format!("{called} `{name}` is new: {}", text(now))),
            Some(before) if before != now => {
                told.push(format!("{called} `{name}`: {} → {}", text(before), text(now)));
            }
            Some(_) => {}
        }
    }
    gone(called, before, now, told);
}

fn gone<V, W>(
    called: &str,
    before: &BTreeMap<String, V>,
    now: &BTreeMap<String, W>,
    told: &mut Vec<String>,
) {
    let names = before.keys().filter(|name| !now.contains_key(*name));
    told.extend(names.map(|name| format!("{called} `{name}` is gone")));
}

fn input(name: &str, before: &InputPart, now: &InputPart) -> Option<String> {
    if before.kind != now.kind {
        return Some(format!("input `{name}` was a {}, and is a {}", before.kind, now.kind));
    }
    if before.digest != now.digest {
        let (before, now) = (start(&before.digest), start(&now.digest));
        return Some(format!("input `{name}` has other content: {before} → {now}"));
    }
    if before.executable != now.executable {
        let is =
            if now.executable { "may be executed now" } else { "may not be executed any more" };
        return Some(format!("input `{name}` {is}"));
    }
    (before.metadata != now.metadata).then(|| {
        let keys = before.metadata.keys().chain(now.metadata.keys());
        let differs = |key: &&String| before.metadata.get(*key) != now.metadata.get(*key);
        let mut keys: Vec<_> = keys.filter(differs).map(|key| format!("`{key}`")).collect();
        keys.sort_unstable();
        keys.dedup();
        format!("what is said of input `{name}` has changed: {}", keys.join(", "))
    })
}

/// Enough of a digest to tell it from others.
fn start(digest: &str) -> &str {
    digest.get(..8).unwrap_or(digest)
}

fn value(value: &Value) -> String {
    shortened(value)
}

fn quoted(text: &str) -> String {
    format!("`{}`", shortened(&text.escape_debug()))
}

/// A text that may be long, from both ends: what differs is often at the end.
fn shortened(text: &impl Display) -> String {
    const SHOWN: usize = 60;
    let text: Vec<char> = text.to_string().chars().collect();
    if text.len() <= SHOWN {
        return text.into_iter().collect();
    }
    let (start, end) = (&text[..SHOWN / 2], &text[text.len() - SHOWN / 2..]);
    format!("{}…{}", start.iter().collect::<String>(), end.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::artifact::{ArtifactKind, ArtifactRef};
    use crate::engine::cache_key::cache_key;
    use crate::pipeline::{Format, Pipeline};

    const FILE: &str = r#"
        name = "p"
        [params]
        c = 1
        [[steps]]
        name = "a"
        run = "make {param.c}"
        outputs = ["x"]
        env = { LEVEL = "low" }
        fingerprint = { tool = "1.0" }
    "#;

    fn parts(file: &str, code: &[(&str, &str)], inputs: &[(&str, &str, &str)]) -> String {
        let pipeline = Pipeline::parse(file, Format::Toml, "p.toml", Path::new("/a"), &[]).unwrap();
        let code = code.iter().map(|(path, of)| ((*path).to_owned(), (*of).to_owned())).collect();
        let input = |(name, digest, said): &(&str, &str, &str)| {
            let metadata = serde_json::json!({ "type": said }).as_object().cloned();
            let artifact = ArtifactRef {
                kind: ArtifactKind::File,
                digest: (*digest).to_owned(),
                size: 1,
                executable: false,
                metadata: metadata.unwrap_or_default(),
            };
            ((*name).to_owned(), artifact)
        };
        cache_key(&pipeline.steps[0], &code, &inputs.iter().map(input).collect()).parts
    }

    fn told(before: &str, now: &str) -> Vec<String> {
        let last = Execution {
            run: "p-1".to_owned(),
            status: StepStatus::Completed,
            parts: before.to_owned(),
        };
        reasons(Some(&last), now)
    }

    #[test]
    fn each_difference_is_named() {
        let before =
            parts(FILE, &[("a.py", "1"), ("b.py", "1")], &[("data", "0123456789", "list")]);
        let cases = [
            (FILE.replace("c = 1", "c = 0.5"), "param `c`: 1 → 0.5"),
            (FILE.replace("low", "high"), "variable `LEVEL`: `low` → `high`"),
            (FILE.replace("1.0", "1.1"), "fingerprint `tool`: `1.0` → `1.1`"),
            (FILE.replace("make", "remake"), "command: `make {param.c}` → `remake {param.c}`"),
        ];
        for (file, expected) in cases {
            let now =
                parts(&file, &[("a.py", "1"), ("b.py", "1")], &[("data", "0123456789", "list")]);
            assert_eq!(told(&before, &now), [expected]);
        }
        let now = parts(FILE, &[("a.py", "2"), ("c.py", "1")], &[("data", "9876543210", "list")]);
        assert_eq!(
            told(&before, &now),
            [
                "code `a.py` has changed",
                "code `c.py` is new",
                "code `b.py` is gone",
                "input `data` has other content: 01234567 → 98765432",
            ]
        );
        assert_eq!(in_short(&told(&before, &now)), "code `a.py` has changed, and 3 more");
        let now = parts(FILE, &[("a.py", "1"), ("b.py", "1")], &[("data", "0123456789", "tuple")]);
        assert_eq!(told(&before, &now), ["what is said of input `data` has changed: `type`"]);
    }

    #[test]
    fn parts_of_files_are_code() {
        let with = |fingerprint: &str| {
            let file = FILE.replace(r#"tool = "1.0""#, fingerprint);
            parts(&file, &[("b.py", "1")], &[])
        };
        let before = with(r#""a.py:f" = "code:1", "a.py:g" = "code:1""#);
        assert_eq!(
            told(&before, &with(r#""a.py:f" = "code:2", "a.py:h" = "code:1""#)),
            ["code `a.py:f` has changed", "code `a.py:h` is new", "code `a.py:g` is gone"]
        );
        assert_eq!(with(r#""b.py" = "code:1""#), with(r#""b.py" = "code:2""#));
    }

    #[test]
    fn where_nothing_differs_the_last_execution_tells() {
        let same = parts(FILE, &[], &[]);
        assert_eq!(told(&same, &same), ["the artifact store does not have what it made in `p-1`"]);
        assert_eq!(reasons(None, &same), ["it has not run before"]);
        assert_eq!(told("{}", &same), ["what is kept of its last execution cannot be read"]);
    }
}
