//! What we show: plain values that can be written as JSON. Tables, `--output json` and later the REST bodies are all made
//! from them. Their shapes are promises; what is kept and what is known has other types.

mod component;
mod flavor;
mod list;
mod plan;
mod run;
mod secret;
mod stack;
mod status;
mod version;

pub use component::{ComponentDetail, ComponentView, MASK};
pub use flavor::{FieldView, FlavorView, KindView};
pub use list::{Comparison, Filter, ListError, Listing, Order};
pub use plan::{PlanRow, Would};
pub use run::{ArtifactDetail, ArtifactState, ArtifactView, OutputView, RunRow, RunView, StepView};
pub use secret::SecretView;
pub use stack::{ActiveStackView, StackMemberView, StackView};
pub use status::{ActiveNameView, PlaceView, ProjectView, StatusView};
pub use version::VersionView;
