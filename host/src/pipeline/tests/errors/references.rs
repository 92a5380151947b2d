//! Names that lead nowhere, and circles.

use super::check;

#[test]
fn an_input_that_leads_nowhere() {
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        inputs = { d = "load.data" }
        [[steps]]
        name = "laod"
        run = "x"
        outputs = ["data"]
        "#,
        r#"
        input `d` of step `a` comes from step `load`, and there is no such step
         --> p.toml:5:16
          |
        5 | inputs = { d = "load.data" }
          |                ^^^^^^^^^^^
        hint: did you mean `laod.data`?
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        inputs = { d = "else.data" }
        [[steps]]
        name = "load"
        run = "x"
        outputs = ["data"]
        "#,
        r#"
        input `d` of step `a` comes from step `else`, and there is no such step
         --> p.toml:5:16
          |
        5 | inputs = { d = "else.data" }
          |                ^^^^^^^^^^^
        hint: steps: load
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        inputs = { d = "load.dta" }
        [[steps]]
        name = "load"
        run = "x"
        outputs = ["data", "other"]
        "#,
        r#"
        input `d` of step `a` takes output `dta` of step `load`, which has no such output
         --> p.toml:5:16
          |
        5 | inputs = { d = "load.dta" }
          |                ^^^^^^^^^^
        hint: did you mean `data`? outputs of `load`: data, other
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        inputs = { d = "load.data" }
        [[steps]]
        name = "load"
        run = "x"
        "#,
        r#"
        input `d` of step `a` takes output `data` of step `load`, which has no such output
         --> p.toml:5:16
          |
        5 | inputs = { d = "load.data" }
          |                ^^^^^^^^^^^
        hint: step `load` declares none: add `outputs = ["data"]` to it
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        inputs = { d = "load" }
        [[steps]]
        name = "load"
        run = "x"
        outputs = ["data"]
        "#,
        r#"
        input `d` must be written `STEP.OUTPUT`, not `load`
         --> p.toml:5:16
          |
        5 | inputs = { d = "load" }
          |                ^^^^^^
        hint: did you mean `load.data`?
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        inputs = { d = "" }
        "#,
        r#"
        input `d` must be written `STEP.OUTPUT`, not an empty text
         --> p.toml:5:16
          |
        5 | inputs = { d = "" }
          |                ^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        outputs = ["y"]
        inputs = { d = "a.y" }
        "#,
        r#"
        step `a` takes its own output as input `d`
         --> p.toml:6:16
          |
        6 | inputs = { d = "a.y" }
          |                ^^^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        after = ["b"]
        "#,
        r#"
        step `a` comes after `b`, and there is no such step
         --> p.toml:5:10
          |
        5 | after = ["b"]
          |          ^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        after = ["a"]
        "#,
        r#"
        step `a` comes after itself
         --> p.toml:5:10
          |
        5 | after = ["a"]
          |          ^^^
        "#,
    );
}

