//! A user's world in a temporary folder: a home, a working folder, and the first-party plugins as real libraries.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sundae::metadata::Database;
use tempfile::TempDir;

/// The libraries of the first-party plugins, as cargo builds them for these tests.
pub(super) const LIBRARIES: [&str; 2] =
    ["libsundae_local_artifact_store.so", "libsundae_local_orchestrator.so"];

/// How long anything may take that is waited for: the machine may be busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A user's world.
pub(super) struct Sandbox {
    folder: TempDir,
    home: PathBuf,
    /// What commands have in their environment beyond that of the test.
    environment: BTreeMap<String, OsString>,
}

/// How a command ended, and what it said.
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, out, err } = self;
        write!(f, "exit code {code:?}\n--- stdout\n{out}\n--- stderr\n{err}\n---")
    }
}

impl Said {
    /// Asserts the exit code.
    #[track_caller]
    pub(super) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// stdout as JSON.
    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that stderr says so.
    #[track_caller]
    pub(super) fn telling(self, text: &str) -> Self {
        assert!(self.err.contains(text), "`{text}` is not said: {self:?}");
        self
    }
}

impl Sandbox {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        Self::with_home(folder, home)
    }

    /// One whose home is elsewhere.
    pub(super) fn at_home(home: &Path) -> Self {
        Self::with_home(tempfile::tempdir().unwrap(), home.to_owned())
    }

    fn with_home(folder: TempDir, home: PathBuf) -> Self {
        let sandbox = Self { folder, home, environment: BTreeMap::new() };
        fs::create_dir_all(sandbox.plugins()).unwrap();
        fs::create_dir(sandbox.work()).unwrap();
        link_or_copy(Path::new(env!("CARGO_BIN_EXE_sundae")), &sandbox.program());
        for library in LIBRARIES {
            sandbox.install(library);
        }
        sandbox
    }

    /// Puts the library of another plugin beside those that are there.
    pub(super) fn install(&self, library: &str) {
        let built = Path::new(env!("CARGO_BIN_EXE_sundae")).with_file_name("deps").join(library);
        link_or_copy(&built, &self.plugins().join(library));
    }

    /// Commands that are given from now on have this in their environment.
    pub(super) fn set(&mut self, variable: &str, value: impl Into<OsString>) {
        self.environment.insert(variable.to_owned(), value.into());
    }

    /// Copies an example into the working folder.
    pub(super) fn example(&self, name: &str) {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
        let status = Command::new("cp").arg("-r").arg(example.join(".")).arg(self.work()).status();
        assert!(status.unwrap().success());
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// The program, where it finds the plugins that came with it and none of the checkout.
    pub(super) fn program(&self) -> PathBuf {
        self.folder.path().join("installed/sundae")
    }

    /// Where plugins are.
    pub(super) fn plugins(&self) -> PathBuf {
        self.folder.path().join("installed/plugins-dist")
    }

    /// Where commands are given.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A path outside of the working folder: files in that are code of the steps that name them.
    pub(super) fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in the working folder.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Reads a file in the working folder.
    #[track_caller]
    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.work().join(name)).unwrap()
    }

    /// A command of the binary, in a process group of its own as a shell would start it.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        use std::os::unix::process::CommandExt as _;
        let mut command = Command::new(self.program());
        command
            .args(words)
            .current_dir(self.work())
            .env("SUNDAE_HOME", &self.home)
            .env_remove("SUNDAE_PLUGIN_PATH")
            .env("TZ", "UTC")
            .env_remove("NO_COLOR")
            .envs(&self.environment)
            .stdin(Stdio::null())
            .process_group(0);
        command
    }

    /// Gives a command and waits for its end.
    pub(super) fn sundae(&self, words: &[&str]) -> Said {
        said(self.command(words).output().unwrap())
    }

    /// Gives a command and does not wait.
    pub(super) fn start(&self, words: &[&str]) -> Running {
        let mut command = self.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { child: Some(command.spawn().unwrap()) }
    }

    /// The finished run of a pipeline file, as JSON.
    #[track_caller]
    pub(super) fn run(&self, words: &[&str]) -> Value {
        let words = [&["run", "--output", "json"], words].concat();
        self.sundae(&words).ended(0).json()
    }

    /// The local database.
    pub(super) fn database(&self) -> Database {
        Database::open(&self.home.join("sundae.db")).unwrap()
    }

    /// The files of the default artifact store, below its root.
    pub(super) fn store(&self) -> PathBuf {
        let components = fs::read_dir(self.home.join("components")).unwrap();
        let mut roots = components.map(|entry| entry.unwrap().path());
        roots.find(|root| root.join("objects").is_dir()).expect("a store that holds something")
    }

    /// The file in which the default store keeps an object.
    pub(super) fn object(&self, digest: &str) -> PathBuf {
        self.store().join("objects").join(&digest[..1]).join(&digest[1..])
    }
}

/// A copy if they are on different file systems.
fn link_or_copy(from: &Path, to: &Path) {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)).unwrap();
}

pub(super) fn said(output: std::process::Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("what is said is UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A command that goes on; killed if the test ends before it.
pub(super) struct Running {
    child: Option<Child>,
}

impl Running {
    pub(super) fn of(child: Child) -> Self {
        Self { child: Some(child) }
    }

    fn child(&self) -> &Child {
        self.child.as_ref().expect("it was not waited for")
    }

    /// Its process number, which is that of its group too.
    pub(super) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.child())
    }

    /// Whether it has ended, without waiting for that.
    pub(super) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some())
    }

    /// Waits for its end.
    pub(super) fn wait(mut self) -> Said {
        said(self.child.take().unwrap().wait_with_output().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Waits until something is so.
#[track_caller]
pub(super) fn until<T>(what: &str, is_so: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, is_so)
}

/// As [`until`], for what takes longer by itself.
#[track_caller]
pub(super) fn until_within<T>(
    patience: Duration,
    what: &str,
    mut is_so: impl FnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = is_so() {
            return value;
        }
        assert!(Instant::now() < deadline, "it did not come about that {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether a process is there and is no zombie.
pub(super) fn is_alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start().chars().next();
    !matches!(state, Some('Z' | 'X') | None)
}

/// The step of a run in JSON.
#[track_caller]
pub(super) fn step<'a>(run: &'a Value, name: &str) -> &'a Value {
    let steps = run["steps"].as_array().expect("a run has steps");
    steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no {name}: {run}"))
}

/// The status of each step of a run in JSON, in the order of the plan.
pub(super) fn statuses<'a>(run: &'a Value) -> Vec<(&'a str, &'a str)> {
    let steps = run["steps"].as_array().expect("a run has steps");
    let pair = |step: &'a Value| Some((step["name"].as_str()?, step["status"].as_str()?));
    steps.iter().filter_map(pair).collect()
}

/// The digest of each output of a run in JSON, by `step.output`.
#[track_caller]
pub(super) fn digests(run: &Value) -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    for step in run["steps"].as_array().expect("a run has steps") {
        for (output, artifact) in step["outputs"].as_object().expect("a step has outputs") {
            let name = format!("{}.{output}", step["name"].as_str().unwrap());
            digests.insert(name, artifact["digest"].as_str().unwrap().to_owned());
        }
    }
    digests
}
