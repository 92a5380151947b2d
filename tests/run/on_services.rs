//! The same pipeline with its artifacts in real object stores and on real servers, and with its steps on a real cluster beside that.
//!
//! The servers are those of `tests/backends`: `eval "$(tests/backends/ceph.sh start)"` says by the environment where one is.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::sandbox::{Sandbox, statuses, step};

/// Flavor, the variable that describes its server, the script that starts that, and the field that gives a store a place of its own.
const SERVICES: [(&str, &str, &str, &str); 5] = [
    ("s3", "SUNDAE_TEST_S3", "ceph.sh", "prefix"),
    ("gcs", "SUNDAE_TEST_GCS", "gcs.sh", "prefix"),
    ("azure-blob", "SUNDAE_TEST_AZURE_BLOB", "azurite.sh", "prefix"),
    ("sftp", "SUNDAE_TEST_SFTP", "sftp.sh", "folder"),
    ("webdav", "SUNDAE_TEST_WEBDAV", "webdav.sh", "folder"),
];

/// The fields that are secrets.
const SECRET: [&str; 4] = ["access_key_id", "secret_access_key", "account_key", "password"];

/// The configuration of a store on a service, at a place that nobody else has. `None`: the service is not there.
pub(super) fn config(flavor: &str) -> Option<Value> {
    let (_, variable, script, place) = SERVICES.iter().find(|(name, ..)| *name == flavor).unwrap();
    let Ok(text) = std::env::var(variable) else {
        let sentence = format!(
            "NOT TESTED: there is no server for {flavor}; say eval \"$(tests/backends/{script} start)\", which sets {variable}"
        );
        let is_required =
            std::env::var("SUNDAE_TEST_BACKENDS").is_ok_and(|value| value == "required");
        assert!(!is_required, "{sentence}");
        eprintln!("{sentence}");
        return None;
    };
    let mut config: Value = serde_json::from_str(&text).unwrap();
    let below = config[place].as_str().map_or(String::new(), |folder| format!("{folder}/"));
    config[place] = format!("{below}runs-{}", uuid::Uuid::new_v4()).into();
    Some(config)
}

/// The options that register a store with a configuration; what of it is secret is set as a secret.
fn options(sandbox: &Sandbox, config: &Value) -> Vec<String> {
    let option = |(field, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !SECRET.contains(&field.as_str()) {
            return format!("--{field}={text}");
        }
        let mut set = sandbox.command(&["secret", "set", field]);
        let mut child = set.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        format!("--{field}={{secret.{field}}}")
    };
    config.as_object().unwrap().iter().map(option).collect()
}

fn install(sandbox: &Sandbox, library: &str) {
    let built = Path::new(env!("CARGO_BIN_EXE_sundae")).with_file_name("deps").join(library);
    fs::copy(built, sandbox.plugins().join(library)).unwrap();
}

/// Registers a stack `service`: this machine, with that store.
pub(super) fn with_store(sandbox: &Sandbox, flavor: &str, config: &Value) {
    let options = options(sandbox, config);
    install(sandbox, "libsundae_object_storage.so");
    let flavor = format!("--flavor={flavor}");
    let mut words = vec!["artifact-store", "register", "service", flavor.as_str()];
    words.extend(options.iter().map(String::as_str));
    sandbox.sundae(&words).ended(0);
    sandbox.sundae(&["artifact-store", "check", "service"]).ended(0).telling("works");
    sandbox.sundae(&["stack", "register", "service", "-o", "default", "-a", "service"]).ended(0);
}

/// Copies an example into the working folder.
pub(super) fn example(sandbox: &Sandbox, name: &str) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let status = Command::new("cp").arg("-r").arg(example.join(".")).arg(sandbox.work()).status();
    assert!(status.unwrap().success());
}

/// The digest of each output.
pub(super) fn digests(run: &Value) -> Vec<(String, Value)> {
    let mut digests = Vec::new();
    for step in run["steps"].as_array().unwrap() {
        for (output, artifact) in step["outputs"].as_object().unwrap() {
            digests.push((format!("{}.{output}", step["name"]), artifact["digest"].clone()));
        }
    }
    digests
}

