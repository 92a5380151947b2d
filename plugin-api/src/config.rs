//! The configuration of a flavor: a schema that can be read without running anything, and values that are checked against it.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A struct that a flavor is configured by. Derive it: `#[derive(Deserialize, Config)]`.
///
/// Each field becomes a field of the schema: its doc comment is the help, its type the type, `Option` makes it optional,
/// `#[config(default = …)]` gives a default, and [`Secret`] (or `#[config(secret)]`) keeps it out of every output. A number that
/// must not be zero is a [`NonZeroU32`]; one of a few words is an enum that derives `Config`, too.
pub trait Config: DeserializeOwned {
    /// The schema as JSON, a list of [`Field`]s; made at compile time.
    const SCHEMA: &'static str;
}

/// A type that a field of a [`Config`] can have.
pub trait ConfigField {
    /// The part of the field's JSON that tells the type: `"type":"string"`.
    const TYPE: &'static str;
    /// Whether the field must be given if it has no default.
    const REQUIRED: bool = true;
    /// Whether the value is a secret by its type.
    const SECRET: bool = false;
}

macro_rules! config_fields {
    ($($type:ty => $json:literal),* $(,)?) => {
        $(impl ConfigField for $type { const TYPE: &'static str = $json; })*
    };
}

config_fields! {
    String => r#""type":"string""#,
    PathBuf => r#""type":"path""#,
    bool => r#""type":"boolean""#,
    u8 => r#""type":"integer","minimum":0,"maximum":255"#,
    u16 => r#""type":"integer","minimum":0,"maximum":65535"#,
    u32 => r#""type":"integer","minimum":0,"maximum":4294967295"#,
    u64 => r#""type":"integer","minimum":0"#,
    usize => r#""type":"integer","minimum":0"#,
    NonZeroU16 => r#""type":"integer","minimum":1,"maximum":65535"#,
    NonZeroU32 => r#""type":"integer","minimum":1,"maximum":4294967295"#,
    NonZeroU64 => r#""type":"integer","minimum":1"#,
    NonZeroUsize => r#""type":"integer","minimum":1"#,
    i8 => r#""type":"integer","minimum":-128,"maximum":127"#,
    i16 => r#""type":"integer","minimum":-32768,"maximum":32767"#,
    i32 => r#""type":"integer","minimum":-2147483648,"maximum":2147483647"#,
    i64 => r#""type":"integer""#,
    f32 => r#""type":"number""#,
    f64 => r#""type":"number""#,
    Vec<String> => r#""type":"list""#,
    BTreeMap<String, String> => r#""type":"map""#,
}

impl<T: ConfigField> ConfigField for Option<T> {
    const TYPE: &'static str = T::TYPE;
    const REQUIRED: bool = false;
    const SECRET: bool = T::SECRET;
}

impl ConfigField for Secret {
    const TYPE: &'static str = r#""type":"string""#;
    const SECRET: bool = true;
}

/// A text that must not be shown: `Debug` does not.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// The type of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FieldType {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A file or folder; the host makes it absolute when it is given.
    Path,
    /// One of [`Field::choices`].
    Choice,
    /// A list of texts.
    List,
    /// Texts by name.
    Map,
    /// A type of a newer version of this crate: any value is let through.
    #[serde(other)]
    Unknown,
}

/// One field of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name: what follows `--` on the command line.
    pub name: String,
    /// What it is for, in a sentence or more.
    #[serde(default)]
    pub help: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// Whether its value must never be shown.
    #[serde(default)]
    pub secret: bool,
    /// The value it has if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// The values of a [`FieldType::Choice`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// The smallest value of an [`FieldType::Integer`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<i64>,
    /// The largest value of an [`FieldType::Integer`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i64>,
}

/// What is wrong with a value, a field at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// The schema has no such field.
    Unknown {
        /// What was given.
        field: String,
    },
    /// A required field was not given.
    Missing {
        /// What was not given.
        field: String,
        /// Its help.
        help: String,
    },
    /// The value does not have the field's type.
    WrongType {
        /// Which field.
        field: String,
        /// What it takes, in words: `a whole number of at least 0`.
        expected: String,
        /// The value as it was given; nothing if the field is secret.
        given: Option<String>,
    },
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { field } => write!(f, "there is no field `{field}`"),
            Self::Missing { field, help } if help.is_empty() => {
                write!(f, "field `{field}` must be given")
            }
            Self::Missing { field, help } => write!(f, "field `{field}` must be given: {help}"),
            Self::WrongType { field, expected, given: None } => {
                write!(f, "field `{field}` takes {expected}")
            }
            Self::WrongType { field, expected, given: Some(given) } => {
                write!(f, "field `{field}` takes {expected}, not `{given}`")
            }
        }
    }
}

/// The fields of a flavor's configuration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConfigSchema {
    /// In the order in which the author wrote them.
    pub fields: Vec<Field>,
}

