//! The work folder: what jobs are told and what they leave, on a file system that this machine and the nodes share.
//!
//! Jobs that are submitted together share one folder, and each has a number in it. `job.N` is the command and its environment,
//! readable by its owner only; `log.N` what it writes; `marks` has what happened: `owner.N` names the Slurm job that has
//! started it, `end.N` holds its exit code, and `stop.N` says that it shall not start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sundae_plugin_api::orchestrator::Handle;
use sundae_plugin_api::{Error, ErrorKind};

/// Where what happened is marked.
pub(crate) const MARKS: &str = "marks";

/// The ids that Slurm gave.
const IDS: &str = "ids";

/// What is read of a log at once.
const LOG_PART: u64 = 1024 * 1024;

/// The folder of all batches.
#[derive(Debug)]
pub(crate) struct WorkFolder {
    root: PathBuf,
}

/// A job by the folder of its batch and its number there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The batch, which is the name of its folder.
    pub(crate) batch: String,
    /// The number.
    pub(crate) number: usize,
}

impl Place {
    pub(crate) fn handle(&self) -> Handle {
        Handle(format!("{}.{}", self.batch, self.number))
    }

    /// The place that a handle tells; nothing but names that are ours, so that it leads nowhere else.
    pub(crate) fn of(handle: &Handle) -> Option<Self> {
        let (batch, number) = handle.0.split_once('.')?;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        let is_batch = !batch.is_empty() && batch.chars().all(is_name);
        let number = number.parse().ok().filter(|_| is_batch)?;
        Some(Self { batch: batch.to_owned(), number })
    }
}

/// What a job has left about its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct End {
    /// The exit code of its command.
    pub(crate) exit_code: i32,
    /// What went wrong before the command was started, if it was not.
    pub(crate) refusal: Option<String>,
    /// Seconds of processor time.
    pub(crate) cpu_seconds: Option<f64>,
}

/// What has happened in a batch.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// The numbers of those that have started.
    pub(crate) started: Vec<usize>,
    /// The numbers of those that have ended.
    pub(crate) ended: Vec<usize>,
}

