//! Running a command in a process group of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::output::Output;
use super::{Cancel, reaper};
use crate::pipeline::is_reserved;
use crate::secret::{self, Mask};

/// What to start.
pub(super) struct Invocation<'a> {
    pub(super) command: &'a [String],
    pub(super) workdir: &'a Path,
    /// Beyond the environment of this process.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Takes stdout and stderr.
    pub(super) log: &'a File,
    /// What must not get into it.
    pub(super) mask: &'a Mask,
}

/// Runs a command to its end, with all that it started.
///
/// # Errors
/// It could not be started; the text says why.
pub(super) fn run(invocation: &Invocation<'_>, cancel: &Cancel) -> Result<ExitStatus, String> {
    let [program, arguments @ ..] = invocation.command else {
        return Err("the command is empty".to_owned());
    };
    let output =
        Output::open(invocation).map_err(|error| format!("cannot open the log: {error}"))?;
    let sink = || output.sink().map_err(|error| format!("cannot open the log: {error}"));
    reaper::prepare();
    // The command has copies of the descriptors of its own, which would keep a pipe open: so it does not outlive this.
    let mut child = prepared(program, invocation.workdir, invocation.environment)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(sink()?)
        .stderr(sink()?)
        .spawn()
        .map_err(|error| not_started(program, invocation.workdir, &error))?;
    let ended = wait(&mut child, cancel);
    output.close();
    ended.map_err(|error| format!("cannot wait for `{program}`: {error}"))
}

/// A command that leads a process group of its own, in this folder and with these variables beyond those of this process.
pub(super) fn prepared(
    program: &str,
    workdir: &Path,
    environment: &BTreeMap<String, String>,
) -> Command {
    let mut command = Command::new(program);
    // What another run tells its own step is not for this one: that step may be what has started us.
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_str().is_some_and(is_reserved)) {
        command.env_remove(name);
    }
    // With it, a step could read all secrets; and one that shows its environment would show it.
    command.env_remove(secret::VARIABLE);
    command.current_dir(workdir).envs(environment).process_group(0);
    command
}

fn wait(child: &mut Child, cancel: &Cancel) -> io::Result<ExitStatus> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        cancel.started(pid);
        // The process stays a zombie until `child.wait`, so its number, and that of its group, is still its own.
        loop {
            match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => break,
            }
        }
        cancel.ended();
    }
    child.wait()
}

fn not_started(program: &str, workdir: &Path, error: &io::Error) -> String {
    if !workdir.is_dir() {
        return format!("the working folder {} does not exist", workdir.display());
    }
    match error.kind() {
        io::ErrorKind::NotFound if program.contains('/') && workdir.join(program).exists() => {
            format!("what the first line of `{program}` names as its interpreter was not found")
        }
        io::ErrorKind::NotFound => format!("the program `{program}` was not found"),
        io::ErrorKind::PermissionDenied => format!("`{program}` may not be executed"),
        io::ErrorKind::ArgumentListTooLong => format!(
            "the command line and the environment of `{program}` are longer than this system allows; hand long values \
             over in files, or let the step read them from the file that `SUNDAE_CONTEXT` names"
        ),
        _ => format!("cannot start `{program}`: {error}"),
    }
}

/// How a command ended, in words; `None` if it ended well.
pub(super) fn complaint(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        // How a shell tells that there is nothing to run; its own line is in the log.
        (Some(127), _) => Some("exit code 127: a program that it runs was not found".to_owned()),
        // How a shell tells that what it ran was killed.
        (Some(code @ 129..=192), _) => Some(format!("exit code {code}: {}", killed(code - 128))),
        (Some(code), _) => Some(format!("exit code {code}")),
        (None, Some(signal)) => Some(killed(signal)),
        (None, None) => Some("it ended in an unknown way".to_owned()),
    }
}

fn killed(signal: i32) -> String {
    match signal {
        9 => "killed by signal 9; was there too little memory?".to_owned(),
        signal => format!("killed by signal {signal}"),
    }
}
