//! Where the output of a command goes: into its log, as it is; or, where it must not show its secrets, through a mask.

use std::fs::File;
use std::io::{self, PipeWriter, Read, Write, pipe};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::command::Invocation;
use crate::secret::Mask;

/// How long what is left in a pipe may take to be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// The output of one command.
pub(super) enum Output {
    /// Into the file: nobody reads it on the way.
    Direct(File),
    /// Into a pipe, from which a thread writes to the file.
    Masked { pipe: PipeWriter, ended: Receiver<()> },
}

impl Output {
    pub(super) fn open(invocation: &Invocation<'_>) -> io::Result<Self> {
        let log = invocation.log.try_clone()?;
        if invocation.mask.is_empty() {
            return Ok(Self::Direct(log));
        }
        let (read, pipe) = pipe()?;
        let mask = invocation.mask.clone();
        let thread = std::thread::Builder::new().name("mask".to_owned());
        let (end, ended) = channel();
        thread.spawn(move || {
            copy(read, &mask, log);
            // Whoever waited may have lost patience.
            end.send(()).ok();
        })?;
        Ok(Self::Masked { pipe, ended })
    }

    /// For stdout or stderr.
    pub(super) fn sink(&self) -> io::Result<Stdio> {
        Ok(match self {
            Self::Direct(file) => file.try_clone()?.into(),
            Self::Masked { pipe, .. } => pipe.try_clone()?.into(),
        })
    }

    /// The command has ended, and all that it started: waits until what it wrote is in the log.
    pub(super) fn close(self) {
        if let Self::Masked { pipe, ended } = self {
            drop(pipe);
            // Something that the command has put into a session of its own may keep the pipe open for ever.
            ended.recv_timeout(PATIENCE).ok();
        }
    }
}

/// A log that cannot be written to does not make the step fail; but it is read to its end, or the command would hang.
fn copy(mut read: impl Read, mask: &Mask, log: File) {
    let mut writer = mask.writer(log);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match read.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => drop(writer.write_all(&buffer[..length])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    drop(writer.finish());
}
