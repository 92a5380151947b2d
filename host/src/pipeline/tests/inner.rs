//! Pipelines that are steps of another one.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::errors::dedent;
use crate::pipeline::{Format, Pipeline, PipelineError};

/// Reads the first of these files, each with its path below `/project`.
fn read(files: &[(&str, &str)]) -> Result<Pipeline, PipelineError> {
    let texts: BTreeMap<PathBuf, String> =
        files.iter().map(|(name, text)| (Path::new("/project").join(name), dedent(text))).collect();
    let load = |path: &Path| {
        texts.get(path).cloned().ok_or_else(|| PipelineError::Unreadable {
            path: path.to_owned(),
            cause: io::ErrorKind::NotFound.into(),
        })
    };
    let name = files[0].0;
    let path = Path::new("/project").join(name);
    Pipeline::parse_with(&texts[&path], Format::of(&path), name, &path, &[], &load)
}

fn error(files: &[(&str, &str)]) -> String {
    read(files).unwrap_err().to_string()
}

const PREPARE: &str = r#"
name = "prepare"
inputs = ["raw"]
[params]
rows = 10
[outputs]
clean = "clean.rows"
[[steps]]
name = "sample"
inputs = { all = "inputs.raw" }
run = "head -n {param.rows} {in.all} > {out.few}"
outputs = ["few"]
[[steps]]
name = "clean"
inputs = { few = "sample.few" }
run = "./clean.sh {in.few} {out.rows}"
outputs = ["rows"]
workdir = "tools"
"#;

const TRAINING: &str = r#"
name = "training"
[params]
few = 3
[[steps]]
name = "load"
run = "./load.sh {out.raw}"
outputs = ["raw"]
[[steps]]
name = "check"
run = "true"
[[steps]]
name = "prepare"
pipeline = "shared/prepare.toml"
inputs = { raw = "load.raw" }
params = { rows = "{param.few}" }
after = ["check"]
[[steps]]
name = "train"
inputs = { data = "prepare.clean" }
run = "./train.sh {in.data}"
[[steps]]
name = "tell"
run = "true"
after = ["prepare"]
"#;

#[test]
fn the_steps_of_an_inner_pipeline_take_the_place_of_the_step() {
    let pipeline = read(&[("training.toml", TRAINING), ("shared/prepare.toml", PREPARE)]).unwrap();
    let names: Vec<_> = pipeline.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["load", "check", "prepare/sample", "prepare/clean", "train", "tell"]);
    let step = |name: &str| pipeline.step(name).unwrap();
    let input = |name: &str, input: &str| step(name).inputs[input].to_string();
    assert_eq!(input("prepare/sample", "all"), "load.raw");
    assert_eq!(input("prepare/clean", "few"), "prepare/sample.few");
    assert_eq!(input("train", "data"), "prepare/clean.rows");
    assert_eq!(step("prepare/sample").params["rows"], 3);
    // Only the first of them waits for `check`; who comes after the pipeline waits for all of it.
    assert_eq!(step("prepare/sample").after, ["check"]);
    assert!(step("prepare/clean").after.is_empty());
    assert_eq!(step("tell").after, ["prepare/sample", "prepare/clean"]);
    // Paths start where the file is.
    assert_eq!(step("prepare/clean").workdir, Path::new("/project/shared/tools"));
    assert_eq!(step("prepare/clean").root, Path::new("/project/shared"));
    assert_eq!(step("train").root, Path::new("/project"));
    assert!(pipeline.graph().is_ok());
}

