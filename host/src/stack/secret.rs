//! Secrets are not kept with a component: in their place stands the name of the environment variable that holds them.

use serde_json::Value;

/// The variable that a value such as `{env.TOKEN}` names.
#[must_use]
pub fn variable_of(value: &Value) -> Option<&str> {
    let name = value.as_str()?.strip_prefix("{env.")?.strip_suffix('}')?;
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_fine)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::variable_of;
    use serde_json::json;

    #[test]
    fn only_the_whole_form_is_a_reference() {
        assert_eq!(variable_of(&json!("{env.TOKEN_2}")), Some("TOKEN_2"));
        for other in
            [json!("hunter2"), json!("{env.}"), json!("{env.A B}"), json!("x{env.A}"), json!(7)]
        {
            assert_eq!(variable_of(&other), None, "{other}");
        }
    }
}
