//! The libraries of this repository, as cargo has just built them.
//!
//! The flavors are dev-dependencies of the host: so cargo builds their libraries, always fresh, into the folder in which it
//! builds the tests. A test gives the folder that [`first_party`] makes to `--plugin-dir` or `SUNDAE_PLUGIN_PATH`, and needs
//! no build of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The plugins that come with Sundae.
const FIRST_PARTY: [&str; 4] = [
    "sundae-local-artifact-store",
    "sundae-local-orchestrator",
    "sundae-object-storage",
    "sundae-slurm",
];

/// A folder with the plugins that come with Sundae, and nothing else. The same for all tests of a build.
///
/// # Panics
/// If cargo has not built them, or the folder cannot be made.
pub fn first_party() -> PathBuf {
    let folder =
        built_into().parent().expect("target/PROFILE/deps has a parent").join("test-plugins");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    for plugin in FIRST_PARTY {
        link(&library(plugin), &folder);
    }
    folder
}

/// The program with the plugins that come with it, as somebody has installed them: a folder with `sundae`, and beside it
/// `plugins-dist`. Nothing of the checkout is found from there. The same for all tests of a build.
///
/// # Panics
/// If cargo has not built them, or the folder cannot be made.
pub fn installed(program: &Path) -> PathBuf {
    let folder =
        built_into().parent().expect("target/PROFILE/deps has a parent").join("test-install");
    let plugins = folder.join("plugins-dist");
    fs::create_dir_all(&plugins).expect("the target folder can be written");
    for plugin in FIRST_PARTY {
        link(&library(plugin), &plugins);
    }
    // A link of the other sort: the program finds its plugins by where it is itself.
    let aside = aside(&folder, "sundae");
    fs::hard_link(program, &aside)
        .and_then(|()| fs::rename(&aside, folder.join("sundae")))
        .expect("the link can be made");
    // A rename between two names of one file leaves both.
    fs::remove_file(&aside).ok();
    folder
}

/// A folder with the plugin of `plugins-dist/template` and nothing else of interest: the flavor `artifact-store/team-folder` of
/// the plugin `acme-team-folder`. It is built as somebody outside of this repository builds it.
///
/// # Panics
/// If it does not build.
pub fn third_party() -> PathBuf {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins-dist/template");
    // TARGET/template, beside TARGET/PROFILE/deps.
    let target = built_into().ancestors().nth(2).expect("target/PROFILE/deps").join("template");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .arg("build")
        .arg("--manifest-path")
        .arg(template.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("debug")
}

/// The library of a crate of this repository, such as `sundae-hostile-plugin`.
///
/// # Panics
/// If cargo has not built it: it must be a dev-dependency of the host.
pub fn library(name: &str) -> PathBuf {
    let path = built_into().join(library_name(name));
    assert!(
        path.is_file(),
        "{} is missing: is {name} a dev-dependency of the host?",
        path.display()
    );
    path
}

/// The file name that cargo gives to the library of a crate.
fn library_name(name: &str) -> String {
    let (start, end) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{start}{}{end}", name.replace('-', "_"))
}

/// `target/PROFILE/deps`, where this test is.
fn built_into() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    test.parent().expect("a file is in a folder").to_owned()
}

/// Links a library into a folder. Other tests do the same at the same time, so the link appears in one step.
fn link(library: &Path, folder: &Path) {
    let name = library.file_name().expect("a library has a name");
    let place = folder.join(name);
    if fs::read_link(&place).is_ok_and(|target| target == library) {
        return;
    }
    let aside = aside(folder, &name.to_string_lossy());
    symlink(library, &aside)
        .and_then(|()| fs::rename(&aside, &place))
        .expect("the link can be made");
}

/// A name in the folder that no other test, thread or process uses.
fn aside(folder: &Path, name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let aside = folder.join(format!(".{}-{count}-{name}", std::process::id()));
    fs::remove_file(&aside).ok();
    aside
}
