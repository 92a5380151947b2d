//! The first load of a library happens in a process of its own, under a time limit: what a library does when it is loaded
//! (crash, abort, exit, hang) then ends that process and not the host.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
}

/// How the first load of a library went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It can be loaded.
    Passed,
    /// It cannot, and is in quarantine.
    Failed {
        /// In words.
        reason: String,
    },
}

impl Verdict {
    /// Why it failed.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Passed => None,
            Self::Failed { reason } => Some(reason.clone()),
        }
    }
}

/// A library that was probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// BLAKE3 of its bytes, as 64 hexadecimal digits.
    pub digest: String,
    /// Where it was.
    pub path: PathBuf,
    /// What it looked like there.
    pub fingerprint: Fingerprint,
    /// How it went.
    pub verdict: Verdict,
}

/// Where verdicts are kept.
pub trait ProbeLog {
    /// The libraries in quarantine.
    fn quarantined(&self) -> Vec<Probe>;
    /// The verdict on a content.
    fn verdict(&self, digest: &str) -> Option<Verdict>;
    /// Keeps a verdict.
    fn record(&self, probe: &Probe);
}

/// Keeps nothing: every library is probed before every load.
pub struct NoLog;

impl ProbeLog for NoLog {
    fn quarantined(&self) -> Vec<Probe> {
        Vec::new()
    }
    fn verdict(&self, _: &str) -> Option<Verdict> {
        None
    }
    fn record(&self, _: &Probe) {}
}

/// The hidden command by which the binary probes: `sundae probe-plugin FILE TOKEN`.
pub const COMMAND: &str = "probe-plugin";

/// How long a library may take to load. `SUNDAE_PROBE_TIMEOUT` (seconds) changes it, for machines with slow disks.
fn time_limit() -> Duration {
    let seconds = std::env::var("SUNDAE_PROBE_TIMEOUT").ok().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(seconds.filter(|s: &f64| s.is_finite() && *s > 0.0).unwrap_or(10.0))
}

/// Loads `library` in a child process.
///
/// `binary` is one that knows [`COMMAND`].
///
/// # Errors
/// The child cannot be started, which says nothing of the library.
pub fn probe(binary: &Path, library: &Path) -> io::Result<Verdict> {
    use std::os::unix::process::CommandExt;
    // A library cannot say "passed" in our name without knowing this.
    let token = uuid::Uuid::new_v4().simple().to_string();
    let mut child = Command::new(binary)
        .arg(COMMAND)
        .arg(library)
        .arg(&token)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let answer = collect(child.stdout.take());
    let complaint = collect(child.stderr.take());
    let limit = time_limit();
    let ended = wait(&mut child, limit)?;
    end_group(&child);
    let said = |output: thread::JoinHandle<String>| output.join().unwrap_or_default();
    let (answer, complaint) = (said(answer), said(complaint));
    let Some(status) = ended else {
        let reason = format!("loading it did not end within {} s", limit.as_secs_f64());
        return Ok(Verdict::Failed { reason });
    };
    Ok(judge(status, &answer, complaint.trim(), &token))
}

/// What the child prints to say that all went well, and what to say why not.
fn marker(token: &str, passed: bool) -> String {
    format!("{token} {}", if passed { "passed" } else { "failed:" })
}

/// What the child process does: loads the library, asks it for the interfaces of its flavors, and tells.
///
/// # Errors
/// It cannot be told.
pub fn run_child(library: &Path, token: &str, mut out: impl Write) -> io::Result<()> {
    match super::loader::try_load(library) {
        Ok(()) => writeln!(out, "{}", marker(token, true))?,
        Err(error) => writeln!(out, "{} {error}", marker(token, false))?,
    }
    out.flush()
}

fn judge(status: ExitStatus, answer: &str, complaint: &str, token: &str) -> Verdict {
    use std::os::unix::process::ExitStatusExt;
    let failed = |reason: String| Verdict::Failed { reason };
    // Its constructors may have printed something without a line end before it.
    let told = |passed| answer.split_once(&marker(token, passed)).map(|(_, rest)| rest.trim());
    if let Some(reason) = told(false) {
        return failed(reason.to_owned());
    }
    if let Some(signal) = status.signal() {
        return failed(format!("loading it ends the process: {}", signal_name(signal)));
    }
    match (told(true), status.success()) {
        (Some(_), true) => Verdict::Passed,
        (Some(_), false) => failed(format!("it does not let the process end well ({status})")),
        (None, _) if complaint.is_empty() => {
            failed(format!("loading it ends the process ({status})"))
        }
        (None, _) => failed(format!("loading it ends the process ({status}): {complaint}")),
    }
}

fn signal_name(signal: i32) -> String {
    match Signal::from_named_raw(signal) {
        Some(Signal::SEGV) => "segmentation fault (signal 11)".to_owned(),
        Some(Signal::ABORT) => "abort (signal 6)".to_owned(),
        Some(Signal::BUS) => "bus error (signal 7)".to_owned(),
        Some(Signal::ILL) => "illegal instruction (signal 4)".to_owned(),
        _ => format!("signal {signal}"),
    }
}

/// Reads a stream to its end, on a thread; keeps the first 64 KiB.
fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            drop(stream.by_ref().take(64 << 10).read_to_end(&mut bytes));
            drop(io::copy(&mut stream, &mut io::sink()));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the child; `None` if it takes too long.
fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            end_group(child);
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Ends whatever the child has started, so that nobody holds its streams open.
fn end_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It has ended by itself if there is no such group.
        kill_process_group(group, Signal::KILL).ok();
    }
}
