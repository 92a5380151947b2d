//! What is said of a `foreach` that gives no items.

use super::check;

/// A file whose last step has this `foreach` and runs this, and what is said of it.
fn said(foreach: &str, run: &str, expected: &str) {
    let file = format!(
        "name = \"p\"\n[params]\nc = 1\ncs = [1, 2]\n[[steps]]\nname = \"load\"\nrun = \"x\"\noutputs = [\"data\"]\n\
         [[steps]]\nname = \"fit\"\ninputs = {{ data = \"load.data\" }}\nrun = \"{run}\"\nforeach = {foreach}\n"
    );
    check(&file, expected);
}

#[test]
fn what_gives_no_items() {
    said(
        "{ c = \"{param.c}\" }",
        "x",
        r#"
        step `fit` has an item for each of param `c`, which is no list: `1`
          --> p.toml:13:17
           |
        13 | foreach = { c = "{param.c}" }
           |                 ^^^^^^^^^^^
        "#,
    );
    said(
        "{ c = \"{param.ds}\" }",
        "x",
        r#"
        step `fit` has an item for each of param `ds`, which the pipeline does not have
          --> p.toml:13:17
           |
        13 | foreach = { c = "{param.ds}" }
           |                 ^^^^^^^^^^^^
        hint: did you mean `cs`? params: c, cs
        "#,
    );
    said(
        "{ c = 3 }",
        "x",
        r#"
        `c` in `foreach` of step `fit` must be a list, a `STEP.OUTPUT` or a `{param.NAME}`, not a number
          --> p.toml:13:17
           |
        13 | foreach = { c = 3 }
           |                 ^
        "#,
    );
    said(
        "{}",
        "x",
        r#"
        `foreach` of step `fit` names nothing
          --> p.toml:13:11
           |
        13 | foreach = {}
           |           ^^
        hint: name what each item is given: `foreach = { shard = "split.shards" }`
        "#,
    );
    said(
        "{ c = \"laod.data\" }",
        "x",
        r#"
        input `c` of step `fit` comes from step `laod`, and there is no such step
          --> p.toml:13:17
           |
        13 | foreach = { c = "laod.data" }
           |                 ^^^^^^^^^^^
        hint: did you mean `load.data`?
        "#,
    );
}

#[test]
fn what_items_have_is_named_once_and_as_what_it_is() {
    said(
        "{ data = [1] }",
        "x",
        r#"
        each item of step `fit` has a `data` of its own, and so has the step
          --> p.toml:13:13
           |
        11 | inputs = { data = "load.data" }
           |            ---- this input
        ...
        13 | foreach = { data = [1] }
           |             ^^^^
        hint: give one of them another name
        "#,
    );
    said(
        "{ c = [1] }",
        "{in.c}",
        r#"
        `c` is a value of each item of step `fit`, and no input
          --> p.toml:12:8
           |
        12 | run = "{in.c}"
           |        ^^^^^^
        hint: write `{param.c}`
        "#,
    );
}

#[test]
fn items_report_metrics_and_their_step_does_not() {
    check(
        r#"
        name = "p"
        [[steps]]
        name = "fit"
        run = "x"
        foreach = { c = [1] }
        [[steps]]
        name = "use"
        run = "x"
        when = "metric.fit.loss < 1"
        "#,
        r#"
        step `fit` has items, and reports no metrics itself
         --> p.toml:9:9
          |
        9 | when = "metric.fit.loss < 1"
          |         ^^^^^^^^^^^^^^^
        hint: let a step that takes its outputs report one, and name that step in the condition
        "#,
    );
}
