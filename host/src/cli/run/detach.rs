//! `--detach`: the run goes on in a process of its own, which nothing ends that happens at this terminal.
//!
//! The process is this program again, with the same words. It writes the name of the run to its stdout when that is recorded as
//! under way; what it has to say otherwise goes to a file. If it ends before, that file says why.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::runs::view_of;
use crate::metadata::RunRecord;

/// What the process is called, before the id of its run: by that it knows what it is for. A variable would be there for whatever it
/// starts, too.
const NAME: &str = "sundae, detached: ";

/// The id of the run, if this process is the one that was detached for it. From then on, it has a session of its own.
pub(in crate::cli) fn id_if_detached() -> Option<String> {
    let name = std::env::args_os().next()?;
    let id = name.to_str()?.strip_prefix(NAME)?.to_owned();
    // It fails only in a process that leads a session already.
    rustix::process::setsid().ok();
    Some(id)
}

/// Says that the run is recorded as begun, and from then on nothing more to whoever has detached it.
pub(in crate::cli) fn say_begun(context: &Context, run: &RunRecord) -> Result<(), Failure> {
    context.ui.data(&run.name)?;
    let nowhere = OpenOptions::new().write(true).open("/dev/null");
    let closed = nowhere.and_then(|nowhere| Ok(rustix::stdio::dup2_stdout(&nowhere)?));
    closed.map_err(|error| Failure::new(format!("cannot close stdout: {error}")))
}

/// Starts the process for the run with this id, and waits until that is recorded as under way, or could not begin.
///
/// # Errors
/// [`Failure`], as the process has it.
pub(in crate::cli) fn start(context: &Context, id: &str) -> Result<(), Failure> {
    let narration = Narration::open(context.home.narration(id))?;
    let mut child = spawn(id, &narration)
        .map_err(|error| Failure::new(format!("cannot start a process for the run: {error}")))?;
    match name_of_run(&mut child) {
        Some(name) => say_detached(context, id, &name, &narration),
        None => narration.tell(child),
    }
}

fn spawn(id: &str, narration: &Narration) -> io::Result<Child> {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    Command::new(std::env::current_exe()?)
        .arg0(format!("{NAME}{id}"))
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(narration.file.try_clone()?)
        .spawn()
}

fn name_of_run(child: &mut Child) -> Option<String> {
    let mut line = String::new();
    BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
    line.ends_with('\n').then(|| line.trim_end().to_owned())
}

fn say_detached(
    context: &Context,
    id: &str,
    name: &str,
    narration: &Narration,
) -> Result<(), Failure> {
    let said = narration.path.display();
    context.ui.say(format_args!("Run `{name}` goes on by itself; what it says is in {said}."));
    context.ui.hint(format_args!(
        "`sundae runs attach {name}` shows how it goes on; `sundae runs cancel {name}` stops it"
    ));
    if !context.wants_json() {
        return context.ui.data(name);
    }
    let database = context.database()?;
    match database.run(id)? {
        Some(run) => context.ui.json(&view_of(database, &run)?),
        None => Err(Failure::new(format!("run `{name}` was deleted"))),
    }
}

/// The file that takes what the process says, behind what others have said that had the same run before.
struct Narration {
    path: PathBuf,
    file: File,
    begin: u64,
}

impl Narration {
    fn open(path: PathBuf) -> Result<Self, Failure> {
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        let open = || OpenOptions::new().read(true).append(true).create(true).open(&path);
        let opened = made.and_then(|()| open()).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((begin, file)) => Ok(Self { path, file, begin }),
            Err(error) => Err(Failure::new(format!("cannot make {}: {error}", path.display()))),
        }
    }

    /// The run is not under way: what was said is said here, and ends as it ended there.
    fn tell(mut self, mut child: Child) -> Result<(), Failure> {
        let status = child.wait();
        let mut said = Vec::new();
        let read = self.file.seek(SeekFrom::Start(self.begin));
        drop(read.and_then(|_| self.file.read_to_end(&mut said)));
        if self.begin == 0 {
            drop(fs::remove_file(&self.path));
        }
        drop(io::copy(&mut said.as_slice(), &mut io::stderr().lock()));
        match status.ok().and_then(|status| status.code()) {
            Some(0) => Ok(()),
            Some(code) => Err(Failure::silent(u8::try_from(code).unwrap_or(u8::MAX))),
            None => Err(Failure::new("the process of the run was killed before it could begin")),
        }
    }
}
