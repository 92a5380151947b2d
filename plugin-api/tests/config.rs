//! A flavor's configuration, from the struct that its author writes to what people are told.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sundae_plugin_api::{Config, ConfigSchema, FieldType, Secret};

#[derive(Debug, PartialEq, Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Fast,
    VeryFast,
    #[serde(rename = "as it was")]
    Unchanged,
}

#[derive(Debug, Deserialize, Config)]
struct Everything {
    /// Where it is.
    ///
    /// Must say "exactly" where.
    path: PathBuf,
    #[config(default = "very-fast")]
    mode: Mode,
    #[config(default = -3)]
    offset: i32,
    #[config(default = 1.)]
    ratio: f64,
    #[config(default = 2)]
    factor: f64,
    #[config(default = true)]
    r#async: bool,
    slots: Option<NonZeroU32>,
    key: Secret,
    #[config(secret)]
    password: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, alias = "names")]
    labels: BTreeMap<String, String>,
    #[serde(rename = "retries")]
    #[config(default = 3)]
    attempts: u8,
    #[serde(skip)]
    seen: bool,
}

fn schema() -> ConfigSchema {
    serde_json::from_str(Everything::SCHEMA).expect("a schema is JSON")
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).expect("it is an object")
}

#[test]
fn the_schema_tells_all_that_the_struct_does() {
    let expected = json!([
        {
            "name": "path",
            "help": "Where it is. Must say \"exactly\" where.",
            "type": "path",
            "required": true
        },
        { "name": "mode", "help": "", "type": "choice", "choices": ["fast", "very-fast", "as it was"],
          "default": "very-fast" },
        { "name": "offset", "help": "", "type": "integer", "minimum": -2147483648, "maximum": 2147483647,
          "default": -3 },
        { "name": "ratio", "help": "", "type": "number", "default": 1 },
        { "name": "factor", "help": "", "type": "number", "default": 2 },
        { "name": "async", "help": "", "type": "boolean", "default": true },
        { "name": "slots", "help": "", "type": "integer", "minimum": 1, "maximum": 4294967295_u32 },
        { "name": "key", "help": "", "type": "string", "required": true, "secret": true },
        { "name": "password", "help": "", "type": "string", "secret": true },
        { "name": "tags", "help": "", "type": "list" },
        { "name": "labels", "help": "", "type": "map" },
        { "name": "retries", "help": "", "type": "integer", "minimum": 0, "maximum": 255, "default": 3 }
    ]);
    assert_eq!(serde_json::from_str::<Value>(Everything::SCHEMA).unwrap(), expected);
}

#[test]
fn what_the_schema_accepts_serde_accepts() {
    let schema = schema();
    let given = object(json!({ "path": "/data", "key": "k", "slots": 4, "labels": { "a": "b" } }));
    schema.check(&given).unwrap();
    let complete = Value::Object(schema.with_defaults(&given));
    let config: Everything = serde_json::from_value(complete).unwrap();
    assert_eq!(config.mode, Mode::VeryFast);
    assert_eq!((config.offset, config.ratio, config.factor), (-3, 1.0, 2.0));
    assert!(config.r#async && !config.seen);
    assert_eq!((config.slots.unwrap().get(), config.attempts), (4, 3));
    assert_eq!(config.path, PathBuf::from("/data"));
    assert_eq!((config.password, config.tags), (None, vec![]));
    assert_eq!(config.labels["a"], "b");
    assert_eq!(format!("{:?}", config.key), "Secret(***)");
    assert_eq!(config.key.reveal(), "k");
}

#[test]
fn null_is_not_given() {
    let schema = schema();
    let given = object(json!({ "path": "/data", "key": "k", "offset": null, "slots": null }));
    schema.check(&given).unwrap();
    assert_eq!(schema.with_defaults(&given)["offset"], -3);
}

#[test]
fn every_problem_is_told_and_no_secret() {
    let given = object(json!({
        "slots": 0, "mode": "slow", "key": ["s3cr3t"], "retries": 256, "async": "yes", "tags": [1], "colour": 1
    }));
    let problems: Vec<_> =
        schema().check(&given).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "there is no field `colour`",
            "field `path` must be given: Where it is. Must say \"exactly\" where.",
            "field `mode` takes one of `fast`, `very-fast`, `as it was`, not `slow`",
            "field `async` takes `true` or `false`, not `yes`",
            "field `slots` takes a whole number from 1 to 4294967295, not `0`",
            "field `key` takes a text",
            "field `tags` takes a list of texts, parted by commas, not `[1]`",
            "field `retries` takes a whole number from 0 to 255, not `256`",
        ]
    );
}

