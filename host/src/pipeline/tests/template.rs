//! Texts with placeholders, read and rendered.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::pipeline::{Quoting, Template, Values};

/// A piece of a template, and what it becomes.
fn piece() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        "[^{}]{0,8}".prop_map(|text| (text.clone(), text)),
        Just(("{{".to_owned(), "{".to_owned())),
        Just(("}}".to_owned(), "}".to_owned())),
        Just(("{in.data}".to_owned(), "/in/data".to_owned())),
        Just(("{out.model}".to_owned(), "/out/model".to_owned())),
        Just(("{param.c}".to_owned(), "1.5".to_owned())),
        Just(("{param.list}".to_owned(), r#"[1,"{x}"]"#.to_owned())),
    ]
}

fn render(source: &str) -> String {
    let inputs = BTreeMap::from([("data".to_owned(), PathBuf::from("/in/data"))]);
    let outputs = BTreeMap::from([("model".to_owned(), PathBuf::from("/out/model"))]);
    let params: BTreeMap<String, Value> =
        [("c".to_owned(), json!(1.5)), ("list".to_owned(), json!([1, "{x}"]))].into();
    let secrets = BTreeMap::from([("token".to_owned(), "hunter2".to_owned())]);
    let values = Values { inputs: &inputs, outputs: &outputs, params: &params, secrets: &secrets };
    Template::parse(source).unwrap().render(&values, Quoting::None)
}

proptest! {
    #[test]
    fn each_piece_becomes_what_it_stands_for(pieces in prop::collection::vec(piece(), 0..8)) {
        let (source, expected): (Vec<_>, Vec<_>) = pieces.into_iter().unzip();
        prop_assert_eq!(render(&source.concat()), expected.concat());
    }

    #[test]
    fn any_text_can_be_written_as_a_template(text in ".{0,40}") {
        let source = text.replace('{', "{{").replace('}', "}}");
        prop_assert_eq!(render(&source), text);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z.{}$é \\n]{0,30}") {
        match Template::parse(&text) {
            Ok(template) => {
                prop_assert_eq!(template.source(), text.as_str());
                for reference in template.references() {
                    let placeholder = format!("{{{}.{}}}", reference.slot.word(), reference.name);
                    prop_assert_eq!(&text[reference.span.clone()], placeholder);
                }
            }
            Err(error) => {
                prop_assert!(text.get(error.span()).is_some(), "the place is not one of the text");
                prop_assert!(!error.hint().is_empty());
            }
        }
    }
}

#[test]
fn a_placeholder_without_a_value_stays_as_it_is_written() {
    assert_eq!(render("{in.other} {{}}"), "{in.other} {}");
}
