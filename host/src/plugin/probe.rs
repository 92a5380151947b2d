//! The first load of a library happens in a process of its own, under a time limit: what a library does when it is loaded
//! (crash, abort, exit, hang) then ends that process and not the host.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
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

/// Where verdicts are kept: by content and place, since the same content may lie in several places.
pub trait ProbeLog {
    /// The libraries in quarantine, each with every place in which it was met.
    fn quarantined(&self) -> Vec<Probe>;
    /// The verdict on a content.
    fn verdict(&self, digest: &str) -> Option<Verdict>;
    /// Keeps a verdict. What was known of the same content in the same place is replaced.
    fn record(&self, probe: &Probe);
    /// Forgets all that is known of a content, so that it is probed before it is loaded again.
    fn forget(&self, digest: &str);
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
    fn forget(&self, _: &str) {}
}

/// Lets libraries out of quarantine, for another try: the one at that path, or all. Returns those that were in it.
pub fn retry(probes: &dyn ProbeLog, library: Option<&Path>) -> Vec<Probe> {
    let mut released = probes.quarantined();
    released.retain(|probe| library.is_none_or(|library| probe.path == library));
    for probe in &released {
        probes.forget(&probe.digest);
    }
    released
}

/// The hidden command by which the binary probes: `sundae probe-plugin FILE`, with the open file as standard input.
pub const COMMAND: &str = "probe-plugin";

/// How long a library may take to load. `SUNDAE_PROBE_TIMEOUT` (seconds) changes it, for machines with slow disks.
#[must_use]
pub fn time_limit() -> Duration {
    let seconds = std::env::var("SUNDAE_PROBE_TIMEOUT").ok().and_then(|text| text.parse().ok());
    let seconds = seconds.filter(|seconds: &f64| (0.001..=86_400.0).contains(seconds));
    Duration::from_secs_f64(seconds.unwrap_or(10.0))
}

/// What the child found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It can be loaded.
    Sound,
    /// It cannot be loaded, and said so in an orderly way: its fault or that of the machine, which may be mended.
    Unfit { reason: String },
    /// It does to a process what must not happen to the host.
    Dangerous { reason: String },
}

/// Loads the open library, which stands at `path`, in a child process.
///
/// `binary` is one that knows [`COMMAND`].
///
/// # Errors
/// The child cannot be started, which says nothing of the library.
pub(super) fn probe(binary: &Path, path: &Path, file: &File, limit: Duration) -> io::Result<Found> {
    use std::os::unix::process::CommandExt;
    let mut child = Command::new(binary)
        .arg(COMMAND)
        .arg(path)
        // What is probed is what was hashed, whatever comes to the path meanwhile.
        .stdin(file.try_clone()?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("RUST_BACKTRACE", "0")
        .process_group(0)
        .spawn()?;
    let answer = collect(child.stdout.take());
    let complaint = collect(child.stderr.take());
    let in_time = wait(&child, limit);
    // Ends whatever it has started, before its number can be another's.
    end_group(&child);
    let status = child.wait()?;
    if !in_time? {
        let reason = format!("loading it did not end within {} s", limit.as_secs_f64());
        return Ok(Found::Dangerous { reason });
    }
    Ok(judge(status, said(&answer).trim(), &first_words(&said(&complaint))))
}

const PASSED: &str = "passed";
const REFUSED: &str = "refused: ";

/// What the child process does: loads the library that is its standard input, asks it for the interfaces of its flavors,
/// and tells. Where standard input is no file, as when somebody types the command, the library is opened by its name.
///
/// # Errors
/// It cannot be told.
pub fn run_child(library: &Path) -> io::Result<()> {
    use std::io::Write;
    use std::os::fd::AsFd;
    be_a_probe();
    let mut answer = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // What the library prints is not taken for the answer.
    rustix::stdio::dup2_stdout(io::stderr())?;
    let given = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let file = if given.metadata()?.is_file() { given } else { File::open(library)? };
    match super::loader::try_load(file, library) {
        Ok(()) => writeln!(answer, "{PASSED}"),
        Err(reason) => writeln!(answer, "{REFUSED}{reason}"),
    }
}

/// A probe that hangs must not outlive the host, and one that crashes leaves no core file.
#[cfg(target_os = "linux")]
fn be_a_probe() {
    use rustix::process::{Resource, Rlimit, set_parent_process_death_signal, setrlimit};
    // If either cannot be had, the probe is as good without.
    set_parent_process_death_signal(Some(Signal::KILL)).ok();
    // One byte: a limit of none does not hold for programs that are handed core files.
    setrlimit(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) }).ok();
}

