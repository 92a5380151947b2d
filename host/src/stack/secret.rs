//! Secrets are not kept with a component: in their place stands a reference to where they are.

use serde_json::Value;

/// Where the value of a secret field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretReference<'a> {
    /// `{secret.NAME}`: a secret that Sundae keeps.
    Secret(&'a str),
    /// `{env.NAME}`: an environment variable.
    Variable(&'a str),
}

impl<'a> SecretReference<'a> {
    /// What a value refers to; only the whole of it can be a reference.
    #[must_use]
    pub fn of(value: &'a Value) -> Option<Self> {
        let (word, name) = value.as_str()?.strip_prefix('{')?.strip_suffix('}')?.split_once('.')?;
        let is_fine =
            |c: char| c.is_ascii_alphanumeric() || c == '_' || (c == '-' && word == "secret");
        if name.is_empty() || !name.chars().all(is_fine) {
            return None;
        }
        match word {
            "secret" => Some(Self::Secret(name)),
            "env" => Some(Self::Variable(name)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SecretReference::{self, Secret, Variable};
    use serde_json::json;

    #[test]
    fn only_the_whole_form_is_a_reference() {
        assert_eq!(SecretReference::of(&json!("{env.TOKEN_2}")), Some(Variable("TOKEN_2")));
        assert_eq!(SecretReference::of(&json!("{secret.api-token}")), Some(Secret("api-token")));
        for other in [
            json!("hunter2"),
            json!("{env.}"),
            json!("{env.A B}"),
            json!("{env.A-B}"),
            json!("{secret.a/b}"),
            json!("{param.a}"),
            json!("x{env.A}"),
            json!(7),
        ] {
            assert_eq!(SecretReference::of(&other), None, "{other}");
        }
    }
}