impl ConfigSchema {
    /// The field of that name; `-` and `_` are the same.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        let name = name.replace('-', "_");
        self.fields.iter().find(|field| field.name.replace('-', "_") == name)
    }

    /// Checks values as they are kept: no unknown fields, none missing, all of the right type.
    ///
    /// # Errors
    /// Every problem, not only the first.
    pub fn check(&self, values: &Map<String, Value>) -> Result<(), Vec<ConfigProblem>> {
        let unknown = values
            .keys()
            .filter(|name| !self.fields.iter().any(|field| field.name == **name))
            .map(|name| ConfigProblem::Unknown { field: name.clone() });
        let bad = self.fields.iter().filter_map(|field| field.problem(values.get(&field.name)));
        let problems: Vec<_> = unknown.chain(bad).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The values with the defaults of the fields that were not given.
    #[must_use]
    pub fn with_defaults(&self, values: &Map<String, Value>) -> Map<String, Value> {
        let mut complete = values.clone();
        for field in &self.fields {
            let is_given = complete.get(&field.name).is_some_and(|value| !value.is_null());
            if let (false, Some(default)) = (is_given, &field.default) {
                complete.insert(field.name.clone(), default.clone());
            }
        }
        complete
    }
}

impl Field {
    /// The value that a text stands for, as it is given on a command line.
    ///
    /// A list is parted by commas, a map is `name=value` parted by commas.
    ///
    /// # Errors
    /// [`ConfigProblem::WrongType`].
    pub fn value_from_text(&self, text: &str) -> Result<Value, ConfigProblem> {
        let trimmed = text.trim();
        let value = match self.field_type {
            FieldType::Integer => integer(trimmed),
            // JSON has no number that is not finite.
            FieldType::Number => {
                trimmed.parse().ok().filter(|n: &f64| n.is_finite()).map(Value::from)
            }
            FieldType::Boolean => match trimmed {
                "true" | "yes" | "on" | "1" => Some(Value::from(true)),
                "false" | "no" | "off" | "0" => Some(Value::from(false)),
                _ => None,
            },
            FieldType::List => Some(parts(trimmed).map(str::to_owned).collect()),
            FieldType::Map => parts(trimmed)
                .map(|pair| pair.split_once('='))
                .map(|pair| pair.map(|(k, v)| (k.trim().to_owned(), Value::from(v.trim()))))
                .collect::<Option<Map<_, _>>>()
                .map(Value::Object),
            _ => Some(Value::from(text)),
        };
        let value = value.ok_or_else(|| self.wrong_type(Value::from(text)))?;
        match self.problem(Some(&value)) {
            None => Ok(value),
            Some(problem) => Err(problem),
        }
    }

    fn problem(&self, value: Option<&Value>) -> Option<ConfigProblem> {
        match value {
            None | Some(Value::Null) if self.required && self.default.is_none() => {
                Some(ConfigProblem::Missing { field: self.name.clone(), help: self.help.clone() })
            }
            None | Some(Value::Null) => None,
            Some(value) if self.accepts(value) => None,
            Some(value) => Some(self.wrong_type(value.clone())),
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        let is_text = |value: &Value| value.is_string();
        match self.field_type {
            FieldType::String => value.is_string(),
            FieldType::Path => value.as_str().is_some_and(|text| !text.is_empty()),
            FieldType::Integer => self.accepts_integer(value),
            FieldType::Number => value.is_number(),
            FieldType::Boolean => value.is_boolean(),
            FieldType::Choice => {
                value.as_str().is_some_and(|text| self.choices.iter().any(|choice| choice == text))
            }
            FieldType::List => value.as_array().is_some_and(|items| items.iter().all(is_text)),
            FieldType::Map => value.as_object().is_some_and(|map| map.values().all(is_text)),
            FieldType::Unknown => true,
        }
    }

    fn accepts_integer(&self, value: &Value) -> bool {
        match (value.as_i64(), value.as_u64()) {
            (Some(number), _) => {
                self.minimum.is_none_or(|least| number >= least)
                    && self.maximum.is_none_or(|most| number <= most)
            }
            // Past the signed numbers: for fields that have no sign and no bound of their own.
            (None, Some(_)) => {
                self.maximum.is_none() && self.minimum.is_some_and(|least| least >= 0)
            }
            (None, None) => false,
        }
    }

    /// What the field takes, in words that follow "takes".
    #[must_use]
    pub fn expectation(&self) -> String {
        match self.field_type {
            FieldType::String => "a text".to_owned(),
            FieldType::Integer => match (self.minimum, self.maximum) {
                (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
                (Some(least), None) => format!("a whole number of at least {least}"),
                (None, Some(most)) => format!("a whole number of at most {most}"),
                (None, None) => "a whole number".to_owned(),
            },
            FieldType::Number => "a number".to_owned(),
            FieldType::Boolean => "`true` or `false`".to_owned(),
            FieldType::Path => "a path".to_owned(),
            FieldType::Choice => {
                let choices: Vec<_> = self.choices.iter().map(|c| format!("`{c}`")).collect();
                format!("one of {}", choices.join(", "))
            }
            FieldType::List => "a list of texts, parted by commas".to_owned(),
            FieldType::Map => "texts by name: `name=value,name=value`".to_owned(),
            FieldType::Unknown => "a value".to_owned(),
        }
    }

    fn wrong_type(&self, given: Value) -> ConfigProblem {
        let text = match given {
            Value::String(text) => text,
            other => other.to_string(),
        };
        ConfigProblem::WrongType {
            field: self.name.clone(),
            expected: self.expectation(),
            given: (!self.secret).then_some(text),
        }
    }
}

fn integer(text: &str) -> Option<Value> {
    let signed = text.parse::<i64>().map(Value::from);
    signed.or_else(|_| text.parse::<u64>().map(Value::from)).ok()
}

/// What stands between commas; nothing in an empty text.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(move |_| !text.is_empty())
}
