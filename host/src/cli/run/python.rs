//! `sundae run FILE.py`: a pipeline that is a Python function. The package compiles it, and starts this program again with the plan.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::cli::Failure;
use crate::cli::context::Context;

/// A Python file, and the name of the pipeline in it if one is given: `run.py:training`.
pub(super) fn of(file: &Path) -> Option<(String, String)> {
    let text = file.to_str()?;
    if text.ends_with(".py") {
        return Some((text.to_owned(), String::new()));
    }
    let (path, name) = text.rsplit_once(':')?;
    path.ends_with(".py").then(|| (path.to_owned(), name.to_owned()))
}

/// What the interpreter is told: the last argument is what to say if it has no package.
const CODE: &str = "import sys
try:
    import sundae
except ModuleNotFoundError:
    sys.exit(sys.argv[-1])
sundae.run_file()";

/// Becomes the Python that compiles the pipeline and runs it with the same options. It returns only if that is not possible.
///
/// # Errors
/// There is no such file, or no Python.
pub(super) fn run(
    context: &Context,
    (file, name): (String, String),
    params: &[(String, String)],
) -> Result<(), Failure> {
    if !Path::new(&file).is_file() {
        return Err(Failure::new(format!("there is no file `{file}`")));
    }
    let interpreter = interpreter(context, Path::new(&file));
    let python = interpreter.display();
    let binary = std::env::current_exe()
        .map_err(|error| Failure::new(format!("cannot find the program itself: {error}")))?;
    let without_package = format!(
        "error: `{python}` does not have the package `sundae`\n\n\
         hint: `{python} -m pip install SUNDAE/sdk/python` installs it, SUNDAE being a checkout"
    );
    let error = Command::new(&interpreter)
        .args(["-c", CODE, &file, &name])
        .arg(json!(params).to_string())
        .arg(Value::from(words(&file, &name)).to_string())
        .arg(without_package)
        .env("SUNDAE_BIN", binary)
        .exec();
    Err(Failure::new(format!(
        "the pipeline is a Python function, and `{python}` cannot be started: {error}"
    ))
    .hint("install Python 3.10 or newer, or make an environment: `python3 -m venv .venv`"))
}

/// The words of this command, without params; the file is `null`.
fn words(file: &str, name: &str) -> Vec<Value> {
    let given = if name.is_empty() { file.to_owned() } else { format!("{file}:{name}") };
    let mut words = Vec::new();
    let mut rest = std::env::args_os().skip(1).map(OsString::into_string);
    while let Some(Ok(word)) = rest.next() {
        if word == "-p" || word == "--param" {
            rest.next();
        } else if word == given {
            words.push(Value::Null);
        } else if !word.starts_with("--param=") && !word.starts_with("-p") {
            words.push(word.into());
        }
    }
    words
}

/// The Python of the environment that is active, else of the nearest `.venv` above the file, else the one on PATH.
fn interpreter(context: &Context, file: &Path) -> PathBuf {
    if let Some(active) = std::env::var_os("VIRTUAL_ENV").filter(|folder| !folder.is_empty()) {
        return PathBuf::from(active).join("bin/python");
    }
    let file = context.absolute(file);
    let mut near = file.ancestors().skip(1).map(|folder| folder.join(".venv/bin/python"));
    near.find(|python| python.exists()).unwrap_or_else(|| PathBuf::from("python3"))
}
