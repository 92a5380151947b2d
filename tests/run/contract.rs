//! What a step finds, and what it can say.

use super::sandbox::{Sandbox, step, until};

#[test]
fn a_step_finds_params_environment_inputs_and_context() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.toml",
        r#"
name = "p"
[params]
rate = 0.5
title = "a b"
[[steps]]
name = "make-it"
run = ["sh", "-c", "printf '%s|' \"$@\" > \"$SUNDAE_OUT_RAW_DATA\"", "sh", "{param.rate}", "{param.title}", "{{}}"]
outputs = ["raw-data"]
[[steps]]
name = "use"
run = """
cat {in.data} > {out.seen}
echo "$SUNDAE_RUN $SUNDAE_STEP $SUNDAE_ATTEMPT $SUNDAE_PARAM_TITLE $LEVEL" >> {out.seen}
cmp -s {in.data} "$SUNDAE_IN_DATA" && echo same >> {out.seen}
grep -c '"step":"use"' "$SUNDAE_CONTEXT" >> {out.seen}
echo {param.title} >> {out.seen}
pwd >> {out.seen}
"""
inputs = { data = "make-it.raw-data" }
outputs = ["seen"]
params = ["title"]
env = { LEVEL = "<{param.rate}>" }
"#,
    );
    sandbox.sundae(&["run", "p.toml", "-p", "rate=1.5"]).ended(0);
    let seen = sandbox.sundae(&["artifact", "get", "use.seen"]).ended(0).out;
    let work = sandbox.work().canonicalize().unwrap();
    assert_eq!(
        seen,
        format!("1.5|a b|{{}}|p-1 use 1 a b <1.5>\nsame\n1\na b\n{}\n", work.display())
    );
}

#[test]
fn an_artifact_may_be_a_folder() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.toml",
        r#"
name = "p"
[[steps]]
name = "make"
run = "mkdir -p {out.site}/css {out.site}/empty; echo hi > {out.site}/index; echo red > {out.site}/css/style; ln -s index {out.site}/home; printf '#!/bin/sh\necho ran' > {out.site}/tool; chmod +x {out.site}/tool"
outputs = ["site"]
[[steps]]
name = "use"
run = "cat {in.site}/home {in.site}/css/style > {out.text}; {in.site}/tool >> {out.text}; test -d {in.site}/empty"
inputs = { site = "make.site" }
outputs = ["text"]
"#,
    );
    let run = sandbox.run(&["p.toml"]);
    assert_eq!(step(&run, "make")["outputs"]["site"]["kind"], "folder");
    assert_eq!(sandbox.sundae(&["artifact", "get", "use.text"]).ended(0).out, "hi\nred\nran\n");
    sandbox
        .sundae(&["artifact", "get", "make.site"])
        .ended(1)
        .telling("`p-1/make.site` is a folder")
        .telling("--to PATH");
    sandbox.sundae(&["artifact", "get", "make.site", "--to", "copy"]).ended(0);
    assert_eq!(sandbox.read("copy/home"), "hi\n");
    sandbox.write("copy/index", "mine");
    assert_eq!(sandbox.run(&["p.toml"])["steps"][1]["status"], "cached");
}

#[test]
fn what_a_step_says_is_recorded() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.toml",
        r#"
name = "p"
[[steps]]
name = "train"
run = '''
echo '{{"metric":"loss","value":2}}' >> $SUNDAE_MESSAGES
echo '{{"metric":"loss","value":0.25}}' >> $SUNDAE_MESSAGES
echo '{{"note":"3 rows are empty"}}' >> $SUNDAE_MESSAGES
echo '{{"progress":0.5,"label":"half"}}' >> $SUNDAE_MESSAGES
echo '{{"output":"model","metadata":{{"rows":3}}}}' >> $SUNDAE_MESSAGES
echo m > {out.model}; echo to stdout; echo to stderr >&2
'''
outputs = ["model"]
"#,
    );
    let said = sandbox.sundae(&["run", "p.toml"]).ended(0).telling("train.loss  0.25");
    assert_eq!(said.out, "");
    let run = sandbox.sundae(&["runs", "describe", "--output", "json"]).ended(0).json();
    let train = step(&run, "train");
    assert_eq!(train["metrics"]["loss"], 0.25);
    assert_eq!(train["notes"][0], "3 rows are empty");
    assert_eq!(train["outputs"]["model"]["metadata"]["rows"], 3);
    let logs = sandbox.sundae(&["runs", "logs", "p-1", "train"]).ended(0);
    assert_eq!(logs.out, "to stdout\nto stderr\n");
    // They are said again by a run that takes them from the cache, and are columns of the list.
    sandbox.sundae(&["run", "p.toml"]).ended(0).telling("train.loss  0.25");
    let words =
        ["runs", "list", "--filter", "loss<1", "--columns", "name,loss", "--output", "json"];
    let rows = sandbox.sundae(&words).ended(0).json();
    assert_eq!(rows[1], serde_json::json!({ "name": "p-1", "loss": 0.25 }));
}

#[test]
fn the_log_of_a_running_step_can_be_read() {
    let sandbox = Sandbox::new();
    let gate = sandbox.outside("gate");
    sandbox.write(
        "p.toml",
        &format!(
            r#"
name = "p"
[[steps]]
name = "slow"
run = "echo begun; until test -e '{}'; do sleep 0.01; done; echo ended"
"#,
            gate.display()
        ),
    );
    let run = sandbox.start(&["run", "p.toml"]);
    until("the step writes", || {
        let said = sandbox.sundae(&["runs", "logs"]);
        (said.code == Some(0) && said.out == "==> slow <==\nbegun\n").then_some(())
    });
    let listed = sandbox.sundae(&["runs", "list", "--status", "running", "--output", "json"]);
    assert_eq!(listed.ended(0).json()[0]["steps"]["running"], 1);
    std::fs::write(&gate, "").unwrap();
    run.wait().ended(0);
    assert_eq!(sandbox.sundae(&["runs", "logs", "p-1", "slow"]).out, "begun\nended\n");
}
