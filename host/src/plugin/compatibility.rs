//! May this host load that plugin? One sentence if not, found without loading it.

use std::str::FromStr;

use sundae_plugin_api::identity::BOUNDARY;
use sundae_plugin_api::{ComponentKind, FlavorIdentity, abi};

use super::image::{GlibcVersion, Image};
use super::processor;

/// What of this machine decides whether a library can be loaded.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The target triple that this host was built for.
    pub target: &'static str,
    /// The version of the GNU C library in this process, if it is that one.
    pub glibc: Option<GlibcVersion>,
    /// Whether its processor has the instructions that the compiler calls so.
    pub has_feature: fn(&str) -> bool,
}

impl Machine {
    /// This process.
    #[must_use]
    pub fn here() -> Self {
        let glibc = super::load::glibc_version();
        Self { target: abi::TARGET, glibc, has_feature: processor::has_feature }
    }
}

/// Why no flavor of the library can be used, with the cure.
#[must_use]
pub fn fault_of_library(image: &Image, machine: &Machine) -> Option<String> {
    let identity = &image.identity;
    if !is_same_system(&identity.target, machine.target) {
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
            abi::API
        ));
    }
    if identity.panic == "abort" {
        let fault = "it is built with `panic = \"abort\"`, so that a panic in it would end sundae; build it with `unwind`";
        return Some(fault.to_owned());
    }
    if let (Some(needed), Some(here)) = (image.glibc, machine.glibc)
        && needed > here
    {
        return Some(format!(
            "it needs glibc {needed} or newer, and this machine has {here}; install a build for an older system, or \
             build it here"
        ));
    }
    let mut features = identity.features.split(',').filter(|feature| !feature.is_empty());
    let lacking = features.find(|feature| !(machine.has_feature)(feature))?;
    Some(format!(
        "it needs a processor with `{lacking}`, which this machine does not have; install a build without \
         `target-cpu`, or build it here"
    ))
}

/// Whether two target triples mean the same system: who made the machine (`unknown`, `alpine`) does not matter.
fn is_same_system(one: &str, other: &str) -> bool {
    let system = |triple: &str| {
        let mut parts: Vec<_> = triple.split('-').map(str::to_owned).collect();
        if parts.len() > 3 {
            parts.remove(1);
        }
        parts
    };
    system(one) == system(other)
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
            "name": "x", "version": "1.0.0", "boundary": BOUNDARY, "target": "here", "panic": "unwind",
            "features": "sse2,avx9", "flavors": []
        }))
        .unwrap();
        Image { identity, glibc: Some(GlibcVersion(2, 34)) }
    }

    fn machine() -> Machine {
        Machine { target: "here", glibc: Some(GlibcVersion(2, 36)), has_feature: |_| true }
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
        let mut abort = image();
        abort.identity.panic = "abort".to_owned();
        for (image, part) in [
            (
                abort,
                "it is built with `panic = \"abort\"`, so that a panic in it would end sundae; build",
            ),
            (foreign, "it is built for there, and this is here; install the build for here"),
            (newer, "it needs glibc 2.39 or newer, and this machine has 2.36; install"),
            (other, "it speaks the plugin boundary `sundae-boundary/9`"),
        ] {
            let fault = fault_of_library(&image, &machine()).unwrap();
            assert!(fault.starts_with(part), "{fault}");
        }
        let old = Machine { has_feature: |feature| feature != "avx9", ..machine() };
        let fault = fault_of_library(&image(), &old).unwrap();
        assert!(
            fault.starts_with("it needs a processor with `avx9`, which this machine does not"),
            "{fault}"
        );
    }

    #[test]
    fn who_made_the_machine_does_not_matter() {
        for (one, other, is_same) in [
            ("x86_64-unknown-linux-gnu", "x86_64-pc-linux-gnu", true),
            ("x86_64-alpine-linux-musl", "x86_64-unknown-linux-musl", true),
            ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl", false),
            ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", false),
            ("aarch64-apple-darwin", "aarch64-apple-darwin", true),
            ("aarch64-linux-android", "aarch64-unknown-linux-gnu", false),
        ] {
            assert_eq!(is_same_system(one, other), is_same, "{one} {other}");
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