/// The example runs here and there with the same results; a second user who shares only the store runs nothing.
fn means_the_same(flavor: &str) {
    let Some(config) = config(flavor) else { return };
    let sandbox = Sandbox::new();
    example(&sandbox, "training");
    with_store(&sandbox, flavor, &config);
    let here = sandbox.run(&["pipeline.toml", "--stack", "default"]);
    let there = sandbox.run(&["pipeline.toml", "--stack", "service"]);
    assert_eq!(there["status"], "completed");
    assert_eq!(digests(&there), digests(&here));
    let accuracy = |run: &Value| step(run, "evaluate")["metrics"]["accuracy"].clone();
    assert_eq!(accuracy(&there), accuracy(&here));
    let is_cached = |run: &Value| statuses(run).iter().all(|(_, status)| *status == "cached");
    let again = sandbox.run(&["pipeline.toml", "--stack", "service"]);
    assert!(is_cached(&again), "{again}");
    let other = Sandbox::new();
    example(&other, "training");
    with_store(&other, flavor, &config);
    let elsewhere = other.run(&["pipeline.toml", "--stack", "service"]);
    assert!(is_cached(&elsewhere), "{elsewhere}");
    assert_eq!(digests(&elsewhere), digests(&here));
    // What was put there can be fetched, and is whole.
    other.sundae(&["store", "verify", "service"]).ended(0);
}

#[test]
fn in_s3() {
    means_the_same("s3");
}

#[test]
fn in_google_cloud_storage() {
    means_the_same("gcs");
}

#[test]
fn in_azure_blob_storage() {
    means_the_same("azure-blob");
}

#[test]
fn on_an_sftp_server() {
    means_the_same("sftp");
}

#[test]
fn on_a_webdav_server() {
    means_the_same("webdav");
}

/// A fan-out, what comes from outside, a failure and its resumption, with steps on a cluster and artifacts in S3.
#[test]
fn steps_on_a_cluster_and_artifacts_in_s3() {
    if std::env::var_os("SUNDAE_TEST_SLURM").is_none() {
        eprintln!("NOT TESTED: there is no Slurm cluster");
        let is_required =
            std::env::var("SUNDAE_TEST_BACKENDS").is_ok_and(|value| value == "required");
        assert!(!is_required, "there is no Slurm cluster");
        return;
    }
    let Some(config) = config("s3") else { return };
    let sandbox = Sandbox::new();
    example(&sandbox, "training");
    with_store(&sandbox, "s3", &config);
    install(&sandbox, "libsundae_slurm.so");
    let jobs = format!("--work_folder={}", sandbox.outside("jobs").display());
    let register =
        ["orchestrator", "register", "cluster", "--flavor=slurm", &jobs, "--poll_interval=1"];
    sandbox.sundae(&register).ended(0);
    sandbox.sundae(&["stack", "register", "cluster", "-o", "cluster", "-a", "service"]).ended(0);
    let here = sandbox.run(&["pipeline.toml", "--stack", "default"]);
    let there = sandbox.run(&["pipeline.toml", "--stack", "cluster"]);
    assert_eq!(digests(&there), digests(&here));
    // The stack beside it has the same store, and so the same outcomes.
    let again = sandbox.run(&["pipeline.toml", "--stack", "service"]);
    assert!(statuses(&again).iter().all(|(_, status)| *status == "cached"), "{again}");

    fs::create_dir(sandbox.work().join("texts")).unwrap();
    for (name, text) in [("a", "one"), ("b", "two three"), ("c", "four")] {
        fs::write(sandbox.work().join("texts").join(name), text).unwrap();
    }
    let fault = sandbox.outside("fault");
    fs::write(&fault, "").unwrap();
    sandbox.write(
        "words.toml",
        &format!(
            "name = 'words'\n[data]\ntexts = 'texts'\n[[steps]]\nname = 'count'\nforeach = {{ text = 'data.texts' }}\n\
             run = 'if test {{param.text}} = b; then test ! -e {}; fi && wc -w < {{in.text}} > {{out.n}}'\noutputs = ['n']\n\
             [[steps]]\nname = 'sum'\ninputs = {{ all = 'count.n' }}\nrun = 'cat {{in.all}}/* | paste -sd+ | bc'\n",
            fault.display()
        ),
    );
    sandbox
        .sundae(&["run", "words.toml", "--stack", "cluster"])
        .ended(3)
        .telling("1 of 3 items failed: `count:1`");
    fs::remove_file(&fault).unwrap();
    sandbox.sundae(&["runs", "resume", "words-1"]).ended(0);
    assert_eq!(sandbox.sundae(&["runs", "logs", "words-1", "sum"]).ended(0).out.trim(), "4");
}
