//! From texts of a command line to a flavor's configuration, by its schema.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};
use sundae_plugin_api::{ConfigProblem, ConfigSchema, Field, FieldType};

use crate::nearest::suggestion;

/// A field and the text that was given for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The field's name; `-` and `_` are the same.
    pub field: String,
    /// The value as text.
    pub text: String,
}

/// Why settings are no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct SettingsError {
    /// What is wrong.
    pub problem: ConfigProblem,
    /// The right field, or the fields there are.
    pub suggestion: Option<String>,
}

/// The values that the settings stand for, put over `before`. Relative paths start from `folder`.
///
/// A list or map that is given several times gets all of it; of anything else, the last one counts. Where a list or map is
/// given as JSON, its items may contain commas.
///
/// # Errors
/// The first setting that the schema does not take. What is missing is not looked for: that is [`ConfigSchema::check`]'s.
pub fn settings_from(
    settings: &[Setting],
    schema: &ConfigSchema,
    before: &Map<String, Value>,
    folder: &Path,
) -> Result<Map<String, Value>, SettingsError> {
    let mut config = before.clone();
    let mut given = HashSet::new();
    for Setting { field: name, text } in settings {
        let Some(field) = schema.field(name) else {
            let names = schema.fields.iter().map(|field| field.name.as_str());
            return Err(SettingsError {
                problem: ConfigProblem::Unknown { field: name.clone() },
                suggestion: suggestion(name, "fields", names),
            });
        };
        let value = value_from(field, text)
            .map_err(|problem| SettingsError { problem, suggestion: None })?;
        let value =
            if field.field_type == FieldType::Path { absolute(&value, folder) } else { value };
        let is_another = !given.insert(&field.name);
        match config.get_mut(&field.name) {
            Some(earlier) if is_another => join(earlier, value),
            _ => drop(config.insert(field.name.clone(), value)),
        }
    }
    Ok(config)
}

fn value_from(field: &Field, text: &str) -> Result<Value, ConfigProblem> {
    let is_many = matches!(field.field_type, FieldType::List | FieldType::Map);
    if is_many
        && text.starts_with(['[', '{'])
        && let Ok(value) = serde_json::from_str(text)
    {
        let schema = ConfigSchema { fields: vec![Field { required: false, ..field.clone() }] };
        let alone = Map::from_iter([(field.name.clone(), value)]);
        return match schema.check(&alone) {
            Ok(()) => Ok(alone.into_iter().next().map_or(Value::Null, |(_, value)| value)),
            Err(mut problems) => Err(problems.remove(0)),
        };
    }
    field.value_from_text(text)
}

/// Adds what was given once more.
fn join(earlier: &mut Value, value: Value) {
    match (earlier, value) {
        (Value::Array(items), Value::Array(more)) => items.extend(more),
        (Value::Object(map), Value::Object(more)) => map.extend(more),
        (earlier, value) => *earlier = value,
    }
}

/// A path means the same wherever the component is used from.
fn absolute(value: &Value, folder: &Path) -> Value {
    let text = value.as_str().unwrap_or_default();
    // Through its components, so that `.` leaves no trace.
    let path: std::path::PathBuf = folder.join(text).components().collect();
    Value::from(path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> ConfigSchema {
        serde_json::from_str(
            r#"[{"name":"path","type":"path"},{"name":"max_size","type":"integer","minimum":1},
                {"name":"tags","type":"list"},{"name":"labels","type":"map"}]"#,
        )
        .unwrap()
    }

    fn given(pairs: &[(&str, &str)]) -> Result<Value, SettingsError> {
        let settings: Vec<_> = pairs
            .iter()
            .map(|(field, text)| Setting { field: (*field).to_owned(), text: (*text).to_owned() })
            .collect();
        settings_from(&settings, &schema(), &Map::new(), Path::new("/home/me")).map(Value::Object)
    }

    #[test]
    fn texts_become_values_of_the_fields_types() {
        assert_eq!(
            given(&[("path", "./data"), ("max-size", "3")]).unwrap(),
            serde_json::json!({ "path": "/home/me/data", "max_size": 3 })
        );
        assert_eq!(given(&[("path", "/data")]).unwrap(), serde_json::json!({ "path": "/data" }));
    }

    #[test]
    fn lists_and_maps_grow_and_the_rest_is_replaced() {
        let pairs = [("tags", "a,b"), ("tags", r#"["c,d"]"#), ("labels", "x=1"), ("labels", "y=2")];
        assert_eq!(
            given(&pairs).unwrap(),
            serde_json::json!({ "tags": ["a", "b", "c,d"], "labels": { "x": "1", "y": "2" } })
        );
        assert_eq!(
            given(&[("max_size", "1"), ("max_size", "2")]).unwrap(),
            serde_json::json!({ "max_size": 2 })
        );
        assert!(given(&[("tags", "[1]")]).is_err(), "items are texts");
    }

    #[test]
    fn a_wrong_field_comes_with_the_right_one() {
        let error = given(&[("pth", "/data")]).unwrap_err();
        assert_eq!(error.to_string(), "there is no field `pth`");
        assert_eq!(
            error.suggestion.unwrap(),
            "did you mean `path`? fields: path, max_size, tags, labels"
        );
        assert_eq!(
            given(&[("max_size", "0")]).unwrap_err().to_string(),
            "field `max_size` takes a whole number of at least 1, not `0`"
        );
    }
}
