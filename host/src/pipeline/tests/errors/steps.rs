//! The keys of a step.

use super::check;

#[test]
fn the_keys_of_a_step() {
    check(
        r#"
        name = "p"
        [[steps]]
        run = "x"
        "#,
        r#"
        step 1 has no `name`
         --> p.toml:2:1
          |
        2 | [[steps]]
          | ^^^^^^^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        "#,
        r#"
        step `a` has no `run`
         --> p.toml:2:1
          |
        2 | [[steps]]
          | ^^^^^^^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        rum = "x"
        "#,
        r#"
        unknown key `rum` in step `a`
         --> p.toml:4:1
          |
        4 | rum = "x"
          | ^^^
        hint: did you mean `run`?
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        retries = 3
        "#,
        r#"
        unknown key `retries` in step `a`
         --> p.toml:5:1
          |
        5 | retries = 3
          | ^^^^^^^
        hint: known keys: name, run, pipeline, inputs, outputs, params, env, code, fingerprint, workdir, cache, after, resources, retry, timeout, trigger, when, foreach, warm
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a b"
        run = "x"
        "#,
        r#"
        `a b` cannot be the name of a step
         --> p.toml:3:8
          |
        3 | name = "a b"
          |        ^^^^^
        hint: use up to 128 of the characters A-Z, a-z, 0-9, `_` and `-`, with a letter or `_` in front
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = 3
        run = "x"
        "#,
        r#"
        `name` of step 1 must be a string, not a number
         --> p.toml:3:8
          |
        3 | name = 3
          |        ^
        hint: write it in quotes: `"3"`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = 3
        "#,
        r#"
        `run` of step `a` must be a string or a list of strings, not a number
         --> p.toml:4:7
          |
        4 | run = 3
          |       ^
        hint: write it in quotes: `"3"`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = ""
        "#,
        r#"
        `run` of step `a` names no command
         --> p.toml:4:7
          |
        4 | run = ""
          |       ^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = []
        "#,
        r#"
        `run` of step `a` names no command
         --> p.toml:4:7
          |
        4 | run = []
          |       ^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = ["x", 3]
        "#,
        r#"
        each item of `run` of step `a` must be a string, not a number
         --> p.toml:4:13
          |
        4 | run = ["x", 3]
          |             ^
        hint: write it in quotes: `"3"`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "a\u0000b"
        "#,
        r#"
        a string with a NUL character cannot be handed to a command
         --> p.toml:4:7
          |
        4 | run = "a\u0000b"
          |       ^^^^^^^^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        outputs = "y"
        "#,
        r#"
        `outputs` of step `a` must be a list of names, not a string
         --> p.toml:5:11
          |
        5 | outputs = "y"
          |           ^^^
        hint: write it as a list: `["y"]`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        outputs = ["y", "y"]
        "#,
        r#"
        output `y` is listed twice
         --> p.toml:5:17
          |
        5 | outputs = ["y", "y"]
          |            --- first here
          |                 ^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        outputs = ["a/b"]
        "#,
        r#"
        `a/b` cannot be the name of an output
         --> p.toml:5:12
          |
        5 | outputs = ["a/b"]
          |            ^^^^^
        hint: use up to 128 of the characters A-Z, a-z, 0-9, `_` and `-`, with a letter or `_` in front
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        inputs = ["b.y"]
        "#,
        r#"
        `inputs` of step `a` must be a table of names, each with a `STEP.OUTPUT`, not a list
         --> p.toml:5:10
          |
        5 | inputs = ["b.y"]
          |          ^^^^^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        cache = "no"
        "#,
        r#"
        `cache` of step `a` must be `true` or `false`, not a string
         --> p.toml:5:9
          |
        5 | cache = "no"
          |         ^^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        code = [""]
        "#,
        r#"
        `code` of step `a` has an empty item
         --> p.toml:5:9
          |
        5 | code = [""]
          |         ^^
        hint: `.` is the whole working folder
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        after = "b"
        "#,
        r#"
        `after` of step `a` must be a list of steps, not a string
         --> p.toml:5:9
          |
        5 | after = "b"
          |         ^^^
        hint: write it as a list: `["b"]`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        fingerprint = { v = 1 }
        "#,
        r#"
        fingerprint `v` of step `a` must be a string, not a number
         --> p.toml:5:21
          |
        5 | fingerprint = { v = 1 }
          |                     ^
        hint: write it in quotes: `"1"`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        workdir = 1
        "#,
        r#"
        `workdir` of step `a` must be a string, not a number
         --> p.toml:5:11
          |
        5 | workdir = 1
          |           ^
        hint: write it in quotes: `"1"`
        "#,
    );
    check(
        r#"
        name = "p"
        steps = ["a"]
        "#,
        r#"
        step 1 must be a table, not a string
         --> p.toml:2:10
          |
        2 | steps = ["a"]
          |          ^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        [[steps]]
        name = "b"
        run = "x"
        [[steps]]
        name = "a"
        run = "y"
        "#,
        r#"
        two steps are named `a`
         --> p.toml:9:8
          |
        3 | name = "a"
          |        --- first here
        ...
        9 | name = "a"
          |        ^^^
        "#,
    );
}

#[test]
fn the_environment_of_a_step() {
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        env = { "A-B" = "1" }
        "#,
        r#"
        `A-B` cannot be the name of an environment variable
         --> p.toml:5:9
          |
        5 | env = { "A-B" = "1" }
          |         ^^^^^
        hint: use letters, digits and `_`, with no digit in front
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        env = { SUNDAE_RUN = "1" }
        "#,
        r#"
        the environment variable `SUNDAE_RUN` is set by sundae itself
         --> p.toml:5:9
          |
        5 | env = { SUNDAE_RUN = "1" }
          |         ^^^^^^^^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        env = { LEVEL = 3 }
        "#,
        r#"
        variable `LEVEL` of step `a` must be a string, not a number
         --> p.toml:5:17
          |
        5 | env = { LEVEL = 3 }
          |                 ^
        hint: write it in quotes: `"3"`
        "#,
    );
}
