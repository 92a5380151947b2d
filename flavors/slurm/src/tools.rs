//! Slurm's commands: each under a time limit, and counted.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sundae_plugin_api::{Error, ErrorKind, Host};

/// What a command inherits. Not all that this process has: sbatch would hand it to the job and to the accounting database, and
/// there may be secrets in it; and what `SBATCH_…` or a job that the host itself runs in says is not meant for its jobs.
const INHERITED: [&str; 16] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "KRB5CCNAME",
    "SLURM_CONF",
    "SLURM_CONF_SERVER",
    "SLURM_JWT",
    "MODULEPATH",
    "MODULESHOME",
];

/// What the controller, or the way to it, says when asking again later may help.
const TRANSIENT: [&str; 14] = [
    "Unable to contact slurm controller",
    "Unable to contact slurmctld",
    "Socket timed out",
    "Zero Bytes were transmitted",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "No route to host",
    "standby mode",
    "temporarily unable",
    "Resource temporarily unavailable",
    "Munge encode failed",
    "Problem talking to the database",
    "Slurm controller not responding",
];

/// What it says when this user has too many jobs already.
const FULL: [&str; 4] = [
    "job submit limit",
    "MaxSubmitJob",
    "MaxJobCount",
    "Job violates accounting/QOS policy (job submit limit",
];

/// After these nobody knows whether the controller has done what it was asked to.
const UNCERTAIN: [&str; 3] =
    ["Socket timed out", "Zero Bytes were transmitted", "Connection reset"];

/// So many lines of what a command says are told: of a thousand jobs it may have something to say of each.
const MOST_LINES: usize = 4;

/// The commands.
pub(crate) struct Tools {
    folder: Option<PathBuf>,
    limit: Duration,
    host: Host,
    calls: Mutex<BTreeMap<&'static str, u32>>,
}

/// Why a command did not do what it was to do.
#[derive(Debug)]
pub(crate) enum ToolError {
    /// It is not there, or cannot be started.
    NotStarted(&'static str, io::Error),
    /// It took too long.
    TimedOut(&'static str, Duration),
    /// It said so.
    Refused(&'static str, String),
}

impl ToolError {
    fn says(&self, words: &[&str]) -> bool {
        matches!(self, Self::Refused(_, message) if words.iter().any(|word| message.contains(word)))
    }

    /// Whether the same may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::TimedOut(..)) || self.says(&TRANSIENT) || self.is_full()
    }

    /// Whether there are too many jobs now.
    pub(crate) fn is_full(&self) -> bool {
        self.says(&FULL)
    }

    /// Whether it may have been done all the same.
    pub(crate) fn is_uncertain(&self) -> bool {
        matches!(self, Self::TimedOut(..)) || self.says(&UNCERTAIN)
    }

    /// What happened, for people.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::NotStarted(tool, error) if error.kind() == io::ErrorKind::NotFound => {
                format!(
                    "there is no `{tool}` here: is this a machine from which jobs are submitted?"
                )
            }
            Self::NotStarted(tool, error) => format!("`{tool}` cannot be started: {error}"),
            Self::TimedOut(tool, limit) => {
                format!("`{tool}` did not answer within {} seconds", limit.as_secs())
            }
            Self::Refused(tool, message) => format!("{tool}: {message}"),
        }
    }
}

impl From<ToolError> for Error {
    fn from(error: ToolError) -> Self {
        let is_transient = error.is_transient();
        let made = Self::new(
            if is_transient { ErrorKind::Unavailable } else { ErrorKind::Other },
            error.message(),
        );
        if is_transient { made.retryable() } else { made }
    }
}

impl Tools {
    pub(crate) fn new(folder: Option<PathBuf>, limit: Duration, host: Host) -> Self {
        Self { folder, limit, host, calls: Mutex::default() }
    }