#[test]
fn a_placeholder_for_what_is_not_declared() {
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x {in.d} {out.y} {param.z}"
        "#,
        r#"
        step `a` has no input `d`
         --> p.toml:4:10
          |
        4 | run = "x {in.d} {out.y} {param.z}"
          |          ^^^^^^
        hint: it declares no inputs: add `inputs = { d = "STEP.OUTPUT" }`

        step `a` has no output `y`
         --> p.toml:4:17
          |
        4 | run = "x {in.d} {out.y} {param.z}"
          |                 ^^^^^^^
        hint: it declares no outputs: add `outputs = ["y"]`

        step `a` uses param `z`, which the pipeline does not have
         --> p.toml:4:25
          |
        4 | run = "x {in.d} {out.y} {param.z}"
          |                         ^^^^^^^^^
        hint: add it with a default: `z = …` under `[params]`
        "#,
    );
    check(
        r#"
        name = "p"
        [params]
        test_size = 1
        [[steps]]
        name = "a"
        run = "x {out.modle} {param.testsize}"
        outputs = ["model"]
        "#,
        r#"
        step `a` has no output `modle`
         --> p.toml:6:10
          |
        6 | run = "x {out.modle} {param.testsize}"
          |          ^^^^^^^^^^^
        hint: did you mean `model`? outputs of `a`: model

        step `a` uses param `testsize`, which the pipeline does not have
         --> p.toml:6:22
          |
        6 | run = "x {out.modle} {param.testsize}"
          |                      ^^^^^^^^^^^^^^^^
        hint: did you mean `test_size`? params: test_size
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = ["x", "a\tb {out.y}"]
        "#,
        r#"
        step `a` has no output `y`
         --> p.toml:4:19
          |
        4 | run = ["x", "a\tb {out.y}"]
          |                   ^^^^^^^
        hint: it declares no outputs: add `outputs = ["y"]`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        env = { A = "{in.d}" }
        "#,
        r#"
        step `a` has no input `d`
         --> p.toml:5:14
          |
        5 | env = { A = "{in.d}" }
          |              ^^^^^^
        hint: it declares no inputs: add `inputs = { d = "STEP.OUTPUT" }`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        params = ["c"]
        "#,
        r#"
        step `a` uses param `c`, which the pipeline does not have
         --> p.toml:5:11
          |
        5 | params = ["c"]
          |           ^^^
        hint: add it with a default: `c = …` under `[params]`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        params = { c = "{in.d}" }
        "#,
        r#"
        a param cannot be an input, an output or a secret: `{in.d}`
         --> p.toml:5:16
          |
        5 | params = { c = "{in.d}" }
          |                ^^^^^^^^
        hint: the value of a param may be `{param.NAME}`, a param of the pipeline
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        params = { c = "{param.d}" }
        "#,
        r#"
        step `a` uses param `d`, which the pipeline does not have
         --> p.toml:5:16
          |
        5 | params = { c = "{param.d}" }
          |                ^^^^^^^^^^^
        hint: add it with a default: `d = …` under `[params]`
        "#,
    );
}

#[test]
fn two_names_for_one_variable() {
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        outputs = ["my-data", "my_data"]
        "#,
        r#"
        outputs `my-data` and `my_data` would be the same environment variable `SUNDAE_OUT_MY_DATA`
         --> p.toml:5:23
          |
        5 | outputs = ["my-data", "my_data"]
          |            --------- first here
          |                       ^^^^^^^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        params = { c = 1, C = 2 }
        "#,
        r#"
        params `c` and `C` would be the same environment variable `SUNDAE_PARAM_C`
         --> p.toml:5:19
          |
        5 | params = { c = 1, C = 2 }
          |            - first here
          |                   ^
        "#,
    );
}

#[test]
fn steps_that_wait_for_each_other() {
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        after = ["b"]
        [[steps]]
        name = "b"
        run = "x"
        after = ["a"]
        "#,
        r#"
        the steps wait for each other in a circle: a -> b -> a
         --> p.toml:9:10
          |
        5 | after = ["b"]
          |          --- `a` comes after `b`
        ...
        9 | after = ["a"]
          |          ^^^ `b` comes after `a`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "load"
        run = "x"
        outputs = ["d"]
        after = ["test"]

        [[steps]]
        name = "train"
        run = "x"
        inputs = { d = "load.d" }
        outputs = ["m"]

        [[steps]]
        name = "test"
        run = "x"
        inputs = { m = "train.m" }
        "#,
        r#"
        the steps wait for each other in a circle: load -> train -> test -> load
          --> p.toml:11:16
           |
         6 | after = ["test"]
           |          ------ `load` comes after `test`
        ...
        11 | inputs = { d = "load.d" }
           |                ^^^^^^^^ `train` takes `load.d` as input `d`
        ...
        17 | inputs = { m = "train.m" }
           |                --------- `test` takes `train.m` as input `m`
        "#,
    );
}