#[cfg(not(target_os = "linux"))]
fn be_a_probe() {}

fn judge(status: ExitStatus, answer: &str, complaint: &str) -> Found {
    use std::os::unix::process::ExitStatusExt;
    let how = match status.signal() {
        None if status.success() => None,
        None => Some(status.to_string()),
        Some(signal) => Some(signal_name(signal)),
    };
    let said = if complaint.is_empty() { String::new() } else { format!("; it says: {complaint}") };
    let reason = match (how, answer.split_once(REFUSED)) {
        (None, Some((_, reason))) => return Found::Unfit { reason: reason.trim().to_owned() },
        (None, None) if answer == PASSED => return Found::Sound,
        (None, None) => format!("loading it ends the process ({status}){said}"),
        (Some(how), None) if answer == PASSED => {
            format!("a process that has loaded it does not end well: {how}{said}")
        }
        (Some(how), _) => format!("loading it ends the process: {how}{said}"),
    };
    Found::Dangerous { reason }
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

/// How much is kept of what the child writes.
const KEPT: usize = 64 << 10;

/// Reads a stream to its end, on a thread of its own, so that whoever writes to it never waits.
fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    // More chunks than are kept: the thread itself never waits either.
    let (sender, receiver) = sync_channel(KEPT);
    thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let (mut chunk, mut kept) = ([0; 4096], 0);
        while let Ok(length @ 1..) = stream.read(&mut chunk) {
            let wanted = length.min(KEPT - kept);
            kept += wanted;
            if wanted > 0 && sender.send(chunk[..wanted].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// What was read, once the process has ended. What it has started may have got away and hold the stream open for ever.
fn said(chunks: &Receiver<Vec<u8>>) -> String {
    let deadline = Instant::now() + Duration::from_millis(500);
    let mut bytes = Vec::new();
    while let Ok(chunk) = chunks.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        bytes.extend(chunk);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The beginning of a complaint in a line, without the advice that a panic ends with.
fn first_words(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<_> = lines.take_while(|line| !line.starts_with("note: ")).take(4).collect();
    let words: String = lines.join(" ").chars().filter(|letter| !letter.is_control()).collect();
    match words.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// Waits for the child to end, and leaves it to be reaped; `false` if it takes too long.
fn wait(child: &Child, limit: Duration) -> io::Result<bool> {
    let Some(pid) = pid(child) else { return Ok(true) };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_micros(500);
    loop {
        if waitid(WaitId::Pid(pid), options)?.is_some() {
            return Ok(true);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Ends the child, if it has not ended, and whatever it has started, so that nobody holds its streams open.
fn end_group(child: &Child) {
    if let Some(group) = pid(child) {
        // It has ended by itself if there is no such group.
        kill_process_group(group, Signal::KILL).ok();
    }
}

fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn every_way_to_end_has_its_sentence() {
        let exited = |code: i32| ExitStatus::from_raw(code << 8);
        let dangerous = |reason: &str| Found::Dangerous { reason: reason.to_owned() };
        for (status, answer, complaint, found) in [
            (exited(0), "passed", "printed something", Found::Sound),
            (exited(0), "refused: it is odd", "", Found::Unfit { reason: "it is odd".to_owned() }),
            (exited(0), "", "", dangerous("loading it ends the process (exit status: 0)")),
            (
                exited(7),
                "",
                "bye",
                dangerous("loading it ends the process: exit status: 7; it says: bye"),
            ),
            (
                ExitStatus::from_raw(11),
                "",
                "",
                dangerous("loading it ends the process: segmentation fault (signal 11)"),
            ),
            (
                ExitStatus::from_raw(6),
                "passed",
                "",
                dangerous("a process that has loaded it does not end well: abort (signal 6)"),
            ),
            (
                ExitStatus::from_raw(9),
                "refused: x",
                "",
                dangerous("loading it ends the process: signal 9"),
            ),
        ] {
            assert_eq!(judge(status, answer, complaint), found);
        }
    }

    #[test]
    fn a_complaint_is_told_in_a_line() {
        let panic = "\nthread 'main' panicked at src/lib.rs:7:5:\nit is\u{1b}[31m odd\nnote: run with `RUST_BACKTRACE=1`\nx";
        assert_eq!(first_words(panic), "thread 'main' panicked at src/lib.rs:7:5: it is[31m odd");
        assert_eq!(first_words(&"ä".repeat(400)), format!("{}…", "ä".repeat(300)));
    }
}
