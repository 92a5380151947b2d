//! Artifact stores on real servers, those of `tests/backends`.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::Value;

use super::backends::variable;
use super::sandbox::Sandbox;

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
    let (_, name, script, place) = SERVICES.iter().find(|(of, ..)| *of == flavor).unwrap();
    let text = variable(name, &format!("server for {flavor}"), script)?;
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
        let mut child = set.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        format!("--{field}={{secret.{field}}}")
    };
    config.as_object().unwrap().iter().map(option).collect()
}

/// Registers a stack `service`: this machine, with that store.
pub(super) fn register(sandbox: &Sandbox, flavor: &str, config: &Value) {
    let options = options(sandbox, config);
    sandbox.install("libsundae_object_storage.so");
    let flavor = format!("--flavor={flavor}");
    let mut words = vec!["artifact-store", "register", "service", flavor.as_str()];
    words.extend(options.iter().map(String::as_str));
    sandbox.sundae(&words).ended(0);
    sandbox.sundae(&["artifact-store", "check", "service"]).ended(0).telling("works");
    sandbox.sundae(&["stack", "register", "service", "-o", "default", "-a", "service"]).ended(0);
}
