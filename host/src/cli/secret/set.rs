//! `sundae secret set`

use std::fs;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::metadata::Database;
use crate::pipeline::is_name;
use crate::secret::{Key, LONGEST, SHORTEST, Value, mask_from_now_on, open, seal};

/// Keep a secret, or replace it
///
/// The value is asked for at a terminal, and else read from stdin: never is it part of the command line, which others can see.
/// One line break at its end does not belong to it.
///
/// Example: sundae secret set api-token --from-file token.txt
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Letters, digits, `_` and `-`, with a letter or `_` in front
    name: String,

    /// Take the value from this environment variable
    #[arg(long, value_name = "VARIABLE", conflicts_with = "from_file")]
    from_env: Option<String>,

    /// Take the value from this file
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
}

impl Set {
    pub(super) fn run(&self, context: &Context) -> Result<(), Failure> {
        let name = &self.name;
        if !is_name(name) {
            return Err(Failure::usage(format!("`{name}` cannot be the name of a secret")).hint(
                "use up to 128 of the characters A-Z, a-z, 0-9, `_` and `-`, with a letter or `_` in front",
            ));
        }
        let value = self.value()?;
        check(&value)?;
        mask_from_now_on([&*value]);
        let database = context.database()?;
        let key = key(database, &context.home.secret_key(), name)?;
        let was_there = database.set_secret(name, &seal(&key, name, &value))?;
        let done = if was_there { "replaced" } else { "set" };
        context
            .ui
            .say(format_args!("Secret `{name}` was {done}. It is named as `{{secret.{name}}}`."));
        Ok(())
    }

    fn value(&self) -> Result<Value, Failure> {
        let text = if let Some(variable) = &self.from_env {
            std::env::var(variable).map_err(|_| {
                Failure::new(format!(
                    "the environment variable {variable} is not set, or is no text"
                ))
            })?
        } else if let Some(path) = &self.from_file {
            fs::read_to_string(path)
                .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?
        } else if io::stdin().is_terminal() {
            rpassword::prompt_password(format!("Value of secret `{}`: ", self.name))
                .map_err(|error| Failure::new(format!("cannot ask for the value: {error}")))?
        } else {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(|error| {
                Failure::new(format!("cannot read the value from stdin: {error}"))
            })?;
            text
        };
        Ok(without_line_break(&Value::new(text)))
    }
}

/// The key that the other secrets are sealed with: a second one beside it would hide that the first is missing.
fn key(database: &Database, path: &Path, name: &str) -> Result<Key, Failure> {
    let mut others = database.secrets()?;
    others.retain(|other| other.name != name);
    if others.is_empty() {
        return Ok(Key::find_or_make(path)?);
    }
    let key = Key::find(path)?;
    for other in &others {
        let sealed = database.sealed_secret(&other.name)?.unwrap_or_default();
        if open(&key, &other.name, &sealed).is_ok() {
            return Ok(key);
        }
    }
    Err(Failure::new("the secrets that are there were sealed with another key").hint(
        "bring that key back; if it is lost, so are they: `sundae secret delete NAME --force` removes them",
    ))
}

fn without_line_break(text: &str) -> Value {
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Value::new(line.to_owned())
}

fn check(value: &str) -> Result<(), Failure> {
    if value.trim().len() < SHORTEST {
        return Err(Failure::new(format!(
            "the value is shorter than {SHORTEST} bytes, spaces at its ends not counted: it would be found within \
             ordinary words, and could not be kept out of logs"
        )));
    }
    if value.len() > LONGEST {
        return Err(Failure::new(format!(
            "the value is longer than {} KiB, and may not fit into an environment variable",
            LONGEST >> 10
        ))
        .hint("keep it in a file that only you can read, and let the step read that"));
    }
    if value.contains('\0') {
        return Err(Failure::new(
            "the value has a NUL character, so it cannot be handed to a command",
        )
        .hint("encode it first, such as with `base64`"));
    }
    Ok(())
}
