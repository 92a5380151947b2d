//! Puts the project templates into the binary: `sundae init` works without the checkout that it was built from.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What trying out a template leaves behind in it.
const LEFTOVERS: [&str; 6] =
    ["__pycache__", ".venv", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".sundae"];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=templates");
    // The engine's tests link both first-party flavors, each of which defines the one symbol that makes a library a plugin.
    // Nobody looks for it there: let the first one count.
    for kind in ["tests", "benches"] {
        println!("cargo::rustc-link-arg-{kind}=-Wl,--allow-multiple-definition");
    }
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("templates");
    let mut code = String::from("&[\n");
    for template in sorted(&root)?.iter().filter(|path| path.is_dir()) {
        let mut files = Vec::new();
        collect(template, &mut files)?;
        let name = name_of(template);
        code.push_str(&format!("    Template {{ name: {name:?}, files: &[\n"));
        for file in &files {
            let path = file.strip_prefix(template).map_err(io::Error::other)?;
            let path = path.to_string_lossy().replace('\\', "/");
            code.push_str(&format!("        ({path:?}, include_bytes!({file:?})),\n"));
        }
        code.push_str("    ] },\n");
    }
    code.push(']');
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("templates.rs"), code)
}

fn variable(name: &str) -> io::Result<std::ffi::OsString> {
    env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo sets {name}")))
}

/// The entries of a folder, in an order that does not depend on the machine.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    Ok(paths)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for path in sorted(folder)? {
        if LEFTOVERS.contains(&name_of(&path).as_str()) {
            continue;
        }
        if path.is_dir() {
            // An added or removed file changes its folder.
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
