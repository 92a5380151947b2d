//! Transcripts: pages that show commands and what they say, run and compared as a whole.
//!
//! A page is Markdown. In its ```` ```console ```` blocks a line `$ COMMAND` is given to a POSIX shell (`> ` continues it), a line `? 3` says that
//! the exit code must be 3 (0 where nothing is said), and the rest is what the command wrote to stdout and stderr. All
//! commands of a page run one after the other in a folder and a home of their own. `TRANSCRIPTS=overwrite` writes what was said
//! into the page, to be looked at before it is committed.
//!
//! What differs from run to run is replaced by something of the same look: ids, times, durations, folders.

use std::fs;
use std::path::Path;
use std::process::Command;

use regex::{Captures, Regex};

/// One command of a page.
struct Exchange<'p> {
    command: String,
    exit_code: i32,
    said: Vec<&'p str>,
}

/// A page with its commands.
enum Part<'p> {
    Prose(&'p str),
    Exchange(Exchange<'p>),
}

/// Runs the page at `path`; `environment` is what its commands find beside `SUNDAE_HOME`.
///
/// # Errors
/// What was said otherwise than the page says.
pub fn check(path: &Path, environment: &[(&str, String)]) -> Result<(), String> {
    let page = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let stage = Stage::new(folder.path(), environment)?;
    let mut actual = String::new();
    let mut same = true;
    for part in parts(&page) {
        match part {
            Part::Prose(line) => actual.push_str(&format!("{line}\n")),
            Part::Exchange(exchange) => {
                let (exit_code, said) = stage.run(&exchange.command)?;
                same &= exit_code == exchange.exit_code
                    && squeezed(&said) == squeezed(&exchange.said.join("\n"));
                actual.push_str(&written(&exchange.command, exit_code, &said));
            }
        }
    }
    if same {
        return Ok(());
    }
    if std::env::var_os("TRANSCRIPTS").is_some_and(|value| value == "overwrite") {
        return fs::write(path, actual).map_err(|error| error.to_string());
    }
    Err(difference(&page, &actual))
}

fn parts(page: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut is_inside = false;
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = line == "```console";
            parts.push(Part::Prose(line));
        } else if !is_inside {
            parts.push(Part::Prose(line));
        } else if let Some(command) = line.strip_prefix("$ ") {
            let command = command.to_owned();
            parts.push(Part::Exchange(Exchange { command, exit_code: 0, said: Vec::new() }));
        } else if let Some(Part::Exchange(exchange)) = parts.last_mut() {
            exchange.take(line);
        }
    }
    parts
}

impl<'p> Exchange<'p> {
    fn take(&mut self, line: &'p str) {
        match (line.strip_prefix("> "), line.strip_prefix("? ")) {
            (Some(more), _) if self.said.is_empty() => {
                self.command.push('\n');
                self.command.push_str(more);
            }
            (_, Some(code)) if self.said.is_empty() => self.exit_code = code.parse().unwrap_or(-1),
            _ => self.said.push(line),
        }
    }
}

fn written(command: &str, exit_code: i32, said: &str) -> String {
    let mut text = format!("$ {}\n", command.replace('\n', "\n> "));
    if exit_code != 0 {
        text.push_str(&format!("? {exit_code}\n"));
    }
    if !said.is_empty() {
        text.push_str(&format!("{said}\n"));
    }
    text
}

/// Where the commands of a page run.
struct Stage<'e> {
    folder: &'e Path,
    environment: &'e [(&'e str, String)],
    /// What is replaced, and by what.
    patterns: Vec<(Regex, &'static str)>,
}

impl<'e> Stage<'e> {
    fn new(folder: &'e Path, environment: &'e [(&'e str, String)]) -> Result<Self, String> {
        fs::create_dir(folder.join("user")).map_err(|error| error.to_string())?;
        fs::write(folder.join("cwd"), folder.join("user").display().to_string())
            .map_err(|error| error.to_string())?;
        let patterns = [
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?", "[TIME]"),
            (r"\b\d+(\.\d+)? (ms|s|min)\b", "[DURATION]"),
            (r#""duration_ms": \d+"#, r#""duration_ms": 0"#),
            (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
            (r"need \d+ bytes", "need [NUMBER] bytes"),
        ];
        let compiled = patterns.into_iter().map(|(pattern, shown)| {
            Ok((Regex::new(pattern).map_err(|error| error.to_string())?, shown))
        });
        Ok(Self { folder, environment, patterns: compiled.collect::<Result<_, String>>()? })
    }

    /// The exit code of a command, and what it said.
    fn run(&self, command: &str) -> Result<(i32, String), String> {
        // A `cd` lasts until the next command.
        let script = format!(
            "cd \"$(cat ../cwd 2>/dev/null || cat {cwd})\" && {{ {command}\n}} 2>&1; code=$?; pwd > {cwd}; exit $code",
            cwd = self.folder.join("cwd").display()
        );
        let output = Command::new("sh")
            .arg("-c")
            .arg(script)
            .current_dir(self.folder)
            .env_remove("RUST_BACKTRACE")
            .env("SUNDAE_HOME", self.folder.join("home"))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok((output.status.code().unwrap_or(-1), self.shown(&said)))
    }

    fn shown(&self, said: &str) -> String {
        let mut text = replaced(said, &self.folder.display().to_string(), "[FOLDER]");
        for (name, value) in self.environment {
            if value.starts_with('/') && *name != "PATH" {
                text = replaced(&text, value, &format!("[{name}]"));
            }
        }
        for (pattern, shown) in &self.patterns {
            text = pattern.replace_all(&text, *shown).into_owned();
        }
        let lines: Vec<_> =
            numbered_ids(&text).lines().map(str::trim_end).map(str::to_owned).collect();
        lines.join("\n").trim_end().to_owned()
    }
}

/// The text with another word in the place of a longer one. In a line of a table the cell stays as wide as it was.
fn replaced(text: &str, long: &str, short: &str) -> String {
    let missing = long.chars().count().saturating_sub(short.chars().count());
    let mut out = String::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some(place) = rest.find(long) {
            out.push_str(&rest[..place]);
            out.push_str(short);
            rest = &rest[place + long.len()..];
            if line.starts_with('┃')
                && let Some(end) = rest.find(['│', '┃'])
            {
                out.push_str(&rest[..end]);
                out.push_str(&" ".repeat(missing));
                rest = &rest[end..];
            }
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// Ids by the order of their appearance, as wide as they were, so that tables keep their form.
fn numbered_ids(text: &str) -> String {
    let Ok(id) = Regex::new(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
    else {
        return text.to_owned();
    };
    let mut known: Vec<String> = Vec::new();
    let number = |found: &Captures<'_>| {
        let found = found[0].to_owned();
        let place = known.iter().position(|id| *id == found).unwrap_or_else(|| {
            known.push(found);
            known.len() - 1
        });
        format!("{:08}-0000-4000-8000-000000000000", place + 1)
    };
    id.replace_all(text, number).into_owned()
}

/// The text without what follows from the width of something else.
fn squeezed(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut last = None;
        for letter in line.chars() {
            let may_repeat = !matches!(letter, ' ' | '━' | '─');
            if may_repeat || last != Some(letter) {
                out.push(letter);
            }
            last = Some(letter);
        }
        out.push('\n');
    }
    out.trim_end().to_owned()
}

fn difference(expected: &str, actual: &str) -> String {
    let diff = similar::TextDiff::from_lines(expected, actual);
    let text =
        diff.unified_diff().context_radius(3).header("the page", "what was said").to_string();
    format!("{text}\n`TRANSCRIPTS=overwrite` writes what was said into the page")
}
