//! Components and stacks as data: what they are, what they are called, which of them go together. No I/O.

mod component;
mod lookup;
mod names;
mod rules;
mod secret;
mod settings;

pub use component::{Component, Stack};
pub use lookup::{Candidate, LookupError, Named, find};
pub use names::{InvalidName, check_name};
pub use rules::{
    StackProblem, check_fit, check_members, is_default_component, is_default_stack, with_article,
};
pub use secret::SecretReference;
pub use settings::{Setting, SettingsError, settings_from};
