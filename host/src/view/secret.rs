//! Secrets, without their values.

use serde::Serialize;

/// A secret in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretView {
    /// Its name.
    pub name: String,
    /// The components whose configuration names it, as `KIND/NAME`.
    pub used_by: Vec<String>,
    /// When it was first set.
    pub created: String,
    /// When it was last set.
    pub updated: String,
}
