//! What shall run: the steps of a pipeline file, checked, with every error pointing into the file.
//!
//! Reading goes from text to meaning in four passes, and each only sees what the one before it accepted:
//! `document` (syntax, with places), `draft` (shape: keys and types), `resolve` (what refers to what), `graph` (order).

mod document;
mod draft;
mod error;
mod graph;
mod names;
mod params;
mod policy;
mod quantity;
mod resolve;
mod selection;
mod shell;
mod source;
mod step;
mod template;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use error::{PipelineError, Place, Problem};
pub use graph::{Cycle, Graph};
pub use names::{is_name, is_reserved, variable};
pub use params::text;
pub use policy::{FailurePolicy, Hooks, Resources, Retry, Trigger};
pub use quantity::spoken;
pub use selection::{Role, Selection, SelectionError};
pub use step::{OutputRef, Run, Step};
pub use template::{Quoting, Reference, Slot, Template, TemplateError, Values};

use error::Problems;
use source::Source;

/// A pipeline that has been checked: every reference resolves, and no step waits for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    pub name: String,
    /// The absolute folder that relative paths of the steps start from.
    pub root: PathBuf,
    /// The params of the whole pipeline, overrides applied.
    pub params: BTreeMap<String, Value>,
    /// How long a run may take.
    pub timeout: Option<Duration>,
    /// What becomes of the rest when a step has failed.
    pub failure_policy: FailurePolicy,
    /// What else is done when something happens in a run.
    pub hooks: Hooks,
    /// In the order of the file.
    pub steps: Vec<Step>,
}

/// The two spellings of a pipeline file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Toml,
    Json,
}

impl Format {
    /// JSON when the name ends in `.json`, else TOML.
    pub fn of(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Toml,
        }
    }
}

impl Pipeline {
    /// Reads the file at `path`. Relative paths in it start from its folder.
    pub fn read(path: &Path, overrides: &[(String, String)]) -> Result<Self, PipelineError> {
        let unreadable = |cause| PipelineError::Unreadable { path: path.to_owned(), cause };
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => return Err(PipelineError::not_text(path, &bytes, error.valid_up_to())),
        };
        let folder = std::path::absolute(path).map_err(unreadable)?;
        let base = folder.parent().unwrap_or(&folder);
        Self::parse(text, Format::of(path), &path.display().to_string(), base, overrides)
    }

    /// Reads a pipeline from `text`. Errors call it `name_for_errors`; relative paths in it start from `base`.
    ///
    /// Each override is a KEY and a VALUE as typed behind `-p`; of two for the same key the later counts.
    pub fn parse(
        text: &str,
        format: Format,
        name_for_errors: &str,
        base: &Path,
        overrides: &[(String, String)],
    ) -> Result<Self, PipelineError> {
        let source = Source::new(name_for_errors, text);
        let document = document::parse(&source, format).map_err(PipelineError::from)?;
        let mut problems = Problems::of(&source);
        let draft = draft::read(&document, format, &mut problems);
        let draft = problems.none_or(draft)?;
        let pipeline = resolve::resolve(draft, base, overrides, &mut problems);
        problems.none_or(pipeline)
    }

    /// The step of that name.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Who waits for whom. A pipeline that came from [`Pipeline::read`] or [`Pipeline::parse`] has no cycle.
    pub fn graph(&self) -> Result<Graph, Cycle> {
        Graph::new(&self.steps)
    }
}

#[cfg(test)]
mod tests;
