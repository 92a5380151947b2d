//! What makes two executions of a step the same: command, code, params, declared environment, and inputs by content.
//!
//! Not part of it: which run, stack, orchestrator or store; where the project lies; who made the inputs. So a step whose
//! inputs were made again with the same bytes is not run again, and two machines that share a store share its outcomes.
//! What is said of an input is part of it, as the step can read it in its context: `12` may be a number or a text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::artifact::{ArtifactKind, ArtifactRef};
use crate::pipeline::{Run, Step};

/// Changes when the meaning of a key does: then nothing of before is found.
const GENERATION: u32 = 1;

/// The parts of a key, kept apart so that a difference can be named. No secret is among them: of the environment there is what
/// the pipeline file says, and not what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyParts {
    pub(super) generation: u32,
    /// The command as it is written: a script, or a program and its arguments.
    pub command: Vec<String>,
    pub(super) is_shell: bool,
    /// Digests by path, or by the name of a part of a file.
    pub code: BTreeMap<String, String>,
    /// The params that the step sees.
    pub params: BTreeMap<String, Value>,
    /// The declared variables, as they are written.
    pub environment: BTreeMap<String, String>,
    /// The declared fingerprints.
    pub fingerprint: BTreeMap<String, String>,
    pub(super) inputs: BTreeMap<String, InputPart>,
    pub(super) outputs: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct InputPart {
    pub(super) kind: ArtifactKind,
    pub(super) digest: String,
    pub(super) executable: bool,
    /// How the bytes are to be read: the same ones may be a text or a number.
    pub(super) metadata: Map<String, Value>,
}

impl InputPart {
    fn of(input: &ArtifactRef) -> Self {
        let ArtifactRef { kind, digest, executable, metadata, .. } = input.clone();
        Self { kind, digest, executable, metadata }
    }
}

/// The cache key of a step, with what went into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheKey {
    /// 64 hexadecimal digits.
    pub key: String,
    /// [`KeyParts`] as JSON, from which the key is made.
    pub parts: String,
}

/// How a fingerprint begins that is the digest of code: that of a function, say, which whoever writes the pipeline knows.
const CODE: &str = "code:";

/// The cache key of a step.
///
/// `code` is what [`CodeDigests::of`](super::code::CodeDigests::of) found: path → digest.
#[must_use]
pub fn cache_key(
    step: &Step,
    code: &BTreeMap<String, String>,
    inputs: &BTreeMap<String, ArtifactRef>,
) -> CacheKey {
    // Maps are sorted and texts are quoted, so the JSON of different parts is different.
    let parts = match serde_json::to_string(&parts(step, code, inputs)) {
        Ok(parts) => parts,
        Err(error) => unreachable!("texts, numbers and maps with text keys are JSON: {error}"),
    };
    CacheKey { key: blake3::hash(parts.as_bytes()).to_hex().to_string(), parts }
}

fn parts(
    step: &Step,
    code: &BTreeMap<String, String>,
    inputs: &BTreeMap<String, ArtifactRef>,
) -> KeyParts {
    let mut outputs = step.outputs.clone();
    outputs.sort_unstable();
    let environment = step.env.iter();
    let (mut code, mut fingerprint) = (code.clone(), BTreeMap::new());
    for (name, text) in &step.fingerprint {
        if let Some(digest) = text.strip_prefix(CODE) {
            // Where the whole file counts, its parts do.
            code.entry(name.clone()).or_insert_with(|| digest.to_owned());
        } else {
            fingerprint.insert(name.clone(), text.clone());
        }
    }
    KeyParts {
        generation: GENERATION,
        command: step.run.templates().iter().map(|part| part.source().to_owned()).collect(),
        is_shell: matches!(step.run, Run::Shell(_)),
        code,
        params: step.params.clone(),
        environment: environment.map(|(name, t)| (name.clone(), t.source().to_owned())).collect(),
        fingerprint,
        inputs: inputs.iter().map(|(name, i)| (name.clone(), InputPart::of(i))).collect(),
        outputs,
    }
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
        let code = owned(code).into_iter().collect();
        cache_key(&pipeline.steps[0], &code, &BTreeMap::new()).key
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
            ("a part of its code", key_of(&FILE.replace("1.0", "code:1"), &[], &[], "/a")),
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
            cache_key(&step.steps[0], &BTreeMap::new(), &inputs).key
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
