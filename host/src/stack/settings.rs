//! From texts of a command line to a flavor's configuration, by its schema.

use std::path::Path;

use serde_json::{Map, Value};
use sundae_plugin_api::{ConfigProblem, ConfigSchema, FieldType};

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
/// # Errors
/// The first setting that the schema does not take. What is missing is not looked for: that is [`ConfigSchema::check`]'s.
pub fn settings_from(
    settings: &[Setting],
    schema: &ConfigSchema,
    before: &Map<String, Value>,
    folder: &Path,
) -> Result<Map<String, Value>, SettingsError> {
    let mut config = before.clone();
    for Setting { field: name, text } in settings {
        let Some(field) = schema.field(name) else {
            let names = schema.fields.iter().map(|field| field.name.as_str());
            return Err(SettingsError {
                problem: ConfigProblem::Unknown { field: name.clone() },
                suggestion: suggestion(name, "fields", names),
            });
        };
        let value = field
            .value_from_text(text)
            .map_err(|problem| SettingsError { problem, suggestion: None })?;
        let value =
            if field.field_type == FieldType::Path { absolute(&value, folder) } else { value };
        config.insert(field.name.clone(), value);
    }
    Ok(config)
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
            r#"[{"name":"path","type":"path"},{"name":"max_size","type":"integer","minimum":1}]"#,
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
    fn a_wrong_field_comes_with_the_right_one() {
        let error = given(&[("pth", "/data")]).unwrap_err();
        assert_eq!(error.to_string(), "there is no field `pth`");
        assert_eq!(error.suggestion.unwrap(), "did you mean `path`? fields: path, max_size");
        assert_eq!(
            given(&[("max_size", "0")]).unwrap_err().to_string(),
            "field `max_size` takes a whole number of at least 1, not `0`"
        );
    }
}
