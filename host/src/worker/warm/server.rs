//! The process of a warm server: from its start to its end.

use std::fs::File;
use std::io::{self, IoSlice, Read, Seek, SeekFrom};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::cmsg_space;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{Pid, Signal, kill_process_group};

use super::Kind;
use crate::worker::{command, reaper};

/// How long a server may take to end by itself: it has children to reap.
const GRACE: Duration = Duration::from_secs(1);

/// The same for one in whose process steps have run, and may have left something that has an end of its own.
const LONG_GRACE: Duration = Duration::from_secs(5);

pub(super) struct Server {
    /// The leader of a process group.
    pub(super) group: Pid,
    /// Its stdin: over it goes a connection for each attempt, and its end tells it to end.
    control: Mutex<UnixStream>,
    child: Mutex<Child>,
    /// What it says of itself.
    log: File,
    is_gone: AtomicBool,
    was_useful: AtomicBool,
    has_run_steps_itself: AtomicBool,
}

impl Server {
    /// Starts one for attempts of this kind.
    pub(super) fn start(kind: &Kind, folder: &std::path::Path) -> io::Result<Self> {
        let [program, arguments @ ..] = kind.command.as_slice() else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        let (ours, theirs) = UnixStream::pair()?;
        let log = tempfile::tempfile()?;
        reaper::prepare();
        let child = command::prepared(program, &kind.workdir, &kind.environment)
            .args(arguments)
            // By which the reaper finds it, and what it has forked, even if nobody could tell it of them.
            .env("SUNDAE_CONTEXT", folder.join("warm"))
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(log.try_clone()?)
            .spawn()?;
        let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
            return Err(io::Error::other("it has no process id"));
        };
        reaper::watch(group);
        Ok(Self {
            group,
            control: Mutex::new(ours),
            child: Mutex::new(child),
            log,
            is_gone: AtomicBool::new(false),
            was_useful: AtomicBool::new(false),
            has_run_steps_itself: AtomicBool::new(false),
        })
    }

    /// Hands over the server's end of a connection, and the log of the attempt that will be spoken of on it.
    pub(super) fn hand_over(&self, connection: &UnixStream, log: &File) -> io::Result<()> {
        let descriptors = [connection.as_fd(), log.as_fd()];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
        let mut message = SendAncillaryBuffer::new(&mut space);
        if !message.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(io::Error::other("there is no room for descriptors"));
        }
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        // Descriptors travel with at least one byte.
        sendmsg(&*control, &[IoSlice::new(b"+")], &mut message, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Relaxed)
    }

    /// Whether it has ever run a command.
    pub(super) fn was_useful(&self) -> bool {
        self.was_useful.load(Ordering::Relaxed)
    }

    pub(super) fn has_been_useful(&self) {
        self.was_useful.store(true, Ordering::Relaxed);
    }

    pub(super) fn runs_a_step_itself(&self) {
        self.has_run_steps_itself.store(true, Ordering::Relaxed);
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it, if it has not ended yet, and tells how it did.
    pub(super) fn end(&self) -> io::Result<ExitStatus> {
        let mut child = self.child();
        if !self.is_gone.swap(true, Ordering::Relaxed) {
            // Not reaped yet, so that its number is still its own. It is well if nobody is left.
            kill_process_group(self.group, Signal::KILL).ok();
            reaper::forget(self.group);
        }
        child.wait()
    }

    /// Lets it end by itself, and ends it if it does not.
    pub(super) fn finish(&self) {
        if !self.is_gone() {
            let has_run_steps = self.has_run_steps_itself.load(Ordering::Relaxed);
            let grace = if has_run_steps { LONG_GRACE } else { GRACE };
            let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
            // At its end the reading ends as well.
            let told = control.shutdown(Shutdown::Write);
            if told.and_then(|()| control.set_read_timeout(Some(grace))).is_ok() {
                drop((&*control).read(&mut [0]));
            }
        }
        drop(self.end());
    }

    /// The last that it said of itself.
    pub(super) fn last_words(&self) -> Option<String> {
        let mut text = String::new();
        (&self.log).seek(SeekFrom::Start(0)).ok()?;
        (&self.log).read_to_string(&mut text).ok()?;
        text.lines().last().map(str::to_owned)
    }
}