impl WorkFolder {
    /// # Errors
    /// It cannot be made.
    pub(crate) fn open(root: PathBuf) -> Result<Self, Error> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&root);
        made.map_err(|error| Error::io("create", &root, &error))?;
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn batch(&self, batch: &str) -> PathBuf {
        self.root.join(batch)
    }

    fn file(&self, place: &Place, name: &str) -> PathBuf {
        self.batch(&place.batch).join(format!("{name}.{}", place.number))
    }

    fn mark(&self, place: &Place, name: &str) -> PathBuf {
        self.batch(&place.batch).join(MARKS).join(format!("{name}.{}", place.number))
    }

    /// Makes the folder of a batch, whose name nobody else uses.
    pub(crate) fn make_batch(&self, batch: &str) -> Result<(), Error> {
        let folder = self.batch(batch);
        let make = |folder: &Path| fs::DirBuilder::new().mode(0o700).create(folder);
        make(&folder)
            .and_then(|()| make(&folder.join(MARKS)))
            .map_err(|error| Error::io("create", &folder, &error))
    }

    /// Writes what a job does, so that only this user reads it.
    pub(crate) fn write_job(&self, place: &Place, text: &str) -> Result<(), Error> {
        let path = self.file(place, "job");
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(&path);
        opened
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| Error::io("write", &path, &error))
    }

    /// Removes what a job was told, which may hold secrets.
    pub(crate) fn forget_job(&self, place: &Place) {
        // A file that stays is in a folder that nobody else reads, and goes with it.
        drop(fs::remove_file(self.file(place, "job")));
    }

    pub(crate) fn knows(&self, place: &Place) -> bool {
        self.file(place, "job").exists()
            || self.mark(place, "end").exists()
            || self.owner(place).is_some()
    }

    /// Adds that Slurm knows jobs of a batch by this id: all numbers in an array, or the only one.
    pub(crate) fn write_id(&self, batch: &str, id: &str, is_array: bool) -> Result<(), Error> {
        let path = self.batch(batch).join(IDS);
        let kind = if is_array { "array" } else { "job" };
        let opened = OpenOptions::new().create(true).append(true).open(&path);
        opened
            .and_then(|mut file| writeln!(file, "{kind} {id}"))
            .map_err(|error| Error::io("write", &path, &error))
    }

    /// The id by which Slurm knows a job: that of the one which has started it, or of the one that was submitted.
    pub(crate) fn id(&self, place: &Place) -> Option<String> {
        if let Some(owner) = self.owner(place) {
            return Some(owner);
        }
        let text = fs::read_to_string(self.batch(&place.batch).join(IDS)).ok()?;
        let (kind, id) = text.lines().last()?.split_once(' ')?;
        Some(if kind == "array" { format!("{id}_{}", place.number) } else { id.to_owned() })
    }

    /// The Slurm job that has started it.
    pub(crate) fn owner(&self, place: &Place) -> Option<String> {
        let target = fs::read_link(self.mark(place, "owner")).ok()?;
        target.into_os_string().into_string().ok()
    }

    /// Says that a job is not to start any more.
    pub(crate) fn stop(&self, place: &Place) -> io::Result<()> {
        File::create(self.mark(place, "stop")).map(drop)
    }

    /// What has happened in a batch. Empty where it cannot be seen now.
    pub(crate) fn marks(&self, batch: &str) -> Marks {
        let mut marks = Marks::default();
        for entry in fs::read_dir(self.batch(batch).join(MARKS)).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some((what, number)) = name.to_str().and_then(|name| name.split_once('.')) else {
                continue;
            };
            let Ok(number) = number.parse() else { continue };
            match what {
                "owner" => marks.started.push(number),
                "end" => marks.ended.push(number),
                _ => {}
            }
        }
        marks
    }

    /// How a job ended, if it has said so.
    pub(crate) fn end(&self, place: &Place) -> Option<End> {
        parse_end(&fs::read_to_string(self.mark(place, "end")).ok()?)
    }

    /// A part of a job's log.
    pub(crate) fn log(&self, place: &Place, from: u64) -> io::Result<Vec<u8>> {
        let mut file = match File::open(self.file(place, "log")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened?,
        };
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        file.take(LOG_PART).read_to_end(&mut part)?;
        Ok(part)
    }

    /// Whether Slurm has written into the log that the job had too much memory.
    pub(crate) fn tells_of_memory(&self, place: &Place) -> bool {
        const TAIL: i64 = 4096;
        let read = || -> io::Result<Vec<u8>> {
            let mut file = File::open(self.file(place, "log"))?;
            let length = file.metadata()?.len();
            file.seek(if length > TAIL.unsigned_abs() {
                SeekFrom::End(-TAIL)
            } else {
                SeekFrom::Start(0)
            })?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail)?;
            Ok(tail)
        };
        let tail = read().unwrap_or_default();
        let tail = String::from_utf8_lossy(&tail);
        tail.lines().any(|line| {
            line.contains("slurmstepd")
                && (line.contains("oom-kill")
                    || line.contains("oom_kill")
                    || line.contains("memory limit"))
        })
    }

    /// Removes batches in which nothing has happened for so long.
    pub(crate) fn sweep(&self, keep: Duration) {
        let Some(limit) = SystemTime::now().checked_sub(keep) else { return };
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let folder = entry.path();
            let touched = |path: &Path| fs::metadata(path).and_then(|data| data.modified());
            let is_batch = folder.join(MARKS).is_dir();
            let is_old = |path: &Path| touched(path).is_ok_and(|time| time < limit);
            if is_batch && is_old(&folder) && is_old(&folder.join(MARKS)) {
                drop(fs::remove_dir_all(&folder));
            }
        }
    }

    /// # Errors
    /// Nothing can be written there, or others may read it.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let probe = self.root.join(format!(".probe-{}", std::process::id()));
        // Not an empty one, for which there is room on a full disk.
        let written = fs::write(&probe, [0; 4096]);
        drop(fs::remove_file(&probe));
        written.map_err(|error| Error::io("write", &probe, &error))?;
        let mode = fs::metadata(&self.root)
            .map_err(|error| Error::io("read", &self.root, &error))?
            .permissions()
            .mode();
        // Its subfolders are closed; whoever may write here could replace them.
        if mode & 0o022 != 0 {
            return Err(Error::new(
                ErrorKind::PermissionDenied,
                format!(
                    "others may write to {}, where jobs find what they are to do; `chmod go-w` closes it",
                    self.root.display()
                ),
            ));
        }
        Ok(())
    }
}

