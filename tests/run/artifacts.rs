//! Naming and fetching what runs have produced.

use super::sandbox::{Sandbox, step};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.toml",
        r#"
name = "p"
[params]
n = 1
[[steps]]
name = "one"
run = "echo {param.n} > {out.only}"
outputs = ["only"]
[[steps]]
name = "two"
run = "echo a > {out.a}; printf '\\000\\001' > {out.b}"
outputs = ["a", "b"]
[[steps]]
name = "tool"
run = "printf '#!/bin/sh\necho ran\n' > {out.tool}; chmod +x {out.tool}"
outputs = ["tool"]
"#,
    );
    sandbox
}

#[test]
fn an_artifact_is_named_by_run_step_and_output_or_by_its_digest() {
    let sandbox = sandbox();
    let first = sandbox.run(&["p.toml"]);
    sandbox.run(&["p.toml", "-p", "n=2"]);
    let get = |name: &str| sandbox.sundae(&["artifact", "get", name]);
    let digest = step(&first, "one")["outputs"]["only"]["digest"].as_str().unwrap();
    let id = first["id"].as_str().unwrap();
    for (name, content) in [
        ("one.only", "2\n"),
        ("one", "2\n"),
        ("p-1/one.only", "1\n"),
        (&format!("{id}/one"), "1\n"),
        (&format!("{}/one.only", &id[..8]), "1\n"),
        (&digest[..6], "1\n"),
        (digest, "1\n"),
    ] {
        assert_eq!(get(name).ended(0).out, content, "{name}");
    }
    assert_eq!(get("two.b").ended(0).out, "\0\u{1}");
    get("two").ended(1).telling("several outputs").telling("`two.a`, `two.b`");
    get("p-1/two.c").ended(1).telling("run `p-1` has no artifact `two.c`").telling("two.a");
    get("p-9/one").ended(1).telling("there is no run `p-9`").telling("did you mean `p-");
    get("ffffffff").ended(1).telling("no run has an artifact `ffffffff`");
}

#[test]
fn what_is_fetched_belongs_to_whoever_fetched_it() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let sandbox = sandbox();
    sandbox.run(&["p.toml"]);
    let get = |to: &str| sandbox.sundae(&["artifact", "get", "one.only", "--to", to]);
    get("mine").ended(0).telling("Wrote `p-1/one.only` (2 B) to mine.");
    let metadata = sandbox.work().join("mine").metadata().unwrap();
    assert_eq!((metadata.nlink(), metadata.permissions().mode() & 0o200), (1, 0o200));
    get("mine").ended(1).telling("exists already").telling("--force");
    sandbox.write("mine", "changed");
    sandbox.sundae(&["artifact", "get", "one.only", "--to", "mine", "--force"]).ended(0);
    assert_eq!(sandbox.read("mine"), "1\n");
    sandbox.sundae(&["artifact", "get", "tool", "--to", "tool"]).ended(0);
    let tool = std::process::Command::new(sandbox.work().join("tool")).output().unwrap();
    assert_eq!(tool.stdout, b"ran\n", "what could be run still can");
    std::fs::create_dir(sandbox.work().join("folder")).unwrap();
    get("folder").ended(0);
    assert_eq!(sandbox.read("folder/only"), "1\n");
    get("absent/mine").ended(1).telling("absent/mine");
    let left: Vec<_> = std::fs::read_dir(sandbox.store().join(".staging")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn lists_tell_which_run_has_what() {
    let sandbox = sandbox();
    sandbox.run(&["p.toml"]);
    sandbox.run(&["p.toml", "-p", "n=2"]);
    let names = |words: &[&str]| -> Vec<String> {
        let words = [&["artifact", "list", "--output", "json"], words].concat();
        let rows = sandbox.sundae(&words).ended(0).json();
        let rows = rows.as_array().unwrap();
        rows.iter().map(|row| row["artifact"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names(&["--run", "p-1"]),
        ["p-1/one.only", "p-1/two.a", "p-1/two.b", "p-1/tool.tool"]
    );
    assert_eq!(names(&["--limit", "1"]), ["p-2/one.only"]);
    assert_eq!(names(&["--pipeline", "q"]), [""; 0]);
    assert_eq!(names(&["--filter", "output=b", "--sort", "run"]), ["p-1/two.b", "p-2/two.b"]);
    let told =
        sandbox.sundae(&["artifact", "describe", "two.a", "--output", "json"]).ended(0).json();
    assert_eq!(told["state"], "available");
    assert_eq!(told["same"], serde_json::json!(["p-1/two.a"]));
    assert_eq!(told["location"], sandbox.store().display().to_string());
}
