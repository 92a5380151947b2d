//! The same pipeline with its artifacts in real object stores and on real servers, and with its steps on a real cluster beside that.
//!
//! The servers are those of `tests/backends`: `eval "$(tests/backends/ceph.sh start)"` says by the environment where one is.

use std::fs;

use serde_json::Value;

use super::sandbox::{Sandbox, digests, statuses, step};
use super::{cluster, services};

/// The example runs here and there with the same results; a second user who shares only the store runs nothing.
fn means_the_same(flavor: &str) {
    let Some(config) = services::config(flavor) else { return };
    let sandbox = Sandbox::new();
    sandbox.example("training");
    services::register(&sandbox, flavor, &config);
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
    other.example("training");
    services::register(&other, flavor, &config);
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
    let Some(sandbox) = cluster::sandbox_in_s3(&[]) else { return };
    sandbox.example("training");
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
