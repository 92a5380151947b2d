//! What a step finds when it starts: placeholders, environment, context file.

use serde_json::{Value, json};

use super::support::Bed;

const STEPS: &str = r#"
    [[steps]]
    name = 'load-data'
    run = 'echo 1 > {out.my-data}; mkdir {out.more}'
    outputs = ['my-data', 'more']
    [[steps]]
    name = 'train'
    run = 'env | grep ^SUNDAE_ | sort > {out.env}; cp "$SUNDAE_CONTEXT" {out.context}; pwd > {out.pwd}; echo "$LEVEL" > {out.level}'
    inputs = { data = 'load-data.my-data', more = 'load-data.more' }
    outputs = ['env', 'context', 'pwd', 'level']
    params = { c = 1.50, name = 'it''s "me"', list = [1, 'a'], flag = true }
    env = { LEVEL = 'level {param.c} {{}} of {in.data}' }
    workdir = 'sub'
"#;

#[test]
fn paths_and_params_stand_in_environment_and_context_alike() {
    let mut bed = Bed::new();
    std::fs::create_dir(bed.path("sub")).unwrap();
    let file = STEPS.replace("'it''s \"me\"'", "\"it's \\\"me\\\"\"");
    let told = bed.run(&file);
    let folder = bed.staging().join("train-1").display().to_string();
    let content = |name: &str| bed.content(told.output("train", name));
    // What whoever runs this test has set for other tests is no part of the contract.
    let is_of_step =
        |line: &&str| std::env::var_os(line.split('=').next().unwrap_or_default()).is_none();
    assert_eq!(
        content("env").replace(&folder, "FOLDER").lines().filter(is_of_step).collect::<Vec<_>>(),
        [
            "SUNDAE_ATTEMPT=1",
            "SUNDAE_CONTEXT=FOLDER/context.json",
            "SUNDAE_IN_DATA=FOLDER/in/data",
            "SUNDAE_IN_MORE=FOLDER/in/more",
            "SUNDAE_MESSAGES=FOLDER/messages.jsonl",
            "SUNDAE_OUT_CONTEXT=FOLDER/out/context",
            "SUNDAE_OUT_ENV=FOLDER/out/env",
            "SUNDAE_OUT_LEVEL=FOLDER/out/level",
            "SUNDAE_OUT_PWD=FOLDER/out/pwd",
            "SUNDAE_PARAM_C=1.5",
            "SUNDAE_PARAM_FLAG=true",
            "SUNDAE_PARAM_LIST=[1,\"a\"]",
            "SUNDAE_PARAM_NAME=it's \"me\"",
            "SUNDAE_RUN=p-1",
            "SUNDAE_STEP=train",
        ]
    );
    let data = told.output("load-data", "my-data");
    let more = told.output("load-data", "more");
    let context: Value =
        serde_json::from_str(&content("context").replace(&folder, "FOLDER")).unwrap();
    assert_eq!(
        context,
        json!({
            "schema": 1,
            "run": { "id": "id-1", "name": "p-1" },
            "pipeline": "p",
            "step": "train",
            "attempt": 1,
            "inputs": {
                "data": { "path": "FOLDER/in/data", "kind": "file", "digest": data.digest, "size": 2, "metadata": {} },
                "more": { "path": "FOLDER/in/more", "kind": "folder", "digest": more.digest, "size": 0, "metadata": {} },
            },
            "outputs": {
                "env": { "path": "FOLDER/out/env" },
                "context": { "path": "FOLDER/out/context" },
                "pwd": { "path": "FOLDER/out/pwd" },
                "level": { "path": "FOLDER/out/level" },
            },
            "params": { "c": 1.5, "name": "it's \"me\"", "list": [1, "a"], "flag": true },
        })
    );
    assert_eq!(content("pwd").trim_end(), bed.path("sub").display().to_string());
    assert_eq!(content("level").replace(&folder, "FOLDER"), "level 1.5 {} of FOLDER/in/data\n");
}

#[test]
fn a_list_of_arguments_reaches_the_program_as_it_is() {
    let mut bed = Bed::new();
    let told = bed.run(
        r#"
        [[steps]]
        name = 'a'
        run = ["printf", "%s\n", "a b", "", "$HOME", "`x`", "{param.p}", "'", "{{x}}", "-n"]
        params = { p = "two\nlines $(x)" }
        "#,
    );
    let log = bed.content(told.report("a").outcome.log.as_ref().unwrap());
    assert_eq!(log, "a b\n\n$HOME\n`x`\ntwo\nlines $(x)\n'\n{x}\n-n\n");
}

#[test]
fn what_a_step_says_of_its_outputs_is_known_to_those_that_take_them() {
    let mut bed = Bed::new();
    let steps = r#"
        [[steps]]
        name = 'a'
        run = '''
            echo 1 > {out.x}
            echo '{{"output": "x", "metadata": {{"rows": 3}}}}' >> $SUNDAE_MESSAGES
            echo '{{"metric": "accuracy", "value": 0.5}}' >> $SUNDAE_MESSAGES
            echo '{{"note": "hello"}}' >> $SUNDAE_MESSAGES
        '''
        outputs = ['x']
        [[steps]]
        name = 'b'
        run = 'cat $SUNDAE_CONTEXT'
        inputs = { x = 'a.x' }
    "#;
    let told = bed.run(steps);
    let outcome = &told.report("a").outcome;
    assert_eq!(outcome.metrics["accuracy"], 0.5);
    assert_eq!(outcome.notes, ["hello"]);
    let context: Value = serde_json::from_str(&told.report("b").log_tail).unwrap();
    assert_eq!(context["inputs"]["x"]["metadata"], json!({ "rows": 3 }));
    // What was said is kept with the outcome.
    let again = bed.run(steps);
    assert_eq!(again.output("a", "x"), told.output("a", "x"));
}

/// A list of a hundred thousand numbers is no environment variable; but the step can have it.
#[test]
fn a_param_that_is_too_long_for_the_environment_is_in_the_context() {
    let mut bed = Bed::new();
    let told = bed.run(&format!(
        "[[steps]]\nname = 'a'\nrun = 'env | grep -c SUNDAE_PARAM_LONG; wc -c < $SUNDAE_CONTEXT'\nparams = {{ long = '{}' }}\n",
        "x".repeat(200_000)
    ));
    let log = bed.content(told.report("a").outcome.log.as_ref().unwrap());
    let [warning, variables, size] = log.lines().collect::<Vec<_>>()[..] else { panic!("{log}") };
    assert_eq!(warning, "sundae: param `long` is too long for an environment variable");
    assert_eq!(variables, "0");
    assert!(size.trim().parse::<u32>().unwrap() > 200_000);
}
