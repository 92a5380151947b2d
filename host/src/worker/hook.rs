//! Running a command that is no step: a hook of a run.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::Cancel;
use super::command::{self, Invocation};
use crate::secret::Mask;

/// So much of what a hook writes is told when it fails.
const TOLD: usize = 2000;

/// Runs a shell command to its end, with all that it started.
///
/// # Errors
/// It could not be started, or ended otherwise than well; the text says how, with the end of what it wrote.
pub fn run_hook(
    script: &str,
    workdir: &Path,
    environment: &BTreeMap<String, String>,
    cancel: &Cancel,
) -> Result<(), String> {
    let mut log = tempfile::tempfile().map_err(|error| format!("cannot make a file: {error}"))?;
    let command = ["sh".to_owned(), "-c".to_owned(), script.to_owned()];
    let invocation =
        Invocation { command: &command, workdir, environment, log: &log, mask: &Mask::default() };
    let status = command::run(&invocation, cancel)?;
    let Some(complaint) = command::complaint(status) else { return Ok(()) };
    let complaint = match cancel.is_requested() {
        true => "it took too long, and was stopped".to_owned(),
        false => complaint,
    };
    let mut written = Vec::new();
    log.seek(SeekFrom::Start(0)).and_then(|_| log.read_to_end(&mut written)).ok();
    let end = written.len().saturating_sub(TOLD);
    let written = String::from_utf8_lossy(&written[end..]);
    match written.trim() {
        "" => Err(complaint),
        written => Err(format!("{complaint}: {written}")),
    }
}
