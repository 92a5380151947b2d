//! What a pipeline takes from outside: files and folders, and objects of the artifact store, each under a name.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sundae_plugin_api::Key;

use super::draft::Draft;
use super::error::{Complaint, Problems, quoted};
use super::files::plain;
use super::source::Located;

/// The word that stands for what comes from outside in what steps take: `data.raw`.
pub const DATA: &str = "data";

/// What a path starts with that is a key in the artifact store.
const IN_STORE: &str = "store:";

/// Where something from outside is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataSource {
    /// A file or a folder: an absolute path.
    Path(PathBuf),
    /// An object in the artifact store; or, as a folder, all objects whose keys start with it and a `/`.
    Store(String),
}

impl std::fmt::Display for DataSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Store(key) => write!(f, "{IN_STORE}{key}"),
        }
    }
}

/// Where everything is that a pipeline takes from outside, by name. Relative paths start from `root`.
pub(super) fn sources(
    draft: &Draft,
    root: &Path,
    problems: &mut Problems<'_>,
) -> Vec<(String, DataSource)> {
    if let (Some(step), Some((data, _))) =
        (draft.steps.iter().find(|step| step.name.value == DATA), draft.data.first())
    {
        problems.at(step.name.span, || {
            Complaint::new(format!(
                "no step can be named `{DATA}` where the pipeline has `[{DATA}]`"
            ))
            .other(data.span, "which would be `data`, too")
        });
    }
    let source = |(name, written): &(Located<String>, Located<String>)| {
        let source = match written.value.strip_prefix(IN_STORE) {
            Some(key) => DataSource::Store(key.trim_end_matches('/').to_owned()),
            None => DataSource::Path(plain(&root.join(&written.value))),
        };
        if let DataSource::Store(key) = &source
            && let Err(error) = Key::new(key.as_str())
        {
            problems.at(written.span, || {
                Complaint::new(format!(
                    "{} cannot be in an artifact store: {error}",
                    quoted(&name.value)
                ))
            });
        }
        (name.value.clone(), source)
    };
    draft.data.iter().map(source).collect()
}
