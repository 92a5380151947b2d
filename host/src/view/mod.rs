//! What we show: plain values that can be written as JSON. Tables, `--output json` and later the REST bodies are all made
//! from them. Their shapes are promises; what is kept and what is known has other types.

mod component;
mod flavor;
mod list;
mod run;
mod stack;

pub use component::{ComponentView, MASK};
pub use flavor::{FieldView, FlavorView, KindView};
pub use list::{Comparison, Filter, ListError, Listing, Order};
pub use run::{ArtifactView, OutputView, RunRow, RunView, StepView};
pub use stack::{StackMemberView, StackView};