#[test]
fn inner_pipelines_have_inner_pipelines() {
    let middle = r#"
        name = "middle"
        inputs = ["raw"]
        [outputs]
        result = "twice.clean"
        [[steps]]
        name = "once"
        pipeline = "prepare.toml"
        inputs = { raw = "inputs.raw" }
        [[steps]]
        name = "twice"
        pipeline = "./prepare.toml"
        inputs = { raw = "once.clean" }
        "#;
    let outer = r#"
        name = "outer"
        [[steps]]
        name = "load"
        run = "true"
        outputs = ["raw"]
        [[steps]]
        name = "both"
        pipeline = "shared/middle.toml"
        inputs = { raw = "load.raw" }
        [[steps]]
        name = "end"
        run = "true"
        inputs = { x = "both.result" }
        "#;
    let pipeline = read(&[
        ("o.toml", outer),
        ("shared/middle.toml", middle),
        ("shared/prepare.toml", PREPARE),
    ])
    .unwrap();
    let taken: Vec<_> = pipeline
        .steps
        .iter()
        .flat_map(|step| step.inputs.values().map(|from| format!("{} <- {from}", step.name)))
        .collect();
    assert_eq!(
        taken,
        [
            "both/once/sample <- load.raw",
            "both/once/clean <- both/once/sample.few",
            "both/twice/sample <- both/once/clean.rows",
            "both/twice/clean <- both/twice/sample.few",
            "end <- both/twice/clean.rows",
        ]
    );
}

#[test]
fn a_closing_step_closes_its_own_pipeline() {
    let inner = r#"
        name = "inner"
        [[steps]]
        name = "work"
        run = "true"
        [[steps]]
        name = "tidy"
        trigger = "always"
        run = "true"
        "#;
    let outer = r#"
        name = "outer"
        [[steps]]
        name = "part"
        pipeline = "inner.toml"
        [[steps]]
        name = "later"
        after = ["part"]
        run = "true"
        "#;
    let pipeline = read(&[("o.toml", outer), ("inner.toml", inner)]).unwrap();
    assert_eq!(pipeline.step("part/tidy").unwrap().after, ["part/work"]);
    assert_eq!(pipeline.step("later").unwrap().after, ["part/work", "part/tidy"]);
    assert!(pipeline.graph().is_ok());
}

#[test]
fn conditions_reach_into_inner_pipelines_and_out_of_them() {
    let inner = r#"
        name = "inner"
        inputs = ["raw"]
        [outputs]
        rows = "work.rows"
        [[steps]]
        name = "look"
        run = "true"
        [[steps]]
        name = "work"
        run = "true"
        outputs = ["rows"]
        when = "metric.look.m > 1 and metadata.inputs.raw.rows > 1"
        "#;
    let outer = r#"
        name = "outer"
        [params]
        deep = true
        [[steps]]
        name = "load"
        run = "true"
        outputs = ["raw"]
        [[steps]]
        name = "part"
        pipeline = "inner.toml"
        inputs = { raw = "load.raw" }
        when = "param.deep and metric.load.m > 1"
        [[steps]]
        name = "later"
        run = "true"
        when = "metric.part/look.m > 1 and metadata.part.rows.n > 1 and metadata.part/work.rows.n > 1"
        "#;
    let read = |outer: &str| read(&[("o.toml", outer), ("inner.toml", inner)]);
    let pipeline = read(outer).unwrap();
    let asked = |name: &str| pipeline.step(name).unwrap().asked().collect::<Vec<_>>().join(" ");
    assert_eq!(asked("part/look"), "load");
    assert_eq!(asked("part/work"), "part/look load load");
    assert_eq!(asked("later"), "part/look part/work part/work");
    let after = |name: &str| pipeline.step(name).unwrap().after.join(" ");
    assert_eq!(after("part/look"), "load");
    assert_eq!(after("part/work"), "part/look load");
    assert_eq!(after("later"), "part/look part/work");

    let first = |outer: &str| read(outer).unwrap_err().problems()[0].message.clone();
    assert_eq!(
        first(&outer.replace("metric.part/look", "metric.part")),
        "step `part` is a pipeline, and reports no metrics itself"
    );
    assert_eq!(
        first(&outer.replace("metric.part/look", "metric.part/lok")),
        "there is no step `part/lok`"
    );
    assert_eq!(
        first(&outer.replace("metadata.part.rows", "metadata.part.row")),
        "step `part` has no output `row`"
    );
}

