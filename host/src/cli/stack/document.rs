//! A stack as a file: what `export` writes and `import` reads.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sundae_plugin_api::ComponentKind;

use crate::cli::Failure;
use crate::stack::Stack;

/// The format that is written, and the newest that is read.
const FORMAT: u32 = 1;

/// A stack as a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The number of the format.
    pub format: u32,
    /// The stack's name.
    pub name: String,
    /// Its components, in its order.
    pub components: Vec<Member>,
}

/// A component of the stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Member {
    /// Its kind.
    pub kind: ComponentKind,
    /// Its name.
    pub name: String,
    /// Its flavor.
    pub flavor: String,
    /// The plugin that offers the flavor.
    pub plugin: String,
    /// What was given for its fields.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
}

#[derive(Deserialize)]
struct Format {
    format: Option<u32>,
}

impl Document {
    /// A stack as it is registered.
    pub(super) fn of(stack: &Stack) -> Self {
        let member = |component: &crate::stack::Component| Member {
            kind: component.kind,
            name: component.name.clone(),
            flavor: component.flavor.clone(),
            plugin: component.plugin.clone(),
            config: component.config.clone(),
        };
        let components = stack.components.iter().map(member).collect();
        Self { format: FORMAT, name: stack.name.clone(), components }
    }

    /// The text of the file.
    ///
    /// # Errors
    /// A number in it is too large for TOML.
    pub(super) fn to_toml(&self) -> Result<String, Failure> {
        let text = toml::to_string(self).map_err(|error| {
            Failure::new(format!("stack `{}` cannot be written as TOML: {error}", self.name))
        })?;
        Ok(format!("# A stack of Sundae; `sundae stack import FILE` registers it.\n{text}"))
    }

    /// Reads the text of a file; `path` is what errors call it.
    ///
    /// # Errors
    /// With the line, what is wrong in it.
    pub(super) fn from_toml(text: &str, path: &Path) -> Result<Self, Failure> {
        let path = path.display();
        // What a newer version writes may have more in it than this one knows.
        let format = toml::from_str::<Format>(text).ok().and_then(|format| format.format);
        if let Some(format) = format.filter(|format| *format > FORMAT) {
            return Err(Failure::new(format!(
                "{path} was written by a newer version of sundae (its format is {format}, this version knows {FORMAT})"
            ))
            .hint("update sundae"));
        }
        toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
            Failure::new(format!("{path}:{line}: {}", error.message()))
                .hint("`sundae stack export` writes such a file")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Document {
        let member = |kind, config: Value| Member {
            kind,
            name: "mine".to_owned(),
            flavor: "x".to_owned(),
            plugin: "plugin-x".to_owned(),
            config: config.as_object().cloned().unwrap_or_default(),
        };
        let config = json!({
            "labels": { "a": "1" }, "path": "/a \"b\"\n", "size": 5, "ratio": 0.5, "tags": ["x", "y"], "token": "{env.T}"
        });
        let components = vec![
            member(ComponentKind::Orchestrator, json!({})),
            member(ComponentKind::ArtifactStore, config),
        ];
        Document { format: FORMAT, name: "mine".to_owned(), components }
    }

    #[test]
    fn what_is_written_is_read() {
        let text = document().to_toml().unwrap();
        assert_eq!(Document::from_toml(&text, Path::new("x")).unwrap(), document());
    }

    #[test]
    fn what_is_wrong_is_pointed_at() {
        let said = |text| Document::from_toml(text, Path::new("s.toml")).unwrap_err().message;
        assert_eq!(
            said("format = 9\nname = \"x\"\nnew = 1\n"),
            "s.toml was written by a newer version of sundae (its format is 9, this version knows 1)"
        );
        let text = document().to_toml().unwrap().replace("artifact-store", "artifact-shop");
        assert_eq!(said(&text), "s.toml:12: `artifact-shop` is not a kind of component");
        assert!(said("nonsense").starts_with("s.toml:1: "));
    }
}
