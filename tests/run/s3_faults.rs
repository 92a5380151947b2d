//! What a run meets whose artifacts are in S3: a service that is busy, slow or away, credentials that are revoked, a bucket that
//! is not there. On a real service, with a proxy before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sundae_plugin_testkit::fault_proxy::{Fault, Proxy};

use super::backends::tell;
use super::sandbox::{Running, Sandbox, digests, step, until};
use super::services::{config, register};

/// A user whose stack `service` has an S3 store behind a proxy. `None`: there is no service.
fn behind_a_proxy() -> Option<(Sandbox, Proxy)> {
    let mut config = config("s3")?;
    let proxy = Proxy::before(config["endpoint"].as_str().unwrap());
    config["endpoint"] = proxy.url().into();
    let sandbox = Sandbox::new();
    register(&sandbox, "s3", &config);
    Some((sandbox, proxy))
}

/// A run whose second step waits until it is told to go on.
struct Waiting {
    running: Running,
    go: PathBuf,
    tally: PathBuf,
}

impl Waiting {
    /// Started, and with its first step done.
    fn start(sandbox: &Sandbox) -> Self {
        let (go, tally) = (sandbox.outside("go"), sandbox.outside("tally"));
        sandbox.write("p.toml", &format!(
            "name = 'p'\n[[steps]]\nname = 'first'\nrun = 'echo first >> {tally}; echo 1 > {{out.x}}'\noutputs = ['x']\n\
             [[steps]]\nname = 'second'\nrun = 'echo second >> {tally}; until test -e {go}; do sleep 0.05; done; cat {{in.x}} > {{out.y}}'\n\
             inputs = {{ x = 'first.x' }}\noutputs = ['y']\n\
             [[steps]]\nname = 'third'\nrun = 'echo third >> {tally}; cat {{in.y}}'\ninputs = {{ y = 'second.y' }}\n",
            tally = tally.display(),
            go = go.display()
        ));
        let running = sandbox.start(&["run", "p.toml", "--stack", "service"]);
        let waiting = Self { running, go, tally };
        until("the second step has begun", || waiting.tally().contains(" second").then_some(()));
        waiting
    }

    /// The steps that have begun, in order.
    fn tally(&self) -> String {
        tally(&self.tally)
    }
}

fn tally(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default().lines().map(|line| format!(" {line}")).collect()
}

