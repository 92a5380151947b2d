//! Commands do not outlive the process that runs them, not even one that is killed without warning.
//!
//! A process cannot do anything about its own sudden death, so another one does: the reaper, a child that reads from a pipe
//! which commands are running. When the pipe ends, which it does with this process, it ends those that still are. The reaper
//! is started with the first command; a process has one, since it dies once.

mod stragglers;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// The hidden command by which the binary is a reaper: `sundae reaper FOLDER`.
pub const COMMAND: &str = "reaper";

/// How long commands may take to end when they are asked to, before they are ended.
const GRACE: Duration = Duration::from_secs(5);

/// How long the reaper leaves unread what it is told: it would be woken twice for each command, and there may be hundreds in
/// a second. A pipe holds what is told of thousands.
const UNREAD: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Said at a proper end: nothing runs any more.
const FAREWELL: &str = "done";

static REAPER: Mutex<Reaper> = Mutex::new(Reaper::Unwanted);

enum Reaper {
    /// Nobody has asked for one: tests, and other programs than ours.
    Unwanted,
    /// When there is something to look after.
    Wanted {
        binary: PathBuf,
        folder: PathBuf,
        /// Its copy is held until everything has ended.
        held: Option<File>,
    },
    Started(Child),
}

fn reaper() -> MutexGuard<'static, Reaper> {
    REAPER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Commands are looked after until this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Armed(());

/// Lets the commands of this process be looked after from now on. `binary` is one that knows [`COMMAND`], and `folder` is where
/// the attempts of this process are made, and no other's. `held` is a locked file: it stays locked until all that a killed process
/// has left has ended.
pub fn arm(binary: PathBuf, folder: &Path, held: Option<File>) -> Armed {
    let mut reaper = reaper();
    if matches!(*reaper, Reaper::Unwanted) {
        *reaper = Reaper::Wanted { binary, folder: folder.to_owned(), held };
    }
    Armed(())
}

impl Drop for Armed {
    fn drop(&mut self) {
        let before = std::mem::replace(&mut *reaper(), Reaper::Unwanted);
        if let Reaper::Started(mut child) = before {
            let pipe = child.stdin.take();
            // After a panic, something may be left.
            if !std::thread::panicking() {
                drop(pipe.map(|mut pipe| writeln!(pipe, "{FAREWELL}")));
            }
            // Waited for, since there are containers in which nobody else would.
            drop(child.wait());
        }
    }
}

/// A command is about to be started. The reaper is there before it: a command may be quick.
pub(super) fn prepare() {
    reaper().start();
}

/// A command runs as the leader of this process group.
pub(super) fn watch(group: Pid) {
    reaper().tell('+', group);
}

/// The command has ended, with all that it started.
pub(super) fn forget(group: Pid) {
    reaper().tell('-', group);
}

impl Reaper {
    fn start(&mut self) {
        if let Self::Wanted { binary, folder, held } = self {
            // Without a reaper everything works as long as this process is not killed.
            let child = start(binary, folder, held.take());
            *self = child.map_or(Self::Unwanted, Self::Started);
        }
    }

    fn tell(&mut self, sign: char, group: Pid) {
        if let Self::Started(Child { stdin: Some(pipe), .. }) = self {
            // One write, and much less than a pipe takes at once.
            drop(pipe.write_all(format!("{sign}{}\n", group.as_raw_pid()).as_bytes()));
        }
    }
}

fn start(binary: &Path, folder: &Path, held: Option<File>) -> std::io::Result<Child> {
    use std::os::unix::process::CommandExt as _;
    Command::new(binary)
        .arg(COMMAND)
        .arg(folder)
        // If this process is itself what a step runs, the reaper of that step must not take this one for a part of it.
        .env_remove("SUNDAE_CONTEXT")
        .stdin(Stdio::piped())
        // Nothing is written there: a process holds the files that it was started with.
        .stdout(held.map_or_else(Stdio::null, Stdio::from))
        .stderr(Stdio::null())
        // Not in reach of what is sent to this process by a terminal.
        .process_group(0)
        .current_dir("/")
        .spawn()
}

/// What the reaper does: reads which commands run, and ends them when there is nothing more to read.
pub fn run_child(told: impl Read + AsFd, folder: &str) {
    let mut groups = BTreeSet::new();
    for line in BufReader::new(Unhurried(told)).lines().map_while(Result::ok) {
        if line == FAREWELL {
            return;
        }
        let Some((sign, number)) = line.split_at_checked(1) else { continue };
        let Ok(number) = number.parse::<i32>() else { continue };
        match sign {
            "+" => drop(groups.insert(number)),
            "-" => drop(groups.remove(&number)),
            _ => {}
        }
    }
    if let Some(session) = session() {
        groups.extend(stragglers::groups_of(folder, session));
    }
    // 0 and 1 would be us and everybody.
    groups.retain(|group| *group > 1);
    end(groups.into_iter().filter_map(Pid::from_raw).collect());
}

/// Reads from a pipe what has gathered there, and at its end at once.
struct Unhurried<P>(P);

impl<P: Read + AsFd> Read for Unhurried<P> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // No event is waited for but the end, which is always told.
        let mut pipe = [PollFd::new(&self.0, PollFlags::empty())];
        // If that fails, it is read at once.
        poll(&mut pipe, Some(&UNREAD)).ok();
        self.0.read(buffer)
    }
}

/// Ends what a process of this session has left whose attempts were made in `folder`, where its reaper was killed with it.
pub fn end_left(folder: &Path, session: i32) {
    let mut groups = stragglers::groups_of(&folder.display().to_string(), session);
    let own = stragglers::own_group_and_session();
    groups.retain(|group| own.is_none_or(|(own, _)| *group != own));
    end(groups.into_iter().filter_map(Pid::from_raw).collect());
}

/// The session of this process, if that can be told.
#[must_use]
pub fn session() -> Option<i32> {
    stragglers::own_group_and_session().map(|(_, session)| session)
}

fn end(mut groups: Vec<Pid>) {
    let asked = Instant::now();
    groups.retain(|group| kill_process_group(*group, Signal::TERM).is_ok());
    while !groups.is_empty() && asked.elapsed() < GRACE {
        std::thread::sleep(Duration::from_millis(20));
        groups.retain(|group| test_kill_process_group(*group).is_ok());
        // What has ended stays in its group until somebody asks how; in some containers nobody ever does.
        stragglers::retain_living(&mut groups);
    }
    for group in groups {
        // It is well if nobody is left.
        kill_process_group(group, Signal::KILL).ok();
    }
}