#[test]
fn errors_point_into_the_file_that_is_wrong() {
    let broken = PREPARE.replace("sample.few", "smaple.few");
    assert_eq!(
        error(&[("dir/../training.toml", TRAINING), ("shared/prepare.toml", &broken)]),
        dedent(
            r#"
            input `few` of step `clean` comes from step `smaple`, and there is no such step
              --> shared/prepare.toml:14:18
               |
            14 | inputs = { few = "smaple.few" }
               |                  ^^^^^^^^^^^^
            hint: did you mean `sample.few`?
            "#
        )
        .trim_end()
    );
    let damaged = "name = \"x\nsteps";
    let error = error(&[("training.toml", TRAINING), ("shared/prepare.toml", damaged)]);
    assert!(error.contains("--> shared/prepare.toml:1:"), "{error}");
}

#[test]
fn what_an_inner_pipeline_is_given_is_checked() {
    let files = |from: &str, to: &str| {
        assert!(TRAINING.contains(from), "{from}");
        error(&[("t.toml", &TRAINING.replace(from, to)), ("shared/prepare.toml", PREPARE)])
    };
    let first = |error: String| error.lines().next().unwrap_or_default().to_owned();
    let hint = |error: &str| error.lines().last().unwrap_or_default().to_owned();

    let unknown = files("params = { rows", "params = { row");
    assert_eq!(hint(&unknown), "hint: did you mean `rows`? its params: rows");
    assert_eq!(first(unknown), "pipeline `shared/prepare.toml` has no param `row`");
    assert_eq!(
        first(files("few = 3", "few = 'three'")),
        "param `rows` must be a whole number, as its default `10` in `shared/prepare.toml` is, not `three`"
    );
    let stray = files("{ raw = \"load.raw\" }", "{ raw = \"load.raw\", war = \"load.raw\" }");
    assert_eq!(first(stray), "pipeline `shared/prepare.toml` takes no input `war`");
    let missing = files("inputs = { raw = \"load.raw\" }\nparams", "params");
    assert_eq!(
        first(missing),
        "pipeline `shared/prepare.toml` takes an input `raw`, which step `prepare` does not give it"
    );
    let output = files("prepare.clean", "prepare.clear");
    assert_eq!(hint(&output), "hint: did you mean `clean`? outputs of `prepare`: clean");
    assert_eq!(
        first(files("after = [\"check\"]", "retry = 3")),
        "`retry` means nothing for step `prepare`, which is a pipeline"
    );
    assert_eq!(
        first(files("after = [\"check\"]", "run = \"x\"")),
        "step `prepare` has both `run` and `pipeline`"
    );
    assert_eq!(
        error(&[("training.toml", TRAINING)]).lines().next(),
        Some("cannot read the pipeline file `shared/prepare.toml`: entity not found")
    );
}

#[test]
fn what_comes_from_outside_is_checked() {
    let alone = error(&[("prepare.toml", PREPARE)]);
    assert_eq!(
        alone,
        dedent(
            r#"
            the pipeline takes an input `raw` from outside, so it cannot be run by itself
             --> prepare.toml:2:11
              |
            2 | inputs = ["raw"]
              |           ^^^^^
            hint: use it as a step of another pipeline: `pipeline = "FILE"` in the place of `run`
            "#
        )
        .trim_end()
    );
    let inner = |from: &str, to: &str| {
        let inner = PREPARE.replace(from, to);
        error(&[("t.toml", TRAINING), ("shared/prepare.toml", &inner)])
    };
    let first = |error: String| error.lines().next().unwrap_or_default().to_owned();
    assert_eq!(first(inner("inputs.raw", "inputs.row")), "the pipeline is given no input `row`");
    assert_eq!(
        first(inner("clean = \"clean.rows\"", "clean = \"inputs.raw\"")),
        "output `clean` of the pipeline must be one of a step"
    );
    assert_eq!(
        first(inner("clean = \"clean.rows\"", "clean = \"clean.row\"")),
        "output `clean` of the pipeline takes output `row` of step `clean`, which has no such output"
    );
    assert_eq!(
        first(inner("name = \"sample\"", "name = \"inputs\"")),
        "no step can be named `inputs` where the pipeline takes inputs from outside"
    );
}

