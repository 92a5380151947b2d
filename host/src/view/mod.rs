//! What we show: plain values that can be written as JSON. Tables, `--output json` and later the REST bodies are all made
//! from them. Their shapes are promises; what is kept and what is known has other types.

mod component;
mod diff;
mod flavor;
mod graph;
mod keeping;
mod lineage;
mod list;
mod plan;
mod run;
mod secret;
mod stack;
mod status;
mod step;
mod version;

pub use component::{CheckView, CheckedView, ComponentDetail, ComponentView, MASK};
pub use diff::{
    Change, Content, MetricChange, OutputChange, RunDiff, RunFacts, RunSide, StepPair, StepSide,
};
pub use flavor::{FieldView, FlavorView, KindView};
pub use graph::{GraphEdge, GraphStep, GraphView};
pub use keeping::{
    DamageView, GarbageView, RemovedView, RepairedView, RunGarbageView, TotalView, VerifiedView,
};
pub use lineage::{LineageEdge, LineageNode, LineageStep, LineageView};
pub use list::{Comparison, Filter, ListError, Listing, Order};
pub use plan::{PlanRow, Would};
pub use run::{ArtifactDetail, ArtifactState, ArtifactView, OutputView, RunRow, RunView, StepView};
pub use secret::SecretView;
pub use stack::{ActiveStackView, StackMemberView, StackView};
pub use status::{ActiveNameView, PlaceView, ProjectView, StatusView};
pub use step::{AttemptView, InputView, ItemView, LogView, StepDetail, StepParts};
pub use version::VersionView;
