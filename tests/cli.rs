//! The command line as transcripts: every page in `tests/cli` is run and compared. They are the user guide, too.

#[path = "support/plugins.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod plugins;
#[path = "support/transcript.rs"]
#[allow(unreachable_pub, reason = "a module of the tests")]
mod transcript;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use walkdir::WalkDir;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cli");
    let mut pages: Vec<PathBuf> = WalkDir::new(&root)
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .filter(|path| path.file_name().is_some_and(|name| name != "README.md"))
        .collect();
    pages.sort();
    let environment = environment();
    let trials = pages
        .into_iter()
        .map(|page| {
            let name = page.strip_prefix(&root).unwrap_or(&page).with_extension("");
            let environment = environment.clone();
            Trial::test(name.display().to_string(), move || {
                transcript::check(&page, &environment).map_err(Into::into)
            })
        })
        .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn environment() -> Vec<(&'static str, String)> {
    let installed = plugins::installed(Path::new(env!("CARGO_BIN_EXE_sundae")));
    let path = std::env::var("PATH").unwrap_or_default();
    vec![
        ("PATH", format!("{}:{path}", installed.display())),
        ("INSTALLED", installed.display().to_string()),
        ("THIRD_PARTY", plugins::third_party().display().to_string()),
        ("HOSTILE", plugins::library("sundae-hostile-plugin").display().to_string()),
        // What `pip install ./sdk/python` would bring.
        ("PYTHONPATH", python_package()),
        ("COLUMNS", "100".to_owned()),
        ("TZ", "UTC".to_owned()),
    ]
}

fn python_package() -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/python/src");
    source.canonicalize().unwrap_or(source).display().to_string()
}
