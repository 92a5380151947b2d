//! May this host load that plugin? One sentence if not, found without loading it.

use std::str::FromStr;

use sundae_plugin_api::identity::BOUNDARY;
use sundae_plugin_api::{ComponentKind, FlavorIdentity, abi};

use super::image::{GlibcVersion, Image};

/// What of this machine decides whether a library can be loaded.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The target triple that this host was built for.
    pub target: &'static str,
    /// The version of the GNU C library in this process, if it is that one.
    pub glibc: Option<GlibcVersion>,
}

impl Machine {
    /// This process.
    #[must_use]
    pub fn here() -> Self {
        Self { target: abi::TARGET, glibc: super::load::glibc_version() }
    }
}

/// Why no flavor of the library can be used, with the cure.
#[must_use]
pub fn fault_of_library(image: &Image, machine: &Machine) -> Option<String> {
    let identity = &image.identity;
    if identity.target != machine.target {
        return Some(format!(
            "it is built for {}, and this is {}; install the build for {}",
            identity.target, machine.target, machine.target
        ));
    }
    if identity.boundary != BOUNDARY {
        return Some(format!(
            "it speaks the plugin boundary `{}`, and this host `{BOUNDARY}`; install a build that was made with \
             sundae-plugin-api {}",
            identity.boundary,
            env!("CARGO_PKG_VERSION")
        ));
    }
    match (image.glibc, machine.glibc) {
        (Some(needed), Some(here)) if needed > here => Some(format!(
            "it needs glibc {needed} or newer, and this machine has {here}; install a build for an older system, or \
             build it here"
        )),
        _ => None,
    }
}

/// Why a flavor cannot be used although its library can, with the cure.
#[must_use]
pub fn fault_of_flavor(flavor: &FlavorIdentity) -> Option<String> {
    let Ok(kind) = ComponentKind::from_str(&flavor.kind) else {
        return Some(format!(
            "this host does not know the kind `{}`; update sundae",
            flavor.kind.escape_debug()
        ));
    };
    let ours = kind.interfaces();
    if flavor.interfaces.iter().any(|theirs| ours.contains(&theirs.as_str())) {
        return None;
    }
    let spoken = if ours.is_empty() { "none of that kind".to_owned() } else { ours.join(", ") };
    Some(format!(
        "it speaks {}, and this host {spoken}; update whichever is older",
        flavor.interfaces.join(", ").escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sundae_plugin_api::Identity;

    fn image() -> Image {
        let identity: Identity = serde_json::from_value(serde_json::json!({
            "name": "x", "version": "1.0.0", "boundary": BOUNDARY, "target": "here", "flavors": []
        }))
        .unwrap();
        Image { identity, glibc: Some(GlibcVersion(2, 34)) }
    }

    fn machine() -> Machine {
        Machine { target: "here", glibc: Some(GlibcVersion(2, 36)) }
    }

    #[test]
    fn what_fits_has_no_fault() {
        assert_eq!(fault_of_library(&image(), &machine()), None);
    }

    #[test]
    fn each_misfit_is_a_sentence_with_its_cure() {
        let mut foreign = image();
        foreign.identity.target = "there".to_owned();
        let mut newer = image();
        newer.glibc = Some(GlibcVersion(2, 39));
        let mut other = image();
        other.identity.boundary = "sundae-boundary/9".to_owned();
        for (image, part) in [
            (foreign, "it is built for there, and this is here; install the build for here"),
            (newer, "it needs glibc 2.39 or newer, and this machine has 2.36; install"),
            (other, "it speaks the plugin boundary `sundae-boundary/9`"),
        ] {
            let fault = fault_of_library(&image, &machine()).unwrap();
            assert!(fault.starts_with(part), "{fault}");
        }
    }

    #[test]
    fn a_flavor_of_the_future_is_told_apart_from_one_of_an_unknown_kind() {
        let flavor = |kind: &str, interface: &str| FlavorIdentity {
            kind: kind.to_owned(),
            name: "x".to_owned(),
            summary: String::new(),
            interfaces: vec![interface.to_owned()],
            config: Default::default(),
        };
        assert_eq!(fault_of_flavor(&flavor("artifact-store", "artifact-store/1")), None);
        assert_eq!(
            fault_of_flavor(&flavor("artifact-store", "artifact-store/9")).unwrap(),
            "it speaks artifact-store/9, and this host artifact-store/1; update whichever is older"
        );
        assert_eq!(
            fault_of_flavor(&flavor("oracle", "oracle/1")).unwrap(),
            "this host does not know the kind `oracle`; update sundae"
        );
    }
}
