//! What a plugin says of itself, readable from the file without loading it.

use serde::{Deserialize, Serialize};

use crate::ConfigSchema;

/// The generation of the library boundary: how the root and the crossings are laid out. Both sides must name the same.
pub const BOUNDARY: &str = "sundae-boundary/1 abi_stable/0.11";

/// What stands in the identity section of a library, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The plugin's name: that of its crate, without a leading `sundae-`.
    pub name: String,
    /// Its version, by semver.
    pub version: String,
    /// What it is, in a line.
    #[serde(default)]
    pub summary: String,
    /// Its licence, as an SPDX expression.
    #[serde(default)]
    pub license: String,
    /// Where its users find more.
    #[serde(default)]
    pub homepage: String,
    /// Who wrote it, parted by `:`.
    #[serde(default)]
    pub authors: String,
    /// The boundary it speaks; see [`BOUNDARY`].
    pub boundary: String,
    /// The target triple it was built for.
    pub target: String,
    /// The processor features that its code takes for granted, parted by `,`, as the compiler calls them.
    #[serde(default)]
    pub features: String,
    /// The compiler it was built with.
    #[serde(default)]
    pub rustc: String,
    /// The version of this crate that it was built with. For people: what fits is known by boundary and interfaces.
    #[serde(default)]
    pub api: String,
    /// `unwind`, or `abort` where a panic ends the host.
    #[serde(default)]
    pub panic: String,
    /// What it offers.
    pub flavors: Vec<FlavorIdentity>,
}

/// One flavor of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlavorIdentity {
    /// The kind's name; a text, since it may be of a kind that this version does not know.
    pub kind: String,
    /// Its name within the kind.
    pub name: String,
    /// What it does, in a line.
    #[serde(default)]
    pub summary: String,
    /// The interfaces by which it can be used, such as `artifact-store/1`.
    pub interfaces: Vec<String>,
    /// How it is configured.
    #[serde(default)]
    pub config: ConfigSchema,
}

impl FlavorIdentity {
    /// `kind/name`, as flavors are written.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}
