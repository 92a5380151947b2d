//! Files that were damaged at random: whatever the text, there is a pipeline or a list of problems, and never a panic.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::pipeline::{Format, Pipeline};

const TOML: &str = r#"
name = "training"
[params]
test_size = 0.2
nested = { a = [1, 2.5, true, "é"], b = "" }
[[steps]]
name = "load"
run = "python load.py \"{out.dataset}\" # it's {param.test_size}"
outputs = ["dataset"]
code = ["src/**/*.py"]
[[steps]]
name = "train"
inputs = { data = "load.dataset" }
run = ["python", "{in.data}", "{{}}", "{out.model}"]
outputs = ["model"]
params = { size = "{param.test_size}", depth = 3 }
env = { LEVEL = "{param.depth}" }
after = ["load"]
"#;

fn json() -> String {
    let pipeline = Pipeline::parse(TOML, Format::Toml, "p", Path::new("/"), &[]).unwrap();
    serde_json::to_string_pretty(&pipeline).unwrap()
}

/// Pieces that mean something to a reader, and some that should mean nothing.
const PIECES: [&str; 30] = [
    "\"",
    "'",
    "\"\"\"",
    "{",
    "}",
    "[",
    "]",
    "[[",
    "=",
    ".",
    ",",
    "#",
    "\n",
    "\\",
    "\\u0000",
    "\u{feff}",
    "\r",
    "\0",
    "é",
    "load",
    "name",
    "steps",
    "run = 1\n",
    "inf",
    "1e999",
    "null",
    "[[steps]]\n",
    "{in.x}",
    "{param.depth}",
    "\u{202e}",
];

/// One change of a text.
#[derive(Debug, Clone)]
enum Damage {
    Insert(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize),
    Swap(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    prop_oneof![
        (place(), prop::sample::select(&PIECES[..]))
            .prop_map(|(at, piece)| Damage::Insert(at, piece)),
        (place(), 1..30usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        (place(), 1..60usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        (place(), place()).prop_map(|(a, b)| Damage::Swap(a, b)),
    ]
}

fn damaged(text: &str, damages: Vec<Damage>) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for damage in damages {
        let length = text.len() + 1;
        let piece = |at: usize, size: usize| at..(at + size).min(length - 1);
        match damage {
            Damage::Insert(at, piece) => {
                let at = at.index(length);
                text.splice(at..at, piece.chars());
            }
            Damage::Remove(at, size) => drop(text.drain(piece(at.index(length), size))),
            Damage::Repeat(at, size) => {
                let at = at.index(length);
                let again = text[piece(at, size)].to_vec();
                text.splice(at..at, again);
            }
            Damage::Swap(a, b) if length > 1 => text.swap(a.index(length - 1), b.index(length - 1)),
            Damage::Swap(..) => {}
        }
    }
    text.into_iter().collect()
}

/// Reads it, and everything that can be asked of the result.
fn read(text: &str, format: Format) -> Result<(), TestCaseError> {
    match Pipeline::parse(text, format, "p", Path::new("/project"), &[]) {
        Ok(pipeline) => {
            prop_assert!(pipeline.graph().is_ok());
            let json = serde_json::to_string(&pipeline).unwrap();
            prop_assert_eq!(serde_json::from_str::<Pipeline>(&json).unwrap(), pipeline);
        }
        Err(error) => {
            prop_assert!(!error.problems().is_empty());
            for problem in error.problems() {
                if let Some(place) = &problem.place {
                    prop_assert!(place.line <= text.split('\n').count() && place.column > 0);
                }
            }
            let shown = error.to_string();
            prop_assert!(!shown.contains(['\0', '\u{202e}', '\u{1b}']), "{}", shown);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_toml(damages in prop::collection::vec(damage(), 1..5)) {
        read(&damaged(TOML, damages), Format::Toml)?;
    }

    #[test]
    fn damaged_json(damages in prop::collection::vec(damage(), 1..5)) {
        read(&damaged(&json(), damages), Format::Json)?;
    }

    #[test]
    fn any_text(text in ".{0,60}") {
        read(&text, Format::Toml)?;
        read(&text, Format::Json)?;
    }
}