    /// Runs a command to its end, and returns what it wrote.
    ///
    /// # Errors
    /// [`ToolError`].
    pub(crate) fn run(
        &self,
        tool: &'static str,
        arguments: &[impl AsRef<str>],
        input: &str,
    ) -> Result<String, ToolError> {
        let began = Instant::now();
        let result = self.run_uncounted(tool, arguments, input);
        let count = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            let count = calls.entry(tool).or_default();
            *count += 1;
            *count
        };
        let how = match &result {
            Ok(_) => String::new(),
            Err(error) => format!("; {}", error.message()),
        };
        self.host.debug(format_args!(
            "{tool} call {count} took {} ms{how}",
            began.elapsed().as_millis()
        ));
        result
    }

    /// How often each command was called, for people.
    pub(crate) fn told(&self) -> String {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let told = calls.iter().map(|(tool, count)| format!("{tool} {count}"));
        told.collect::<Vec<_>>().join(", ")
    }

    fn run_uncounted(
        &self,
        tool: &'static str,
        arguments: &[impl AsRef<str>],
        input: &str,
    ) -> Result<String, ToolError> {
        let not_started = |error| ToolError::NotStarted(tool, error);
        let mut child = self.command(tool, arguments).spawn().map_err(not_started)?;
        let mut stdin = child.stdin.take();
        let output = gather(&mut child).map_err(not_started)?;
        if let Some(stdin) = &mut stdin {
            // One that does not read what it is given tells why by its end.
            drop(stdin.write_all(input.as_bytes()));
        }
        drop(stdin);
        let deadline = Instant::now() + self.limit;
        let mut texts = [String::new(), String::new()];
        for _ in 0..texts.len() {
            match output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((which, text)) => texts[which] = text,
                Err(RecvTimeoutError::Timeout) => {
                    drop(child.kill());
                    drop(child.wait());
                    return Err(ToolError::TimedOut(tool, self.limit));
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let status = child.wait().map_err(not_started)?;
        let [stdout, stderr] = texts;
        if status.success() {
            Ok(stdout)
        } else {
            Err(ToolError::Refused(tool, told(&stderr, status)))
        }
    }

    fn command(&self, tool: &str, arguments: &[impl AsRef<str>]) -> Command {
        let path = match &self.folder {
            Some(folder) => folder.join(tool),
            None => PathBuf::from(tool),
        };
        let mut command = Command::new(path);
        command.args(arguments.iter().map(AsRef::as_ref));
        command.env_clear();
        command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A signal from the terminal is for the host, which ends jobs in its own way.
        command.process_group(0);
        command
    }
}

/// Reads both outputs at once: a command that has filled one would wait for ever for a reader.
fn gather(child: &mut Child) -> io::Result<Receiver<(usize, String)>> {
    let (send, receive) = channel();
    let pipes: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|pipe| Box::new(pipe) as _),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ];
    for (which, pipe) in pipes.into_iter().enumerate() {
        let (send, Some(mut pipe)) = (send.clone(), pipe) else { continue };
        thread::Builder::new().name("sundae-slurm-output".to_owned()).spawn(move || {
            let mut bytes = Vec::new();
            drop(pipe.read_to_end(&mut bytes));
            drop(send.send((which, String::from_utf8_lossy(&bytes).into_owned())));
        })?;
    }
    Ok(receive)
}

/// What a command that failed has said, as one line.
fn told(stderr: &str, status: std::process::ExitStatus) -> String {
    let lines = stderr.lines().map(|line| {
        let line = line.trim();
        // `sbatch: error: Batch job submission failed: …` says in three words what is known.
        let line = line.split_once(": error: ").map_or(line, |(_, rest)| rest);
        line.strip_prefix("Batch job submission failed: ").unwrap_or(line)
    });
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.dedup();
    let more = lines.len().saturating_sub(MOST_LINES);
    let told = lines.get(..MOST_LINES).unwrap_or(&lines).join("; ");
    match (lines.len(), more) {
        (0, _) => format!("it ended with {status}"),
        (_, 0) => told,
        _ => format!("{told}; and {more} lines more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn tools(folder: &Path, script: &str) -> Tools {
        let path = folder.join("squeue");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let host = Host::for_tests(folder);
        Tools::new(Some(folder.to_owned()), Duration::from_millis(500), host)
    }

    #[test]
    fn what_a_command_says_is_returned() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools(folder.path(), "cat; echo \"$1\"");
        assert_eq!(tools.run("squeue", &["there"], "hello ").unwrap(), "hello there\n");
        assert_eq!(tools.told(), "squeue 1");
    }

    #[test]
    fn one_that_does_not_answer_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools(folder.path(), "exec sleep 60");
        let began = Instant::now();
        let error = tools.run("squeue", &[""; 0], "").unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(30));
        assert!(error.is_transient() && error.is_uncertain(), "{error:?}");
    }

    #[test]
    fn what_it_refuses_is_told_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let script = "echo 'sbatch: error: Memory specification can not be satisfied' >&2\n\
            echo 'sbatch: error: Batch job submission failed: Requested node configuration is not available' >&2\nexit 1";
        let error = tools(folder.path(), script).run("squeue", &[""; 0], "").unwrap_err();
        assert_eq!(
            error.message(),
            "squeue: Memory specification can not be satisfied; Requested node configuration is not available"
        );
        assert!(!error.is_transient());
    }

    #[test]
    fn a_secret_of_this_process_is_not_handed_on() {
        let folder = tempfile::tempdir().unwrap();
        let said = tools(folder.path(), "env").run("squeue", &[""; 0], "").unwrap();
        assert!(said.contains("PATH="), "{said}");
        assert!(!said.contains("CARGO_MANIFEST_DIR"), "{said}");
    }

    #[test]
    fn one_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = tools(folder.path(), "").run("sbatch", &[""; 0], "").unwrap_err();
        assert!(error.message().starts_with("there is no `sbatch` here"), "{}", error.message());
    }
}
