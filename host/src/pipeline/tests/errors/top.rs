//! The keys at the top of the file.

use super::{check, check_json};

#[test]
fn the_top_of_the_file() {
    check(
        "",
        r#"
        the pipeline has no `name`
         --> p.toml:1:1
          |
        1 |
          | ^

        the pipeline has no `steps`
         --> p.toml:1:1
          |
        1 |
          | ^
        hint: each step is a table under `[[steps]]` with a `name` and what to `run`
        "#,
    );
    check(
        r#"
        name = "p"
        "#,
        r#"
        the pipeline has no `steps`
         --> p.toml:1:1
          |
        1 | name = "p"
          | ^
        hint: each step is a table under `[[steps]]` with a `name` and what to `run`
        "#,
    );
    check(
        r#"
        name = "p"
        steps = []
        "#,
        r#"
        `steps` is empty
         --> p.toml:2:9
          |
        2 | steps = []
          |         ^^
        hint: each step is a table under `[[steps]]` with a `name` and what to `run`
        "#,
    );
    check(
        r#"
        name = "p"
        [steps]
        name = "a"
        "#,
        r#"
        `steps` must be a list of tables, not one table
         --> p.toml:2:1
          |
        2 | [steps]
          | ^^^^^^^
        hint: write `[[steps]]`, with double brackets, above each step
        "#,
    );
    check(
        r#"
        name = "p"
        steps = 3
        "#,
        r#"
        `steps` must be a list of tables, not a number
         --> p.toml:2:9
          |
        2 | steps = 3
          |         ^
        "#,
    );
    check(
        r#"
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        the pipeline has no `name`
         --> p.toml:1:1
          |
        1 | [[steps]]
          | ^
        "#,
    );
    check(
        r#"
        name = ""
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        the name of the pipeline is empty
         --> p.toml:1:8
          |
        1 | name = ""
          |        ^^
        "#,
    );
    check(
        r#"
        name = "my pipeline"
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        `my pipeline` cannot be the name of a pipeline
         --> p.toml:1:8
          |
        1 | name = "my pipeline"
          |        ^^^^^^^^^^^^^
        hint: use up to 128 of the characters A-Z, a-z, 0-9, `_`, `-` and `.`, with a letter or digit in front
        "#,
    );
    check(
        r#"
        name = 3
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        `name` of the pipeline must be a string, not a number
         --> p.toml:1:8
          |
        1 | name = 3
          |        ^
        hint: write it in quotes: `"3"`
        "#,
    );
    check(
        r#"
        nme = "p"
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        unknown key `nme` in the pipeline
         --> p.toml:1:1
          |
        1 | nme = "p"
          | ^^^
        hint: did you mean `name`?
        "#,
    );
    check(
        r#"
        name = "p"
        root = "/x"
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        unknown key `root` in the pipeline
         --> p.toml:2:1
          |
        2 | root = "/x"
          | ^^^^
        hint: known keys: name, params, data, inputs, outputs, timeout, failure-policy, hooks, steps
        "#,
    );
    check_json(
        r#"
        {"name": "p", "root": "x", "steps": [{"name": "a", "run": "x"}]}
        "#,
        r#"
        `root` must be an absolute path
         --> p.json:1:23
          |
        1 | {"name": "p", "root": "x", "steps": [{"name": "a", "run": "x"}]}
          |                       ^^^
        "#,
    );
    check(
        r#"
        [params]
        x = 1
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        the pipeline has no `name`
         --> p.toml:1:1
          |
        1 | [params]
          | ^
        ...
        3 | name = "p"
          | ---- this `name` belongs to `params`
        hint: keys that follow the header of `params` belong to it: put `name` in front of it
        "#,
    );
    check(
        r#"
        name = "p"
        params = 1
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        `params` of the pipeline must be a table of names and values, not a number
         --> p.toml:2:10
          |
        2 | params = 1
          |          ^
        "#,
    );
    check(
        r#"
        name = "p"
        [params]
        "a b" = 1
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        `a b` cannot be the name of a param
         --> p.toml:3:1
          |
        3 | "a b" = 1
          | ^^^^^
        hint: use up to 128 of the characters A-Z, a-z, 0-9, `_` and `-`, with a letter or `_` in front
        "#,
    );
}
