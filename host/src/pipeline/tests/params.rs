//! What is typed behind `-p`, in the type that the default has.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::pipeline::{Format, Pipeline, text};

/// The value of a param with this default when `typed` is given for it.
fn given(default: &Value, typed: &str) -> Option<Value> {
    let file = json!({
        "name": "p",
        "params": { "c": default },
        "steps": [{ "name": "a", "run": "x" }],
    });
    let overrides = [("c".to_owned(), typed.to_owned())];
    let read =
        Pipeline::parse(&file.to_string(), Format::Json, "p.json", Path::new("/"), &overrides);
    read.ok().map(|pipeline| pipeline.params["c"].clone())
}

#[test]
fn the_default_says_how_the_value_is_read() {
    for (default, typed, expected) in [
        (json!(1), "2", Some(json!(2))),
        (json!(1), "-0x10", None),
        (json!(1), "0x10", Some(json!(16))),
        (json!(1), "1_000", Some(json!(1000))),
        (json!(1), "2.0", None),
        (json!(1), "", None),
        (json!(1.5), "2", Some(json!(2.0))),
        (json!(1.5), "1e-3", Some(json!(0.001))),
        (json!(1.5), "nan", None),
        (json!(true), "false", Some(json!(false))),
        (json!(true), "0", None),
        (json!("a"), "2", Some(json!("2"))),
        (json!("a"), "true", Some(json!("true"))),
        (json!("a"), "2020-01-01", Some(json!("2020-01-01"))),
        (json!("a"), "", Some(json!(""))),
        (json!("a"), "\"2\"", Some(json!("2"))),
        (json!("a"), "\"2", Some(json!("\"2"))),
        (json!("a"), "{in.x}", Some(json!("{in.x}"))),
        (json!("a"), "nul\0", None),
        (json!(null), "2", Some(json!(2))),
        (json!(null), "two", Some(json!("two"))),
        (json!([1]), "[2, 3]", Some(json!([2, 3]))),
        (json!([1]), "[null]", Some(json!([null]))),
        (json!([1]), "2", None),
        (json!({}), "{ a = 1 }", Some(json!({ "a": 1 }))),
        (json!({}), "{\"a\": 1}", Some(json!({ "a": 1 }))),
        (json!({}), "[]", None),
    ] {
        assert_eq!(given(&default, typed), expected, "{default} and {typed:?}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |f| f.is_finite()).prop_map(Value::from),
        "[^\0]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever the type: the text that a step sees can be given back.
    #[test]
    fn the_text_of_a_value_gives_the_value(value in value()) {
        let typed = text(&value);
        // A text in quotes is taken as what is quoted.
        prop_assume!(!(value.is_string() && typed.trim_start().starts_with(['"', '\''])));
        prop_assert_eq!(given(&value, &typed), Some(value.clone()));
    }

    #[test]
    fn nothing_typed_makes_it_panic_or_changes_the_type(default in value(), typed in ".{0,12}") {
        if let Some(given) = given(&default, &typed) {
            prop_assert_eq!(
                std::mem::discriminant(&given),
                std::mem::discriminant(&default)
            );
            prop_assert_eq!(given.is_f64(), default.is_f64());
        }
    }
}