#[test]
fn a_pipeline_cannot_contain_itself() {
    let file = |inner: &str| {
        format!(
            "name = 'p'\n[[steps]]\nname = 'a'\nrun = 'x'\n[[steps]]\nname = 'b'\npipeline = '{inner}'\n"
        )
    };
    let (a, b, c) = (file("sub/b.toml"), file("../c.toml"), file("./sub/../sub/b.toml"));
    assert_eq!(
        error(&[("a.toml", &a), ("sub/b.toml", &b), ("c.toml", &c)]).lines().next(),
        Some("the pipeline contains itself: sub/b.toml -> c.toml -> sub/b.toml")
    );
    let own = file("a.toml");
    assert_eq!(
        error(&[("a.toml", &own)]).lines().next(),
        Some("the pipeline contains itself: a.toml -> a.toml")
    );
}

#[test]
fn files_that_double_without_end_are_refused() {
    let level = |next: usize| {
        format!(
            "name = 'p'\n[[steps]]\nname = 'a'\npipeline = '{next}.toml'\n[[steps]]\nname = 'b'\npipeline = '{next}.toml'\n"
        )
    };
    let last = "name = 'p'\n[[steps]]\nname = 'a'\nrun = 'x'\n".to_owned();
    let files: Vec<(String, String)> = (0..40)
        .map(|at| (format!("{at}.toml"), if at < 39 { level(at + 1) } else { last.clone() }))
        .collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let error = error(&files);
    assert!(error.starts_with("too many pipelines are used as steps"), "{error}");
}

/// A pipeline by how deep it goes: for each step whether it is a command or another pipeline.
#[derive(Debug, Clone)]
enum Shape {
    Command,
    Pipeline(Vec<Self>),
}

fn shape() -> impl Strategy<Value = Vec<Shape>> {
    let leaf = Just(Shape::Command).boxed();
    let inner = leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            2 => Just(Shape::Command),
            1 => prop::collection::vec(inner, 1..4).prop_map(Shape::Pipeline),
        ]
    });
    prop::collection::vec(inner, 1..4)
}

/// Writes the files of a pipeline whose steps are a chain, and returns the names of its commands in order.
fn write(name: &str, steps: &[Shape], files: &mut Vec<(String, String)>) -> Vec<String> {
    let mut text =
        format!("name = 'p'\ninputs = ['i']\noutputs = {{ o = 's{}.o' }}\n", steps.len() - 1);
    let place = files.len();
    files.push(Default::default());
    let mut names = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let from = if at == 0 { "inputs.i".to_owned() } else { format!("s{}.o", at - 1) };
        text += &format!("[[steps]]\nname = 's{at}'\ninputs = {{ i = '{from}' }}\n");
        match step {
            Shape::Command => {
                text += "run = 'x'\noutputs = ['o']\n";
                names.push(format!("s{at}"));
            }
            Shape::Pipeline(steps) => {
                let file = format!("{name}-{at}");
                text += &format!("pipeline = '{file}.toml'\n");
                let inner = write(&file, steps, files);
                names.extend(inner.iter().map(|inner| format!("s{at}/{inner}")));
            }
        }
    }
    files[place] = (format!("{name}.toml"), text);
    names
}

proptest! {
    /// However pipelines are nested: a chain stays a chain.
    #[test]
    fn nesting_changes_names_and_nothing_else(steps in shape()) {
        let outer = "name = 'o'\n[[steps]]\nname = 'first'\nrun = 'x'\noutputs = ['o']\n\
                     [[steps]]\nname = 'all'\npipeline = 'p.toml'\ninputs = { i = 'first.o' }\n";
        let mut files = Vec::new();
        let commands = write("p", &steps, &mut files);
        let mut all = vec![("outer.toml", outer)];
        all.extend(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let pipeline = read(&all).unwrap();
        let names: Vec<_> = pipeline.steps.iter().skip(1).map(|step| step.name.clone()).collect();
        let expected: Vec<_> = commands.iter().map(|name| format!("all/{name}")).collect();
        prop_assert_eq!(names, expected);
        for pair in pipeline.steps.windows(2) {
            let taken: Vec<_> = pair[1].inputs.values().map(|from| from.step.clone()).collect();
            prop_assert_eq!(&taken, &[pair[0].name.clone()]);
        }
    }
}
