//! What is kept of a run so that it can go on: what was to run, and how.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::data;
use super::workshop::Workshop;
use crate::artifact::ArtifactRef;
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::pipeline::Pipeline;

/// Changes when what is kept can no longer be read by an older version.
const SCHEMA: u32 = 1;

/// What was to run, and how.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct KeptPlan {
    schema: u32,
    /// With its params as they were given.
    pub(in crate::cli) pipeline: Pipeline,
    /// What its steps take from outside, as it was when the run began.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::cli) data: BTreeMap<String, ArtifactRef>,
    /// Whether earlier outcomes may stand in for running steps.
    pub(in crate::cli) use_cache: bool,
}

impl KeptPlan {
    pub(super) fn new(
        pipeline: Pipeline,
        data: BTreeMap<String, ArtifactRef>,
        use_cache: bool,
    ) -> Self {
        Self { schema: SCHEMA, pipeline, data, use_cache }
    }

    pub(super) fn to_text(&self) -> Result<String, Failure> {
        let text = serde_json::to_string(self);
        text.map_err(|error| Failure::new(format!("the plan cannot be written: {error}")))
    }

    /// Makes sure that what its steps take from outside is still there, as it was.
    ///
    /// # Errors
    /// It is not.
    pub(in crate::cli) fn take_in_again(
        &self,
        context: &Context,
        workshop: &Workshop,
    ) -> Result<(), Failure> {
        data::take_in_again(context, &self.pipeline, workshop, &self.data)
    }

    /// Reads what was kept of the run of this name.
    ///
    /// # Errors
    /// Another version has written it.
    pub(in crate::cli) fn read(text: &str, run: &str) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Seal {
            schema: u32,
        }
        let unreadable = |why: String| {
            Failure::new(format!("the plan of run `{run}` cannot be understood: {why}"))
                .hint("run the pipeline again: what was done is in the cache")
        };
        let seal: Seal = serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
        if seal.schema != SCHEMA {
            return Err(unreadable("another version of sundae has written it".to_owned()));
        }
        serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))
    }
}
