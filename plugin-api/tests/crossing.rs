//! What happens on the way between host and library, both of them in this process.

use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sundae_plugin_api::abi;
use sundae_plugin_api::artifact_store::{Capabilities, Existing, Object, Source};
use sundae_plugin_api::orchestrator::{self, Change, Handle, Job, JobDescription, JobState, Work};
use sundae_plugin_api::{
    ArtifactStore, Component, Config, Error, ErrorKind, Host, HostServices, Key, Level,
    Orchestrator,
};

#[derive(serde::Deserialize, Config)]
struct Settings {
    /// Where it panics.
    #[config(default = "nowhere")]
    panics_in: String,
    #[config(default = 1)]
    #[expect(dead_code, reason = "only what is given for it counts")]
    depth: u32,
}

/// A store that asks its host for everything, and panics where it is told to.
struct Odd {
    panics_in: String,
    host: Host,
}

impl Odd {
    fn enter(&self, place: &str) {
        assert!(self.panics_in != place, "told to panic in {place}");
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.enter("drop");
    }
}

impl Component for Odd {
    type Config = Settings;

    fn open(config: Settings, host: Host) -> Result<Self, Error> {
        let odd = Self { panics_in: config.panics_in, host };
        odd.enter("open");
        Ok(odd)
    }
}

impl ArtifactStore for Odd {
    fn capabilities(&self) -> Capabilities {
        self.enter("capabilities");
        Capabilities::at("here").shared().staging(PathBuf::from("/staging"))
    }
    fn put(&self, key: &Key, _: &Path, _: Source) -> Result<(), Error> {
        self.enter("put");
        Err(Error::new(ErrorKind::OutOfSpace, format!("no room for {key}"))
            .with("bucket", "b")
            .retryable())
    }
    fn get(&self, _: &Key, _: &Path) -> Result<(), Error> {
        self.enter("get");
        self.host.secret("token").map(drop)
    }
    fn write(&self, _: &Key, _: &[u8], _: Existing) -> Result<(), Error> {
        self.enter("write");
        self.host.warning("written");
        self.host.progress("writing", 1, Some(2));
        Ok(())
    }
    fn read(&self, _: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        self.enter("read");
        Ok(format!("{range:?} {}", self.host.scratch_folder()?.display()).into_bytes())
    }
    fn stat(&self, _: &Key) -> Result<Option<Object>, Error> {
        self.enter("stat");
        Ok(None)
    }
    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        self.enter("list");
        let key = Key::new(format!("{prefix}-{limit}"))?;
        let after = after.map(|key| Object { key: key.clone(), size: 1, modified_ms: 2 });
        Ok(after.into_iter().chain([Object { key, size: 3, modified_ms: 4 }]).collect())
    }
    fn delete(&self, _: &Key) -> Result<(), Error> {
        self.enter("delete");
        Ok(())
    }
}

#[derive(Default)]
struct Services {
    logged: AtomicU32,
    progress: AtomicU32,
}

impl HostServices for Services {
    fn log(&self, level: Level, message: &str) {
        assert_eq!((level, message), (Level::Warning, "written"));
        self.logged.fetch_add(1, Ordering::Relaxed);
        panic!("a host that panics is no plugin's fault");
    }
    fn progress(&self, label: &str, done: u64, total: Option<u64>) {
        assert_eq!((label, done, total), ("writing", 1, Some(2)));
        self.progress.fetch_add(1, Ordering::Relaxed);
    }
    fn secret(&self, name: &str) -> Result<String, Error> {
        Err(Error::new(ErrorKind::NotFound, format!("there is no secret `{name}`")))
    }
    fn is_cancelled(&self) -> bool {
        false
    }
    fn data_folder(&self) -> Result<PathBuf, Error> {
        Ok(PathBuf::from("/data"))
    }
    fn scratch_folder(&self) -> Result<PathBuf, Error> {
        Ok(PathBuf::from("/scratch"))
    }
}

fn open(config: &str) -> Result<Box<dyn ArtifactStore>, Error> {
    abi::artifact_store::open_here::<Odd>(config, Host::new(Arc::new(Services::default())))
}

fn key() -> Key {
    Key::new("a/b").expect("it is a key")
}

