//! What cannot be used is told in one sentence with its cure, before any of its code runs.

use std::fs;

use sundae::plugin::LoadError;
use sundae_plugin_api::abi;

use super::world::{World, patched, positions};
use crate::support::plugins::library;

fn sound() -> Vec<u8> {
    fs::read(library("sundae-hostile-plugin")).unwrap()
}

/// A file of which nothing can be read: its sentence and cure.
#[track_caller]
fn assert_unreadable(bytes: &[u8], sentence: &str, cure: &str) {
    let world = World::new();
    let path = world.add("hostile.so", bytes);
    let catalog = world.catalog();
    let (library, why) = catalog.broken().next().expect("it is a row in the list");
    assert_eq!(
        (library.path.as_path(), why.to_string(), why.cure()),
        (&*path, sentence.to_owned(), cure)
    );
    assert!(catalog.flavors().is_empty());
    let error = world.refusal();
    assert_eq!(
        error.to_string(),
        "artifact-store `c` needs the flavor artifact-store/hostile of the plugin `hostile-plugin`, which is not installed"
    );
    assert_eq!(
        error.cure().unwrap(),
        "put the library of the plugin `hostile-plugin` into a plugin folder; `sundae flavor --list` shows what is there"
    );
}

/// A library that is known, and does not fit: its sentence in the list and when it is wanted.
#[track_caller]
fn assert_incompatible(bytes: &[u8], reason: &str) {
    let world = World::new();
    let path = world.add("hostile.so", bytes);
    assert_eq!(world.row(), ("incompatible", Some(reason.to_owned())));
    let sentence = format!("the plugin {} cannot be used: {reason}", path.display());
    assert_eq!(world.refusal().to_string(), sentence);
    assert_eq!(world.log.verdicts(), [], "nothing of it was run");
}

/// A library whose fault only shows when it is loaded, in the probe: it says so in an orderly way, and is not quarantined.
#[track_caller]
fn assert_unfit(bytes: &[u8], reason: &str) {
    let world = World::new();
    let path = world.add("hostile.so", bytes);
    assert_eq!(world.row(), ("available", None));
    let error = world.refusal();
    let reason = reason.replace("PATH", &path.display().to_string());
    assert_eq!(
        error.to_string(),
        format!("the plugin {} cannot be used: {reason}", path.display())
    );
    assert!(matches!(error, LoadError::Unusable { .. }));
    assert_eq!(world.log.verdicts(), [], "what is mended is found to be mended");
}

#[test]
fn an_empty_file() {
    assert_unreadable(b"", "it is not a shared library", "take it out of the plugin folder");
}

#[test]
fn a_text() {
    let text = b"plugins are written like this:\n".repeat(40);
    assert_unreadable(&text, "it is not a shared library", "take it out of the plugin folder");
}

#[test]
fn a_library_that_was_cut_short() {
    let whole = sound();
    for end in [100, 5_000, 300_000, whole.len() - 1] {
        let needed = match end {
            100 => 64 + 56 * u64::from(whole[56]),
            _ => whole.len() as u64,
        };
        let sentence =
            format!("it is truncated: its headers need {needed} bytes, and it has {end}");
        assert_unreadable(&whole[..end], &sentence, "install the plugin again");
    }
}

#[test]
fn a_library_for_another_processor() {
    let mut foreign = sound();
    // e_machine
    foreign[18] = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    let (found, ours) = match std::env::consts::ARCH {
        "aarch64" => ("x86_64", "aarch64"),
        ours => ("aarch64", ours),
    };
    assert_unreadable(
        &foreign,
        &format!("it is built for {found}, and this machine is {ours}"),
        "install the build of the plugin for this machine",
    );
}

#[test]
fn a_library_for_another_system() {
    let cure = "install the build of the plugin for this machine";
    assert_unreadable(b"MZ\x90\0 and so on", "it is a library for Windows", cure);
    assert_unreadable(b"\xcf\xfa\xed\xfe and so on", "it is a library for macOS", cure);
}

#[test]
fn a_library_of_something_else() {
    let bytes = patched(b"Sundae\0\0", 0, b"Monday\0\0");
    assert_unreadable(
        &bytes,
        "it is a shared library, but no Sundae plugin: it carries no identity",
        "take it out of the plugin folder",
    );
}

