//! Somebody damages what is kept.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::sandbox::{Sandbox, statuses, step};

const PIPELINE: &str = r#"
name = "p"
[[steps]]
name = "make"
run = "seq 1000 > {out.data}"
outputs = ["data"]
[[steps]]
name = "use"
run = "wc -l < {in.data} > {out.count}; echo {param.salt} >> {out.count}"
inputs = { data = "make.data" }
outputs = ["count"]
[params]
salt = 1
"#;

fn damaged() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    let run = sandbox.run(&["p.toml"]);
    let digest = step(&run, "make")["outputs"]["data"]["digest"].as_str().unwrap().to_owned();
    let object = sandbox.object(&digest);
    // The same length: only who reads it can tell.
    overwrite(&object, &fs::read_to_string(&object).unwrap().replace("500", "666"));
    (sandbox, digest)
}

fn overwrite(path: &Path, text: &str) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_damaged_artifact_is_named_and_made_again() {
    let (sandbox, digest) = damaged();
    // Another param, so that `use` must read what `make` has made.
    let said = sandbox.sundae(&["run", "p.toml", "-p", "salt=2", "--output", "json"]).ended(0);
    let said = said.telling(&digest).telling("damaged").telling("`make`");
    let run = said.json();
    assert_eq!(statuses(&run), [("make", "completed"), ("use", "completed")]);
    assert_eq!(step(&run, "make")["outputs"]["data"]["digest"], digest.as_str());
    assert_eq!(sandbox.sundae(&["artifact", "get", "use.count"]).ended(0).out, "1000\n2\n");
}

#[test]
fn whoever_fetches_a_damaged_artifact_hears_of_it_and_gets_nothing() {
    let (sandbox, digest) = damaged();
    sandbox.run(&["p.toml"]);
    let get = ["artifact", "get", "p-1/make.data", "--to", "data"];
    sandbox
        .sundae(&get)
        .ended(1)
        .telling("artifact `p-1/make.data` cannot be fetched")
        .telling(&digest)
        .telling("`p-2/make.data`")
        .telling("its step `make` makes it anew");
    assert!(!sandbox.work().join("data").exists());
    let told = sandbox.sundae(&["artifact", "describe", "p-1/make.data", "--output", "json"]);
    assert_eq!(told.ended(0).json()["state"], "gone");
    assert_eq!(statuses(&sandbox.run(&["p.toml"])), [("make", "completed"), ("use", "cached")]);
    sandbox.sundae(&get).ended(0);
    assert_eq!(sandbox.read("data").lines().count(), 1000);
}
