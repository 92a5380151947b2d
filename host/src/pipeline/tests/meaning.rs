//! What a valid file means.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::errors::dedent;
use crate::pipeline::{Format, Pipeline, Run};

fn read(file: &str) -> Pipeline {
    Pipeline::parse(&dedent(file), Format::Toml, "p.toml", Path::new("/project"), &[]).unwrap()
}

#[test]
fn a_file_with_everything_in_it() {
    let pipeline = read(
        r#"
        name = "training"
        [params]
        test_size = 0.2
        seed = 7

        [[steps]]
        name = "load"
        run = "python load.py {out.dataset}"
        outputs = ["dataset"]

        [[steps]]
        name = "train"
        inputs = { data = "load.dataset" }
        run = ["python", "train.py", "{in.data}", "{param.test_size}", "{{}}", "{out.model}"]
        outputs = ["model"]
        params = { size = "{param.seed}", depth = 3 }
        env = { LEVEL = "{param.depth}" }
        code = ["steps"]
        fingerprint = { python = "3.12" }
        workdir = "./sub/."
        cache = false
        after = ["load"]
        "#,
    );
    assert_eq!(pipeline.root, Path::new("/project"));
    let [load, train] = pipeline.steps.as_slice() else { panic!("two steps") };
    assert!(matches!(load.run, Run::Shell(_)) && load.params.is_empty() && load.cache);
    assert_eq!(load.workdir, Path::new("/project"));
    assert_eq!(train.workdir, PathBuf::from("/project/sub"));
    // What it names in placeholders, what it lists, and what it has for itself.
    let params = json!({ "test_size": 0.2, "size": 7, "depth": 3 });
    assert_eq!(serde_json::to_value(&train.params).unwrap(), params);
    assert_eq!(train.needs().collect::<Vec<_>>(), ["load", "load"]);
    assert!(!train.cache);
}

/// A worker elsewhere gets its step as JSON.
#[test]
fn a_step_is_the_same_after_a_journey_as_json() {
    let pipeline = read(
        r#"
        name = "p"
        [params]
        c = [1, { x = "{{" }]
        [[steps]]
        name = "a"
        run = "x '{out.y}' {param.c} {{z}}"
        outputs = ["y"]
        env = { A = "{out.y}" }
        "#,
    );
    let json = serde_json::to_string(&pipeline).unwrap();
    assert_eq!(serde_json::from_str::<Pipeline>(&json).unwrap(), pipeline);
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = read(
        r#"
        name = "p"
        [params]
        c = 1
        [[steps]]
        name = "a"
        run = ["x", "{param.c}"]
        "#,
    );
    let json = json!({
        "name": "p",
        "root": "/project",
        "params": { "c": 1 },
        "steps": [{ "name": "a", "run": ["x", "{param.c}"] }],
    });
    let json = read_json(&json);
    assert_eq!(toml, json);
}

fn read_json(json: &Value) -> Pipeline {
    Pipeline::parse(&json.to_string(), Format::Json, "p.json", Path::new("/elsewhere"), &[])
        .unwrap()
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_said_to_be_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.toml");
    let shown = path.display();
    let error = Pipeline::read(&path, &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("cannot read the pipeline file `{shown}`: No such file or directory (os error 2)")
    );
    std::fs::write(&path, b"name = \"p\"\n\xff").unwrap();
    let error = Pipeline::read(&path, &[]).unwrap_err().to_string();
    assert_eq!(error, format!("`{shown}` is not UTF-8 text: byte 0xff on line 2"));
}

#[test]
fn more_than_ten_problems_are_counted() {
    let steps = "[[steps]]\nname = \"a\"\n".repeat(12);
    let file = format!("name = \"p\"\n{steps}");
    let error = Pipeline::parse(&file, Format::Toml, "p.toml", Path::new("/"), &[]).unwrap_err();
    assert_eq!(error.problems().len(), 10);
    // Twelve without `run`, and eleven named like the first.
    assert!(error.to_string().ends_with("\n\nand 13 more problems"), "{error}");
}

#[test]
fn a_table_nested_without_end_is_an_error_and_no_crash() {
    let lists = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (format, file) in
        [(Format::Toml, format!("name = 'p'\nparams.x = {lists}")), (Format::Json, lists)]
    {
        let error = Pipeline::parse(&file, format, "p", Path::new("/"), &[]).unwrap_err();
        assert_eq!(error.problems()[0].message, "the file is nested too deeply to be read");
    }
}