#[test]
fn a_command_line_gives_every_type() {
    let schema = schema();
    let value = |field: &str, text: &str| schema.field(field).unwrap().value_from_text(text);
    for (field, text, expected) in [
        ("path", "data/x", json!("data/x")),
        ("mode", "as it was", json!("as it was")),
        ("offset", " -7 ", json!(-7)),
        ("ratio", "2.5", json!(2.5)),
        ("ratio", "2", json!(2.0)),
        ("async", "off", json!(false)),
        ("tags", "a, b,,c", json!(["a", "b", "", "c"])),
        ("tags", "", json!([])),
        ("labels", "a=1, b = x=y", json!({ "a": "1", "b": "x=y" })),
        ("labels", " ", json!({})),
        ("password", "", json!("")),
    ] {
        assert_eq!(value(field, text).unwrap(), expected, "{field} {text}");
    }
    for (field, text) in [
        ("path", ""),
        ("mode", "fastest"),
        ("offset", "2147483648"),
        ("offset", "1.5"),
        ("ratio", "NaN"),
        ("ratio", "inf"),
        ("async", "maybe"),
        ("labels", "a"),
        ("slots", "0"),
    ] {
        value(field, text).unwrap_err();
    }
}

#[test]
fn large_numbers_are_for_fields_without_a_sign() {
    #[derive(Deserialize, Config)]
    #[expect(dead_code, reason = "only their schema counts")]
    struct Numbers {
        signed: i64,
        unsigned: u64,
    }
    let schema: ConfigSchema = serde_json::from_str(Numbers::SCHEMA).unwrap();
    let value = |field: &str, text| schema.field(field).unwrap().value_from_text(text);
    assert_eq!(value("unsigned", "18446744073709551615").unwrap(), json!(u64::MAX));
    assert_eq!(value("signed", "-9223372036854775808").unwrap(), json!(i64::MIN));
    value("signed", "9223372036854775808").unwrap_err();
    value("unsigned", "-1").unwrap_err();
}

#[test]
fn a_field_is_found_however_it_is_parted() {
    #[derive(Deserialize, Config)]
    #[expect(dead_code, reason = "only their schema counts")]
    struct Parted {
        access_key: String,
    }
    let schema: ConfigSchema = serde_json::from_str(Parted::SCHEMA).unwrap();
    assert_eq!(schema.field("access-key").unwrap().name, "access_key");
    assert_eq!(schema.field("access_key").unwrap().name, "access_key");
    assert!(schema.field("accesskey").is_none());
}

#[test]
fn a_type_of_a_newer_version_lets_any_value_through() {
    let schema: ConfigSchema =
        serde_json::from_str(r#"[{"name":"colour","type":"colour","since":2}]"#).unwrap();
    assert_eq!(schema.fields[0].field_type, FieldType::Unknown);
    schema.check(&object(json!({ "colour": { "red": 1 } }))).unwrap();
}

#[test]
fn a_config_without_fields_takes_nothing() {
    #[derive(Deserialize, Config)]
    struct Nothing {}
    #[derive(Deserialize, Config)]
    struct Unit;
    assert_eq!((Nothing::SCHEMA, Unit::SCHEMA), ("[]", "[]"));
    #[derive(Deserialize, Config)]
    #[serde(default)]
    struct Optional {
        depth: u64,
    }
    impl Default for Optional {
        fn default() -> Self {
            Self { depth: 7 }
        }
    }
    assert_eq!(Optional::SCHEMA, r#"[{"name":"depth","help":"","type":"integer","minimum":0}]"#);
    assert_eq!(serde_json::from_str::<Optional>("{}").unwrap().depth, 7);
}