/// The exit code, why the command was not started, and what `times` of the shell says: of itself, and of what it has started.
fn parse_end(text: &str) -> Option<End> {
    // Written aside and renamed: half of it is never seen.
    let mut lines = text.lines();
    let exit_code = lines.next()?.trim().parse().ok()?;
    let refusal = lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
    let cpu_seconds = lines.nth(1).and_then(seconds_of_times);
    Some(End { exit_code, refusal, cpu_seconds })
}

/// `0m1.520s 0m0.043s`.
fn seconds_of_times(line: &str) -> Option<f64> {
    let parts = line.split_whitespace().map(|part| {
        let (minutes, seconds) = part.strip_suffix('s')?.split_once('m')?;
        // Some languages write a comma.
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.replace(',', ".").parse::<f64>().ok()?)
    });
    parts.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_leads_nowhere_but_to_a_job() {
        let place = Place { batch: "a-1".to_owned(), number: 7 };
        assert_eq!(Place::of(&place.handle()), Some(place));
        for wrong in ["no-such-job", "../x.1", "a/b.1", ".1", "a.", "a.-1", "a.1.2", ""] {
            assert_eq!(Place::of(&Handle(wrong.to_owned())), None, "{wrong}");
        }
    }

    #[test]
    fn an_end_is_read_as_the_script_writes_it() {
        let end = parse_end("3\n\n0m9s 0m9s\n1m1.5s 0m0,5s\n").unwrap();
        assert_eq!(end, End { exit_code: 3, refusal: None, cpu_seconds: Some(62.0) });
        assert_eq!(parse_end("127\nmodule x\n").unwrap().refusal.unwrap(), "module x");
        assert_eq!(parse_end(""), None);
    }

    #[test]
    fn jobs_are_private_and_logs_are_read_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let work = WorkFolder::open(folder.path().join("work")).unwrap();
        work.make_batch("b").unwrap();
        work.make_batch("b").unwrap_err();
        let place = Place { batch: "b".to_owned(), number: 0 };
        assert!(!work.knows(&place));
        work.write_job(&place, "secret").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&work.file(&place, "job")), 0o600);
        assert_eq!(mode(&work.batch("b")), 0o700);
        assert!(work.knows(&place));
        assert_eq!(work.log(&place, 0).unwrap(), b"");
        fs::write(work.file(&place, "log"), "0123456789").unwrap();
        assert_eq!(work.log(&place, 4).unwrap(), b"456789");
        assert_eq!(work.log(&place, 99).unwrap(), b"");
    }

    #[test]
    fn what_is_old_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let work = WorkFolder::open(folder.path().to_owned()).unwrap();
        work.make_batch("b").unwrap();
        fs::create_dir(folder.path().join("of-somebody-else")).unwrap();
        work.sweep(Duration::from_secs(3600));
        assert!(work.batch("b").exists());
        std::thread::sleep(Duration::from_millis(10));
        work.sweep(Duration::ZERO);
        assert!(!work.batch("b").exists());
        assert!(folder.path().join("of-somebody-else").exists());
    }

    #[test]
    fn ids_are_those_of_who_started_it_or_of_what_was_submitted_last() {
        let folder = tempfile::tempdir().unwrap();
        let work = WorkFolder::open(folder.path().to_owned()).unwrap();
        work.make_batch("b").unwrap();
        let place = Place { batch: "b".to_owned(), number: 2 };
        assert_eq!(work.id(&place), None);
        work.write_id("b", "17", false).unwrap();
        assert_eq!(work.id(&place).unwrap(), "17");
        work.write_id("b", "18", true).unwrap();
        assert_eq!(work.id(&place).unwrap(), "18_2");
        std::os::unix::fs::symlink("17_2", work.mark(&place, "owner")).unwrap();
        assert_eq!(work.id(&place).unwrap(), "17_2");
        assert_eq!(work.marks("b").started, [2]);
    }
}
