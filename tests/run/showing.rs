//! What is said, where, and how much.

use super::sandbox::Sandbox;

const PIPELINE: &str = r#"
name = "p"
[[steps]]
name = "a"
run = "echo a"
[[steps]]
name = "b"
run = "true"
after = ["a"]
"#;

/// Durations differ from run to run.
fn without_times(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        words.clear();
        for word in line.split(' ') {
            let is_number =
                word.chars().all(|c| c.is_ascii_digit() || c == '.') && !word.is_empty();
            let after = words.last().copied();
            let is_time = matches!(after, Some("in" | "after")) && is_number;
            words.push(if is_time { "N" } else { word });
        }
        lines.push(words.join(" ").replace("N ms", "N s"));
    }
    lines.join("\n")
}

#[test]
fn in_a_pipe_a_run_says_one_line_for_each_thing_that_happens() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    let said = sandbox.sundae(&["run", "p.toml"]).ended(0);
    assert_eq!(said.out, "");
    let expected = "\
Running pipeline `p` as `p-1` on stack `default` (orchestrator `default`, artifact store `default`)
a: started
a: completed in N s
b: started
b: completed in N s
Run `p-1` completed in N s: 2 completed";
    assert_eq!(without_times(&said.err), expected);
    let said = sandbox.sundae(&["run", "p.toml"]).ended(0);
    let expected = "\
Running pipeline `p` as `p-2` on stack `default` (orchestrator `default`, artifact store `default`)
a: cached, from p-1
b: cached, from p-1
Run `p-2` completed in N s: 2 cached";
    assert_eq!(without_times(&said.err), expected);
}

#[test]
fn quiet_says_nothing_and_json_is_the_only_data() {
    let sandbox = Sandbox::new();
    sandbox.write("p.toml", PIPELINE);
    let said = sandbox.sundae(&["run", "p.toml", "--quiet"]).ended(0);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("", ""));
    let said = sandbox.sundae(&["run", "p.toml", "--quiet", "--output", "json"]).ended(0);
    assert_eq!(said.err, "");
    let run = said.json();
    assert_eq!(run["name"], "p-2");
    assert_eq!(run["steps"][0]["name"], "a");
}

#[test]
fn runs_are_found_by_name_id_or_the_start_of_an_id() {
    let sandbox = Sandbox::new();
    sandbox.sundae(&["runs", "describe"]).ended(1).telling("nothing has run yet");
    assert_eq!(sandbox.sundae(&["runs", "list"]).ended(0).out, "");
    sandbox.write("p.toml", PIPELINE);
    let id = sandbox.run(&["p.toml"])["id"].as_str().unwrap().to_owned();
    sandbox.run(&["p.toml"]);
    let name = |text: &str| {
        let said = sandbox.sundae(&["runs", "describe", text, "--output", "json"]).ended(0);
        said.json()["name"].as_str().unwrap().to_owned()
    };
    for text in ["p-1", &id, &id[..8]] {
        assert_eq!(name(text), "p-1");
    }
    sandbox
        .sundae(&["runs", "describe", "p-3"])
        .ended(1)
        .telling("did you mean `p-")
        .telling("p-2, p-1");
    sandbox.sundae(&["runs", "logs", "a"]).ended(1).telling("`sundae runs logs p-2 a`");
    sandbox.sundae(&["runs", "logs", "p-1", "c"]).ended(1).telling("run `p-1` has no step `c`");
    let said = sandbox.sundae(&["runs", "logs", "p-1", "b"]).ended(0);
    assert_eq!(said.out, "");
    let table = sandbox.sundae(&["runs", "list", "--columns", "name,status,steps"]).ended(0).out;
    let expected = "\
┏━━━━━━┯━━━━━━━━━━━┯━━━━━━━━━━━━━┓
┃ NAME │ STATUS    │ STEPS       ┃
┠──────┼───────────┼─────────────┨
┃ p-2  │ completed │ 2 cached    ┃
┃ p-1  │ completed │ 2 completed ┃
┗━━━━━━┷━━━━━━━━━━━┷━━━━━━━━━━━━━┛
";
    assert_eq!(table, expected);
}