fn reason(sandbox: &Sandbox, name: &str) -> String {
    let run = sandbox.sundae(&["runs", "describe", "--output", "json"]).ended(0).json();
    step(&run, name)["reason"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_service_that_is_busy_and_slow_and_breaks_off_changes_nothing() {
    let Some((sandbox, proxy)) = behind_a_proxy() else { return };
    sandbox.sundae(&["artifact-store", "update", "service", "--timeout-seconds=3"]).ended(0);
    sandbox.example("training");
    let here = sandbox.run(&["pipeline.toml", "--stack", "default"]);
    const BUSY: Fault = Fault::Answer(503, "<Error><Code>SlowDown</Code></Error>");
    const BROKEN: Fault = Fault::Answer(500, "<Error><Code>InternalError</Code></Error>");
    for (passed, fault, method) in [
        (1, BUSY, "PUT"),
        (0, BROKEN, "PUT"),
        (1, Fault::LoseAnswer, "PUT"),
        (0, Fault::Delay(Duration::from_secs(1)), "PUT"),
        (0, BUSY, "GET"),
        (0, Fault::Truncate(10), "GET"),
        (0, Fault::Delay(Duration::from_secs(1)), "GET"),
        (0, BROKEN, "HEAD"),
        (0, Fault::Hang, "HEAD"),
    ] {
        proxy.does_after(passed, fault, 1, method, "/objects/");
    }
    let there = sandbox.run(&["pipeline.toml", "--stack", "service"]);
    assert_eq!(digests(&there), digests(&here));
    assert_eq!(proxy.left(), 0, "not everything happened that was to");
    sandbox.sundae(&["store", "verify", "service"]).ended(0);
}

/// Longer than requests are repeated, and shorter than a worker is patient.
#[test]
fn what_a_step_has_made_waits_until_the_service_is_back() {
    let Some((sandbox, proxy)) = behind_a_proxy() else { return };
    let waiting = Waiting::start(&sandbox);
    // Five times each request: more than one object is not taken.
    proxy.does(Fault::Answer(503, ""), 12, "", "");
    fs::write(&waiting.go, "").unwrap();
    let tally_file = waiting.tally.clone();
    waiting.running.wait().ended(0);
    assert_eq!(tally(&tally_file), " first second third", "each ran once");
    let log = sandbox.sundae(&["runs", "logs", "p-1", "second"]).ended(0).out;
    assert!(log.contains("the artifact store cannot be reached now"), "{log}");
    assert!(log.contains("it is tried again for 5m"), "{log}");
}

/// The scripts of the service of this test, if it is that of `tests/backends`.
fn ceph(words: &[&str]) -> bool {
    let Some(here) = std::env::var_os("SUNDAE_TEST_CEPH") else { return false };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/backends/ceph.sh");
    let backends = Path::new(&here).parent().unwrap();
    let mut command = Command::new("bash");
    command.arg(script).args(words).env("SUNDAE_BACKENDS", backends);
    assert!(command.status().unwrap().success(), "{words:?}");
    true
}

fn set_secret(sandbox: &Sandbox, name: &str, value: &str) {
    let mut command = sandbox.command(&["secret", "set", name, "--from-env", "VALUE"]);
    assert!(command.env("VALUE", value).status().unwrap().success());
}

#[test]
fn credentials_that_are_revoked_in_the_middle_of_a_run() {
    let Some(mut config) = config("s3") else { return };
    let key = format!("key-{}", uuid::Uuid::new_v4());
    if !ceph(&["add-key", &key, "first-secret"]) {
        tell(
            "NOT TESTED: revoked credentials; only the service of tests/backends/ceph.sh makes some",
        );
        return;
    }
    config["access_key_id"] = key.as_str().into();
    config["secret_access_key"] = "first-secret".into();
    let sandbox = Sandbox::new();
    register(&sandbox, "s3", &config);
    let waiting = Waiting::start(&sandbox);
    ceph(&["remove-key", &key]);
    fs::write(&waiting.go, "").unwrap();
    let tally_file = waiting.tally.clone();
    waiting.running.wait().ended(3).telling("second");
    let told = reason(&sandbox, "second");
    assert!(told.contains("the credentials are wrong or revoked"), "{told}");
    assert!(told.contains("check `access_key_id`"), "it says what to change: {told}");
    sandbox.sundae(&["artifact-store", "check", "service"]).ended(1).telling("credentials");
    // Nothing is lost: with new credentials it goes on, and what was done is not done again.
    let key = format!("key-{}", uuid::Uuid::new_v4());
    ceph(&["add-key", &key, "second-secret"]);
    set_secret(&sandbox, "access_key_id", &key);
    set_secret(&sandbox, "secret_access_key", "second-secret");
    sandbox.sundae(&["runs", "resume"]).ended(0);
    assert_eq!(tally(&tally_file), " first second second third");
    ceph(&["remove-key", &key]);
}

#[test]
fn a_bucket_that_is_not_there() {
    let Some((sandbox, proxy)) = behind_a_proxy() else { return };
    let bucket = format!("no-{}", uuid::Uuid::new_v4());
    sandbox
        .sundae(&["artifact-store", "update", "service", &format!("--bucket={bucket}")])
        .ended(1)
        .telling(&format!("there is no bucket `{bucket}` at {}", proxy.url()));
    // One that somebody removes in the middle of a run.
    let waiting = Waiting::start(&sandbox);
    proxy.does(Fault::Answer(404, "<Error><Code>NoSuchBucket</Code></Error>"), usize::MAX, "", "");
    fs::write(&waiting.go, "").unwrap();
    let tally_file = waiting.tally.clone();
    waiting.running.wait().ended(3).telling("second");
    let told = reason(&sandbox, "second");
    assert!(told.contains("there is no bucket"), "{told}");
    assert!(told.contains("correct `bucket`"), "it says what to change: {told}");
    proxy.heal();
    sandbox.sundae(&["runs", "resume"]).ended(0);
    assert_eq!(tally(&tally_file), " first second second third");
}
