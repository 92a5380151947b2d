//! The local database as several processes, other versions and kills meet it. Real processes, real files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "support/plugins.rs"]
#[allow(dead_code, unreachable_pub, reason = "other tests use the rest")]
mod plugins;

mod metadata {
    mod formats;
    mod killed;
    mod together;
}

use std::path::Path;
use std::process::{Command, Output};

/// The program with a home of its own.
struct Sundae {
    home: tempfile::TempDir,
}

impl Sundae {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn command(&self, words: &str) -> Command {
        let installed = plugins::installed(Path::new(env!("CARGO_BIN_EXE_sundae")));
        let mut command = Command::new(installed.join("sundae"));
        command
            .args(words.split_whitespace())
            .env("SUNDAE_HOME", self.home())
            .env_remove("SUNDAE_PLUGIN_PATH")
            .current_dir(self.home());
        command
    }

    fn run(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// What is on stdout of a command that must end well.
    fn said(&self, words: &str) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "`{words}`: {}", complaint(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The names of the artifact stores, sorted.
    fn stores(&self) -> Vec<String> {
        let text = self.said("artifact-store list --output json --sort name");
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
