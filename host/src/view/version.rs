//! The program, and what plugins must fit.

use serde::Serialize;
use sundae_plugin_api::ComponentKind;
use sundae_plugin_api::identity::BOUNDARY;

/// The program's version, as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VersionView {
    /// The version of the host.
    pub version: String,
    /// The generation of the plugin boundary that it speaks.
    pub boundary: String,
    /// The interfaces that it speaks, of all kinds.
    pub interfaces: Vec<String>,
    /// The target triple that it was built for.
    pub target: String,
    /// The compiler that it was built with.
    pub rustc: String,
}

impl VersionView {
    /// The host that was built so.
    #[must_use]
    pub fn here(version: &str, target: &str, rustc: &str) -> Self {
        let interfaces = ComponentKind::ALL.iter().flat_map(|kind| kind.interfaces());
        Self {
            version: version.to_owned(),
            boundary: BOUNDARY.to_owned(),
            interfaces: interfaces.map(|id| (*id).to_owned()).collect(),
            target: target.to_owned(),
            rustc: rustc.to_owned(),
        }
    }
}
