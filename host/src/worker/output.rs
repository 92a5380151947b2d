//! Where the output of a command goes: into its log, as it is; or, where it must not show its secrets, through a mask.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use std::process::Stdio;
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};

use super::command::Invocation;
use crate::secret::Mask;

/// No pipe holds more.
const LARGEST_PIPE: usize = 1 << 20;

/// The output of one command.
pub(super) enum Output {
    /// Into the file: nobody reads it on the way.
    Direct(File),
    /// Into a pipe, from which a thread writes to the file until the command has `ended`.
    Masked { pipe: PipeWriter, ended: PipeWriter, thread: JoinHandle<()> },
}

impl Output {
    pub(super) fn open(invocation: &Invocation<'_>) -> io::Result<Self> {
        let log = invocation.log.try_clone()?;
        if invocation.mask.is_empty() {
            return Ok(Self::Direct(log));
        }
        let (written, pipe) = pipe()?;
        let (end, ended) = self::pipe()?;
        let mask = invocation.mask.clone();
        let thread = std::thread::Builder::new().name("mask".to_owned());
        let thread = thread.spawn(move || copy(written, &end, &mask, log))?;
        Ok(Self::Masked { pipe, ended, thread })
    }

    /// For stdout or stderr.
    pub(super) fn sink(&self) -> io::Result<Stdio> {
        Ok(match self {
            Self::Direct(file) => file.try_clone()?.into(),
            Self::Masked { pipe, .. } => pipe.try_clone()?.into(),
        })
    }

    /// The command has ended: waits until what it wrote is in the log. What writes later, in a session of its own, is not heard.
    pub(super) fn close(self) {
        if let Self::Masked { pipe, ended, thread } = self {
            drop((pipe, ended));
            // If it panicked, that was reported where it happened.
            thread.join().ok();
        }
    }
}

/// A log that cannot be written to does not make the step fail; but it is read to its end, or the command would hang.
fn copy(mut written: PipeReader, end: &PipeReader, mask: &Mask, log: File) {
    let mut writer = mask.writer(log);
    let mut buffer = vec![0; 64 << 10];
    let mut late = 0;
    while let Ok((is_written, has_ended)) = wait(&written, end) {
        if !is_written || late > LARGEST_PIPE {
            break;
        }
        match written.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                drop(writer.write_all(&buffer[..length]));
                late += if has_ended { length } else { 0 };
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    drop(writer.finish());
}

/// Waits until there is something to read, or the command has ended; and says which.
fn wait(written: &PipeReader, end: &PipeReader) -> io::Result<(bool, bool)> {
    let mut pipes = [PollFd::new(written, PollFlags::IN), PollFd::new(end, PollFlags::IN)];
    loop {
        match poll(&mut pipes, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(pipes.map(|pipe| !pipe.revents().is_empty()).into()),
        }
    }
}