#[test]
fn an_identity_of_nonsense() {
    let bytes = patched(br#"{"name":"hostile-plugin""#, 0, br#"{"name":"host/../plugin""#);
    assert_unreadable(
        &bytes,
        "its identity cannot be read: `host/../plugin` is not a name of a plugin",
        "ask its author for a build with a released sundae-plugin-api",
    );
}

#[test]
fn a_plugin_of_a_future_boundary() {
    assert_incompatible(
        &patched(b"sundae-boundary/1", 0, b"sundae-boundary/9"),
        &format!(
            "it speaks the plugin boundary `sundae-boundary/9 abi_stable/0.11`, and this host \
             `sundae-boundary/1 abi_stable/0.11`; install a build that was made with sundae-plugin-api {}",
            abi::API
        ),
    );
}

#[test]
fn a_plugin_for_another_target() {
    let target = abi::TARGET;
    let other = format!("{}-haiku", target.rsplit_once('-').unwrap().0);
    let other = format!("{:-<1$}", &other[..other.len().min(target.len())], target.len());
    assert_incompatible(
        &patched(target.as_bytes(), 0, other.as_bytes()),
        &format!("it is built for {other}, and this is {target}; install the build for {target}"),
    );
}

#[test]
fn a_plugin_that_needs_a_newer_libc() {
    if cfg!(target_env = "gnu") {
        let newest = newest_glibc(&sound());
        let here = newest_here();
        assert_incompatible(
            &patched(newest.as_bytes(), 0, b"GLIBC_2.99"),
            &format!(
                "it needs glibc 2.99 or newer, and this machine has {here}; install a build for an older system, or \
                 build it here"
            ),
        );
    }
}

/// The newest version that the library names, as it names it, of two digits.
fn newest_glibc(library: &[u8]) -> String {
    let names = positions(library, b"GLIBC_2.").map(|at| &library[at..at + 10]);
    let names = names.filter(|name| name[8..].iter().all(u8::is_ascii_digit));
    String::from_utf8(names.max().unwrap().to_vec()).unwrap()
}

/// The version of this process.
fn newest_here() -> String {
    let machine = sundae::plugin::compatibility::Machine::here();
    machine.glibc.expect("a process with the GNU C library knows its version").to_string()
}

#[test]
fn a_plugin_that_would_end_the_host_when_it_panics() {
    assert_incompatible(
        &patched(br#""panic":"unwind""#, 0, br#""panic":"abort" "#),
        "it is built with `panic = \"abort\"`, so that a panic in it would end sundae; build it with `unwind`",
    );
}

#[test]
fn a_flavor_of_a_future_interface() {
    assert_incompatible(
        &patched(br#"["artifact-store/1"]"#, 0, br#"["artifact-store/9"]"#),
        "it speaks artifact-store/9, and this host artifact-store/1; update whichever is older",
    );
}

#[test]
fn a_flavor_of_a_future_interface_does_not_keep_the_others_from_work() {
    let world = World::new();
    world.add("hostile.so", &patched(br#"["artifact-store/1"]"#, 0, br#"["artifact-store/9"]"#));
    world.orchestrator().unwrap().check().unwrap();
}

#[test]
fn a_flavor_of_an_unknown_kind() {
    let world = World::new();
    world.add(
        "hostile.so",
        &patched(br#""kind":"artifact-store""#, 0, br#""kind":"artifact-stage""#),
    );
    let catalog = world.catalog();
    let flavor = catalog.flavor("artifact-stage", "hostile").unwrap();
    let reason = "this host does not know the kind `artifact-stage`; update sundae";
    assert_eq!(flavor.state.reason().unwrap(), reason);
}

#[test]
fn a_plugin_that_does_not_answer_for_its_interface() {
    // The first is in the identity, the second in the code that answers.
    assert_unfit(
        &patched(b"artifact-store/1", 1, b"artifact-store/X"),
        "its identity names the interface artifact-store/1, and it does not answer for it; ask its author for a sound \
         build",
    );
}

#[test]
fn a_plugin_that_was_laid_out_otherwise() {
    assert_unfit(
        &patched(b"modified_ms", 0, b"modified_us"),
        "it lays out the interface artifact-store/1 otherwise than this host does (UnexpectedField in \
         `open.stat`); install a build that was made with a released sundae-plugin-api",
    );
}

#[test]
fn a_plugin_of_another_generation_of_the_boundary() {
    assert_unfit(
        &patched(b"abi stable library for Rust", 0, b"abi_stable library for Rust"),
        "it was built with another generation of the plugin boundary; install a newer build",
    );
}

#[test]
fn a_plugin_without_a_root() {
    assert_unfit(
        &patched(b"SUNDAE_PLUGIN", 0, b"MONDAY_PLUGIN"),
        "it has an identity, but no root to call (SUNDAE_PLUGIN)",
    );
}

#[test]
fn a_plugin_that_needs_a_library_that_is_not_here() {
    assert_unfit(
        &patched(b"libgcc_s.so.1", 0, b"libgone.so.99"),
        "libgone.so.99: cannot open shared object file: No such file or directory; install the library that it names",
    );
}

#[test]
fn a_version_of_the_plugin_api_is_no_reason() {
    let world = World::new();
    // Every place where the layout of the interfaces names the crate's version: one to which cargo would not upgrade.
    let mut bytes = sound();
    let sign = format!("sundae-plugin-api;{}", abi::API);
    let places: Vec<_> = positions(&bytes, sign.as_bytes()).collect();
    assert!(places.len() > 2, "the layouts name the crate that they come from");
    for at in places {
        bytes[at + sign.len() - abi::API.len()] = b'9';
    }
    world.add("hostile.so", &bytes);
    world.store().unwrap().check().unwrap();
    world.orchestrator().unwrap().check().unwrap();
}
