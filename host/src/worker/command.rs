//! Running a command in a process group of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::{Cancel, reaper};

/// What to start.
pub(super) struct Invocation<'a> {
    pub(super) command: &'a [String],
    pub(super) workdir: &'a Path,
    /// Beyond the environment of this process.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Takes stdout and stderr.
    pub(super) log: &'a File,
}

/// Runs a command to its end, with all that it started.
///
/// # Errors
/// It could not be started; the text says why.
pub(super) fn run(invocation: &Invocation<'_>, cancel: &Cancel) -> Result<ExitStatus, String> {
    let [program, arguments @ ..] = invocation.command else {
        return Err("the command is empty".to_owned());
    };
    let log =
        || invocation.log.try_clone().map_err(|error| format!("cannot open the log: {error}"));
    reaper::prepare();
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(invocation.workdir)
        .envs(invocation.environment)
        .stdin(Stdio::null())
        .stdout(log()?)
        .stderr(log()?)
        .process_group(0)
        .spawn()
        .map_err(|error| not_started(program, invocation.workdir, &error))?;
    wait(&mut child, cancel).map_err(|error| format!("cannot wait for `{program}`: {error}"))
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
        io::ErrorKind::NotFound => format!("the program `{program}` was not found"),
        io::ErrorKind::PermissionDenied => format!("`{program}` may not be executed"),
        _ => format!("cannot start `{program}`: {error}"),
    }
}

/// How a command ended, in words; `None` if it ended well.
pub(super) fn complaint(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit code {code}")),
        (None, Some(9)) => Some("killed by signal 9; was there too little memory?".to_owned()),
        (None, Some(signal)) => Some(format!("killed by signal {signal}")),
        (None, None) => Some("it ended in an unknown way".to_owned()),
    }
}
