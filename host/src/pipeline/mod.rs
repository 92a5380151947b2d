//! What shall run: the steps of a pipeline file, checked, with every error pointing into the file.
//!
//! Reading goes from text to meaning in four passes, and each only sees what the one before it accepted:
//! `document` (syntax, with places), `draft` (shape: keys and types), `resolve` (what refers to what), `graph` (order).

mod condition;
mod data;
mod document;
mod draft;
mod error;
mod facts;
mod files;
mod graph;
mod inline;
mod inner;
mod items;
mod known;
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

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use condition::{Condition, Fact, Verdict};
pub use data::{DATA, DataSource};
pub use error::{PipelineError, Place, Problem};
pub use files::Load;
pub use graph::{Cycle, Graph};
pub use names::{file_name, is_name, is_reserved, variable};
pub use params::text;
pub use policy::{FailurePolicy, Hooks, Resources, Retry, Trigger};
pub use quantity::spoken;
pub use selection::{Role, Selection, SelectionError};
pub use step::{Items, OutputRef, Run, Step};
pub use template::{Quoting, Reference, Slot, Template, TemplateError, Values};

use error::Problems;
use files::Files;
use source::Source;

/// A pipeline that has been checked: every reference resolves, and no step waits for itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    pub name: String,
    /// The absolute folder that relative paths of the steps start from.
    pub root: PathBuf,
    /// The params of the whole pipeline, overrides applied.
    pub params: BTreeMap<String, Value>,
    /// What steps take from outside, as `data.NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, DataSource>,
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
    /// Reads the file at `path`, and the files of the pipelines that it has as steps. Relative paths start from the folder of
    /// the file in which they are.
    pub fn read(path: &Path, overrides: &[(String, String)]) -> Result<Self, PipelineError> {
        let text = read_text(path)?;
        let absolute = std::path::absolute(path)
            .map_err(|cause| PipelineError::Unreadable { path: path.to_owned(), cause })?;
        let name = path.display().to_string();
        Self::parse_with(&text, Format::of(path), &name, &absolute, overrides, &read_text)
    }

    /// Reads a pipeline from `text`. Errors call it `name_for_errors`; relative paths in it start from `base`.
    ///
    /// Each override is a KEY and a VALUE as typed behind `-p`; of two for the same key the later counts. There are no other
    /// files: no step can be a pipeline.
    pub fn parse(
        text: &str,
        format: Format,
        name_for_errors: &str,
        base: &Path,
        overrides: &[(String, String)],
    ) -> Result<Self, PipelineError> {
        let alone = |path: &Path| {
            let cause = std::io::Error::other("no other file can be read here");
            Err(PipelineError::Unreadable { path: path.to_owned(), cause })
        };
        let path = base.join(Path::new(name_for_errors).file_name().unwrap_or_default());
        Self::parse_with(text, format, name_for_errors, &path, overrides, &alone)
    }

    /// As [`Self::parse`], with a way to the files of the pipelines that are steps. The text is that of the file at `path`, which
    /// is absolute.
    pub fn parse_with(
        text: &str,
        format: Format,
        name_for_errors: &str,
        path: &Path,
        overrides: &[(String, String)],
        load: &Load<'_>,
    ) -> Result<Self, PipelineError> {
        let source = Source::new(name_for_errors, text);
        let document = document::parse(&source, format).map_err(PipelineError::from)?;
        let mut problems = Problems::of(&source);
        let draft = draft::read(&document, format, &mut problems);
        resolve::is_whole(&draft, &mut problems);
        // Of a file with ten thousand steps it takes more memory than all that follows.
        drop(document);
        let draft = problems.none_or(draft)?;
        let read = Cell::new(0);
        // The first file leads nowhere yet, so it cannot be refused.
        let files = Files::new(load, &read);
        let files = files.within(path, name_for_errors).unwrap_or(files);
        let base = path.parent().unwrap_or(path);
        let resolved = resolve::resolve(draft, base, overrides, &files, &mut problems);
        problems.none_or(resolved.pipeline)
    }

    /// The step of that name.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Whether this comes from outside and not from a step.
    pub fn is_data(&self, from: &OutputRef) -> bool {
        from.step == DATA && self.data.contains_key(&from.output)
    }

    /// What its steps take from outside, by name; what none of them takes is left out.
    pub fn data_taken(&self) -> BTreeMap<&str, &DataSource> {
        let taken = self.steps.iter().flat_map(Step::taken).filter(|(_, from)| self.is_data(from));
        let named = taken.filter_map(|(_, from)| self.data.get_key_value(&from.output));
        named.map(|(name, source)| (name.as_str(), source)).collect()
    }

    /// Who waits for whom. A pipeline that came from [`Pipeline::read`] or [`Pipeline::parse`] has no cycle.
    pub fn graph(&self) -> Result<Graph, Cycle> {
        Graph::new(&self.steps)
    }
}

fn read_text(path: &Path) -> Result<String, PipelineError> {
    let unreadable = |cause| PipelineError::Unreadable { path: path.to_owned(), cause };
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        PipelineError::not_text(path, error.as_bytes(), valid)
    })
}

#[cfg(test)]
mod tests;