#[test]
fn a_panic_in_any_method_is_an_error_of_that_call() {
    type Call = fn(&dyn ArtifactStore) -> Result<(), Error>;
    let calls: [(&str, Call); 8] = [
        ("put", |store| store.put(&key(), Path::new("x"), Source::Give)),
        ("get", |store| store.get(&key(), Path::new("x"))),
        ("write", |store| store.write(&key(), b"", Existing::Refuse)),
        ("read", |store| store.read(&key(), None).map(drop)),
        ("stat", |store| store.stat(&key()).map(drop)),
        ("list", |store| store.list("", None, 1).map(drop)),
        ("list", |store| store.check()),
        ("delete", |store| store.delete(&key())),
    ];
    for (place, call) in calls {
        let store = open(&format!(r#"{{"panics_in":"{place}"}}"#)).unwrap();
        for _ in 0..2 {
            let error = call(&*store).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Panicked, "{place}");
            assert!(
                error.message().starts_with("panicked at plugin-api/tests/crossing.rs:"),
                "{error}"
            );
            assert!(error.message().ends_with(&format!(": told to panic in {place}")), "{error}");
        }
    }
}

#[test]
fn a_store_that_panics_before_it_is_open_is_not_opened() {
    for place in ["open", "capabilities"] {
        let error = open(&format!(r#"{{"panics_in":"{place}"}}"#)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Panicked, "{place}");
    }
}

#[test]
fn a_panic_in_drop_ends_nothing() {
    drop(open(r#"{"panics_in":"drop"}"#).unwrap());
}

#[test]
fn a_configuration_that_does_not_fit_is_refused_before_the_flavor_sees_it() {
    for (config, sentence) in [
        (r#"{"depth":-1}"#, "field `depth` takes a whole number from 0 to 4294967295, not `-1`"),
        (
            r#"{"path":"x","depth":true}"#,
            "there is no field `path`; field `depth` takes a whole number",
        ),
        ("[]", "invalid type: sequence, expected a map"),
        ("{", "EOF while parsing an object"),
    ] {
        let error = open(config).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().starts_with(sentence), "{error}");
    }
}

#[test]
fn everything_arrives_as_it_was_sent() {
    let services = Arc::new(Services::default());
    let host = Host::new(Arc::<Services>::clone(&services));
    let store = abi::artifact_store::open_here::<Odd>("{}", host).unwrap();
    let capabilities = store.capabilities();
    assert!(capabilities.shared);
    assert_eq!(capabilities.location, "here");
    assert_eq!(capabilities.staging.as_deref(), Some(Path::new("/staging")));

    let error = store.put(&key(), Path::new("x"), Source::Give).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::OutOfSpace, true));
    assert_eq!(error.to_string(), "no room for a/b (bucket: b)");
    assert_eq!(store.get(&key(), Path::new("x")).unwrap_err().kind(), ErrorKind::NotFound);
    store.write(&key(), b"", Existing::Replace).unwrap();
    assert_eq!(
        (services.logged.load(Ordering::Relaxed), services.progress.load(Ordering::Relaxed)),
        (1, 1)
    );
    assert_eq!(store.read(&key(), Some(3..7)).unwrap(), b"Some(3..7) /scratch");
    assert_eq!(store.stat(&key()).unwrap(), None);
    let listed = store.list("p", Some(&key()), 9).unwrap();
    let listed: Vec<_> = listed.iter().map(|o| (o.key.as_str(), o.size, o.modified_ms)).collect();
    assert_eq!(listed, [("a/b", 1, 2), ("p-9", 3, 4)]);
    // A key that is none does not arrive.
    assert!(store.list("p q", None, 1).unwrap_err().message().contains("is not a key"));
}

#[test]
fn a_path_that_is_no_text_is_an_error_and_no_other_path() {
    let store = open("{}").unwrap();
    let path = Path::new(OsStr::from_bytes(b"/tmp/\xff"));
    let error = store.get(&key(), path).unwrap_err();
    assert!(error.message().contains("is not valid UTF-8"), "{error}");
}

/// Runs the work within `submit`.
struct AtOnce;

impl Component for AtOnce {
    type Config = Settings;

    fn open(_: Settings, _: Host) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Orchestrator for AtOnce {
    fn capabilities(&self) -> orchestrator::Capabilities {
        orchestrator::Capabilities::new().resources(["cpus"]).reattach().logs().remote()
    }
    fn submit(&self, job: Job) -> Result<Handle, Error> {
        assert_eq!(job.description.environment["TOKEN"], "t");
        job.work.cancel();
        job.work.run().map(|exit_code| Handle(format!("{}:{exit_code}", job.description.id)))
    }
    fn wait(&self, timeout: Duration) -> Result<Vec<Change>, Error> {
        let reason = format!("{timeout:?}");
        let state = JobState::Lost { reason, retryable: true };
        Ok(vec![Change::new(Handle("1".into()), state)])
    }
    fn cancel(&self, _: &Handle) -> Result<(), Error> {
        Ok(())
    }
}

struct Panics(&'static str);

impl Work for Panics {
    fn run(&self) -> Result<i32, Error> {
        assert!(self.0 != "run", "told to panic in run");
        Ok(3)
    }
    fn cancel(&self) {
        assert!(self.0 != "cancel", "told to panic in cancel");
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(self.0 != "drop", "told to panic in drop");
    }
}

#[test]
fn a_panic_of_the_host_does_not_enter_the_library() {
    let host = Host::new(Arc::new(Services::default()));
    let orchestrator = abi::orchestrator::open_here::<AtOnce>("{}", host).unwrap();
    let submit = |place| {
        let mut description = JobDescription::new("job", "name");
        description.environment.insert("TOKEN".to_owned(), "t".to_owned());
        orchestrator.submit(Job { description, work: Box::new(Panics(place)) })
    };
    for place in ["nowhere", "cancel", "drop"] {
        assert_eq!(submit(place).unwrap(), Handle("job:3".to_owned()), "{place}");
    }
    assert_eq!(submit("run").unwrap_err().kind(), ErrorKind::Panicked);
    orchestrator.check().unwrap();
    assert!(orchestrator.capabilities().reattach && orchestrator.capabilities().remote);
    for unsupported in [
        orchestrator.logs(&Handle("1".into()), 0).map(drop),
        orchestrator.reattach(&Handle("1".into())).map(drop),
    ] {
        assert_eq!(unsupported.unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn a_short_wait_does_not_become_none() {
    let host = Host::new(Arc::new(Services::default()));
    let orchestrator = abi::orchestrator::open_here::<AtOnce>("{}", host).unwrap();
    let changes = orchestrator.wait(Duration::from_micros(1)).unwrap();
    let state = JobState::Lost { reason: "1ms".to_owned(), retryable: true };
    assert_eq!(changes, [Change::new(Handle("1".into()), state)]);
}

#[test]
fn a_service_that_the_host_does_not_have_is_unsupported() {
    let error = Services::default().call("weather", "{}").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.message(), "this host has no service `weather`");
}
