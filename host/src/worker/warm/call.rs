//! One attempt by a warm server: what is said, from the request to the end of the command.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use super::Answer;
use super::server::Server;
use crate::worker::Cancel;
use crate::worker::command::Invocation;

/// Changes when servers of before would do something else than is meant.
const SCHEMA: u32 = 1;

/// What we ask for: one line of JSON.
#[derive(Serialize)]
struct Request<'a> {
    schema: u32,
    command: &'a [String],
    workdir: &'a str,
    /// Beyond the variables that the server was started with.
    environment: &'a BTreeMap<String, String>,
}

/// What we are told: one line of JSON.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    /// Why we must start the command.
    Refused(String),
    /// It is ready, as the leader of this process group.
    Started(i32),
    /// The server itself is ready to run it.
    Itself,
    /// It has ended with this exit code. It is not reaped before we close the connection.
    Exited(i32),
    /// A signal has ended it.
    Killed(i32),
}

/// Lets the server run a command to its end.
pub(super) fn make(server: &Server, invocation: &Invocation<'_>, cancel: &Cancel) -> Answer {
    match begin(server, invocation, cancel) {
        Ok((connection, Reply::Started(group))) => match leader(group) {
            Some(group) => run_copy(server, connection, group, cancel),
            None => not_begun(server, cancel, "the warm server gave no process"),
        },
        Ok((connection, Reply::Itself)) => run_itself(server, connection, cancel),
        Ok((_, Reply::Refused(why))) => {
            cancel.refused();
            Answer::NotBegun(Some(why))
        }
        Ok((_, Reply::Exited(_) | Reply::Killed(_))) => {
            not_begun(server, cancel, "the warm server told of an end before a beginning")
        }
        Err(_) if cancel.is_requested() => {
            cancel.refused();
            // As if it had been started and stopped at once.
            Answer::Ended(ExitStatus::from_raw(Signal::TERM.as_raw()))
        }
        Err(error) => not_begun(server, cancel, &format!("the warm server ended: {error}")),
    }
}

/// The server is of no use any more.
fn not_begun(server: &Server, cancel: &Cancel, why: &str) -> Answer {
    cancel.refused();
    drop(server.end());
    Answer::NotBegun(Some(server.last_words().unwrap_or_else(|| why.to_owned())))
}

/// 0 and 1 would be us and everybody.
fn leader(group: i32) -> Option<Pid> {
    (group > 1).then(|| Pid::from_raw(group)).flatten()
}

/// Asks for a command, and hears what comes of it.
fn begin(
    server: &Server,
    invocation: &Invocation<'_>,
    cancel: &Cancel,
) -> io::Result<(BufReader<UnixStream>, Reply)> {
    let request = Request {
        schema: SCHEMA,
        command: invocation.command,
        workdir: invocation.workdir.to_str().ok_or(io::ErrorKind::InvalidInput)?,
        environment: invocation.environment,
    };
    let mut line = serde_json::to_vec(&request)?;
    line.push(b'\n');
    let (ours, theirs) = UnixStream::pair()?;
    cancel.calling(ours.try_clone()?);
    server.hand_over(&theirs, invocation.log)?;
    drop(theirs);
    (&ours).write_all(&line)?;
    let mut connection = BufReader::new(ours);
    let reply = next(&mut connection)?;
    Ok((connection, reply))
}

fn next(connection: &mut BufReader<UnixStream>) -> io::Result<Reply> {
    let mut line = Vec::new();
    connection.read_until(b'\n', &mut line)?;
    Ok(serde_json::from_slice(&line)?)
}

/// Lets the process begin, which waits for that, and hears how it ended.
fn let_go(connection: &mut BufReader<UnixStream>) -> io::Result<Reply> {
    connection.get_mut().write_all(b"go\n")?;
    next(connection)
}

fn run_copy(
    server: &Server,
    mut connection: BufReader<UnixStream>,
    group: Pid,
    cancel: &Cancel,
) -> Answer {
    cancel.started(group);
    let reply = let_go(&mut connection);
    // The server reaps the process when the connection closes: until then its number, and that of its group, is its own.
    cancel.ended();
    if let Some(status) = reply.ok().and_then(|reply| ended(&reply)) {
        server.has_been_useful();
        return Answer::Ended(status);
    }
    drop(server.end());
    Answer::Lost
}

fn run_itself(server: &Server, mut connection: BufReader<UnixStream>, cancel: &Cancel) -> Answer {
    server.runs_a_step_itself();
    cancel.runs_in(server.group);
    let reply = let_go(&mut connection);
    cancel.left();
    server.has_been_useful();
    match reply.ok().and_then(|reply| ended(&reply)) {
        Some(status) => Answer::Ended(status),
        // The step has ended the process, which tells how.
        None => server.end().map_or(Answer::Lost, Answer::Ended),
    }
}

fn ended(reply: &Reply) -> Option<ExitStatus> {
    match reply {
        Reply::Exited(code) => Some(ExitStatus::from_raw((code & 0xff) << 8)),
        Reply::Killed(signal) => Some(ExitStatus::from_raw(signal & 0x7f)),
        _ => None,
    }
}
