//! What may go from a store, what went, and what is wrong in it.

use serde::Serialize;

use crate::keeping::{Damage, Fault, Garbage, Needed, Repaired, Swept, Total, Verified};

/// How many objects, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TotalView {
    /// How many.
    pub objects: u64,
    /// Bytes.
    pub bytes: u64,
}

impl From<Total> for TotalView {
    fn from(total: Total) -> Self {
        Self { objects: total.objects, bytes: total.bytes }
    }
}

/// What of a run may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunGarbageView {
    /// The name of the run.
    pub run: String,
    /// What it alone still had.
    #[serde(flatten)]
    pub total: TotalView,
}

/// What may go from a store, and what went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GarbageView {
    /// The name of the artifact store.
    pub artifact_store: String,
    /// Where it keeps its objects.
    pub location: String,
    /// Objects that may go: files, manifests of folders, logs.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Outcomes of steps that may go.
    pub outcomes: u64,
    /// Files of attempts of runs that are over.
    pub attempt_files: u64,
    /// Unfinished files that nobody writes to any more.
    pub unfinished: TotalView,
    /// The runs that do not keep their artifacts, the latest first; what several had is the latest one's.
    pub runs: Vec<RunGarbageView>,
    /// What may go and is of no run that is recorded here.
    pub of_others: TotalView,
    /// What runs need that keep what they have.
    pub kept: TotalView,
    /// What they do not need, but is too young to go, or needed by what is.
    pub young: TotalView,
    /// What is younger stays in any case. Seconds.
    pub grace_s: u64,
    /// What went; nothing yet in a dry run.
    pub removed: Option<RemovedView>,
}

/// What went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RemovedView {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Outcomes of steps.
    pub outcomes: u64,
    /// Files of attempts.
    pub attempt_files: u64,
    /// What came to be needed, or was made anew, just then.
    pub spared: u64,
}

impl GarbageView {
    /// What was found in the store of this name.
    #[must_use]
    pub fn new(store: &str, location: &str, garbage: &Garbage, unfinished: Total) -> Self {
        let total = garbage.total();
        let runs = garbage.by_run.iter();
        Self {
            artifact_store: store.to_owned(),
            location: location.to_owned(),
            objects: total.objects,
            bytes: total.bytes,
            outcomes: garbage.outcomes.len() as u64,
            attempt_files: garbage.attempts.len() as u64,
            unfinished: unfinished.into(),
            runs: runs
                .map(|(run, total)| RunGarbageView { run: run.clone(), total: (*total).into() })
                .collect(),
            of_others: garbage.of_others.into(),
            kept: garbage.kept.into(),
            young: garbage.young.into(),
            grace_s: garbage.grace_ms / 1000,
            removed: None,
        }
    }
}

impl From<Swept> for RemovedView {
    fn from(swept: Swept) -> Self {
        Self {
            objects: swept.objects.objects,
            bytes: swept.objects.bytes,
            outcomes: swept.outcomes,
            attempt_files: swept.attempts,
            spared: swept.spared,
        }
    }
}

/// What was found out about a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerifiedView {
    /// The name of the artifact store.
    pub artifact_store: String,
    /// Where it keeps its objects.
    pub location: String,
    /// How many objects were read.
    pub objects: u64,
    /// How many outcomes were read.
    pub outcomes: u64,
    /// Bytes of the objects.
    pub bytes: u64,
    /// What is not as it should be.
    pub damages: Vec<DamageView>,
    /// What was taken out.
    pub repaired: Option<RepairedView>,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamageView {
    /// `object` or `outcome`.
    pub what: &'static str,
    /// The digest of an object, the cache key of an outcome.
    pub digest: String,
    /// `damaged`, `missing`, or `unread`.
    pub state: &'static str,
    /// What was found.
    pub reason: Option<String>,
    /// Which runs and outcomes need it: `training-3/train.model`.
    pub needed_by: Vec<String>,
}

/// What was taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RepairedView {
    /// Damaged objects.
    pub objects: u64,
    /// Outcomes that were damaged, or whose data is damaged or missing.
    pub outcomes: u64,
}

impl VerifiedView {
    /// What was found out about the store of this name.
    #[must_use]
    pub fn new(store: &str, location: &str, verified: &Verified) -> Self {
        Self {
            artifact_store: store.to_owned(),
            location: location.to_owned(),
            objects: verified.objects,
            outcomes: verified.outcomes,
            bytes: verified.bytes,
            damages: verified.damages.iter().map(DamageView::new).collect(),
            repaired: None,
        }
    }
}

impl DamageView {
    fn new(damage: &Damage) -> Self {
        let (state, reason) = match &damage.fault {
            Fault::Damaged { reason } => ("damaged", Some(reason.clone())),
            Fault::Missing => ("missing", None),
            Fault::Unread { reason } => ("unread", Some(reason.clone())),
        };
        let needed_by = damage.needed_by.iter().map(|user| match user {
            Needed::Run(name) => name.clone(),
            Needed::Outcome { run, .. } => format!("the cache (a step of {run})"),
        });
        let mut needed_by: Vec<_> = needed_by.collect();
        needed_by.dedup();
        let what = if damage.is_outcome { "outcome" } else { "object" };
        Self { what, digest: damage.digest.to_string(), state, reason, needed_by }
    }
}

impl From<Repaired> for RepairedView {
    fn from(repaired: Repaired) -> Self {
        Self { objects: repaired.objects, outcomes: repaired.outcomes }
    }
}
