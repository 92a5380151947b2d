//! What makes two executions of a step the same: command, code, params, declared environment, and inputs by content.
//!
//! Not part of it: which run, stack, orchestrator or store; where the project lies; who made the inputs. So a step whose
//! inputs were made again with the same bytes is not run again, and two machines that share a store share its outcomes.
//! What is said of an input is part of it, as the step can read it in its context: `12` may be a number or a text.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::artifact::{ArtifactKind, ArtifactRef};
use crate::pipeline::{Run, Step, Template};

/// Changes when the meaning of a key does: then nothing of before is found.
const GENERATION: u32 = 1;

/// The parts of a key, kept apart so that a difference can be named.
#[derive(Debug, Serialize)]
struct KeyParts<'a> {
    generation: u32,
    command: Vec<&'a str>,
    is_shell: bool,
    code: &'a BTreeMap<String, String>,
    params: &'a BTreeMap<String, Value>,
    environment: BTreeMap<&'a str, &'a str>,
    fingerprint: &'a BTreeMap<String, String>,
    inputs: BTreeMap<&'a str, InputPart<'a>>,
    outputs: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct InputPart<'a> {
    kind: ArtifactKind,
    digest: &'a str,
    executable: bool,
    /// How the bytes are to be read: the same ones may be a text or a number.
    metadata: &'a Map<String, Value>,
}

impl<'a> InputPart<'a> {
    fn of(input: &'a ArtifactRef) -> Self {
        let ArtifactRef { kind, digest, executable, metadata, .. } = input;
        Self { kind: *kind, digest, executable: *executable, metadata }
    }
}

/// The cache key of a step: 64 hexadecimal digits.
///
/// `code` is what [`CodeDigests::of`](super::code::CodeDigests::of) found: path → digest.
#[must_use]
pub fn cache_key(
    step: &Step,
    code: &BTreeMap<String, String>,
    inputs: &BTreeMap<String, ArtifactRef>,
) -> String {
    let mut outputs: Vec<_> = step.outputs.iter().map(String::as_str).collect();
    outputs.sort_unstable();
    let parts = KeyParts {
        generation: GENERATION,
        command: step.run.templates().iter().map(Template::source).collect(),
        is_shell: matches!(step.run, Run::Shell(_)),
        code,
        params: &step.params,
        environment: step.env.iter().map(|(name, t)| (name.as_str(), t.source())).collect(),
        fingerprint: &step.fingerprint,
        inputs: inputs.iter().map(|(name, i)| (name.as_str(), InputPart::of(i))).collect(),
        outputs,
    };
    let mut hasher = blake3::Hasher::new();
    // Maps are sorted and texts are quoted, so the JSON of different parts is different.
    if let Err(error) = serde_json::to_writer(&mut hasher, &parts) {
        unreachable!("texts, numbers and maps with text keys are JSON: {error}");
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Format, Pipeline};
    use std::path::Path;

    const FILE: &str = r#"
        name = "p"
        [params]
        c = 1
        unused = 1
        [[steps]]
        name = "a"
        run = "make {out.x} {param.c}"
        outputs = ["x", "y"]
        env = { LEVEL = "{param.c}" }
        fingerprint = { tool = "1.0" }
    "#;

    fn key_of(file: &str, overrides: &[(&str, &str)], code: &[(&str, &str)], root: &str) -> String {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        let overrides = owned(overrides);
        let pipeline =
            Pipeline::parse(file, Format::Toml, "p.toml", Path::new(root), &overrides).unwrap();
        cache_key(&pipeline.steps[0], &owned(code).into_iter().collect(), &BTreeMap::new())
    }

    #[test]
    fn what_the_step_sees_is_in_the_key_and_nothing_else() {
        let key = key_of(FILE, &[], &[], "/a");
        let same = [
            ("another folder", key_of(FILE, &[], &[], "/b")),
            ("a param that it does not name", key_of(FILE, &[("unused", "2")], &[], "/a")),
            (
                "the order of outputs",
                key_of(&FILE.replace(r#""x", "y""#, r#""y", "x""#), &[], &[], "/a"),
            ),
            ("the pipeline's name", key_of(&FILE.replace(r#""p""#, r#""q""#), &[], &[], "/a")),
        ];
        for (what, other) in same {
            assert_eq!(key, other, "{what} changed the key");
        }
        let different = [
            ("its param", key_of(FILE, &[("c", "2")], &[], "/a")),
            ("its code", key_of(FILE, &[], &[("a.py", "d1")], "/a")),
            ("its command", key_of(&FILE.replace("make ", "make  "), &[], &[], "/a")),
            ("its environment", key_of(&FILE.replace("LEVEL", "LEVELS"), &[], &[], "/a")),
            ("its fingerprint", key_of(&FILE.replace("1.0", "1.1"), &[], &[], "/a")),
            ("its outputs", key_of(&FILE.replace(r#""y""#, r#""z""#), &[], &[], "/a")),
        ];
        for (what, other) in different {
            assert_ne!(key, other, "{what} did not change the key");
        }
    }

    #[test]
    fn inputs_count_by_content() {
        let step = Pipeline::parse(FILE, Format::Toml, "p.toml", Path::new("/a"), &[]).unwrap();
        let input = |digest: &str, size: u64, metadata: Value| {
            let artifact = ArtifactRef {
                kind: ArtifactKind::File,
                digest: digest.to_owned(),
                size,
                executable: false,
                metadata: metadata.as_object().cloned().unwrap_or_default(),
            };
            let inputs = BTreeMap::from([("data".to_owned(), artifact)]);
            cache_key(&step.steps[0], &BTreeMap::new(), &inputs)
        };
        let nothing = || serde_json::json!({});
        assert_eq!(
            input("aa", 1, nothing()),
            input("aa", 2, nothing()),
            "the digest tells the size"
        );
        assert_ne!(input("aa", 1, nothing()), input("bb", 1, nothing()));
        let said = |of: &str| serde_json::json!({ "type": of, "rows": 3 });
        assert_eq!(input("aa", 1, said("list")), input("aa", 1, said("list")));
        assert_ne!(input("aa", 1, said("list")), input("aa", 1, said("tuple")));
    }
}
