//! Conditions whose names lead nowhere.

use super::check;

/// A file whose last step has this condition, and what is said of it but for the place.
fn said(when: &str, message: &str, column: usize, underlined: usize, hint: &str) {
    let file = format!(
        "name = \"p\"\n[params]\nc = 1\n[[steps]]\nname = \"load\"\nrun = \"x\"\noutputs = [\"data\"]\n\
         [[steps]]\nname = \"train\"\nrun = \"x\"\nwhen = \"{when}\"\n"
    );
    let line = format!("when = \"{when}\"");
    let (space, carets) = (" ".repeat(column - 1), "^".repeat(underlined));
    let hint = if hint.is_empty() { String::new() } else { format!("\nhint: {hint}") };
    check(
        &file,
        &format!(
            "{message}\n  --> p.toml:11:{column}\n   |\n11 | {line}\n   | {space}{carets}{hint}"
        ),
    );
}

#[test]
fn names_in_conditions() {
    said("param.d > 1", "there is no param `d`", 9, 7, "params: c");
    said(
        "true and metric.laod.m > 1",
        "there is no step `laod`",
        18,
        13,
        "did you mean `load`? steps: load, train",
    );
    said("metric.train.m > 1", "the condition of step `train` is about the step itself", 9, 14, "");
    said(
        "metadata.load.date.rows > 1",
        "step `load` has no output `date`",
        9,
        23,
        "did you mean `data`? outputs of `load`: data",
    );
    said("param.c", "`param.c` is a number, and not true or false", 9, 7, {
        "compare it with something: `==`, `!=`, `<`, `<=`, `>`, `>=` or `in`"
    });
    said(
        "param.c > 'x'",
        "`>` cannot compare `param.c` with `\"x\"`: a number and a text",
        9,
        13,
        "",
    );
    said("param.c = 1", "`=` means nothing in a condition", 17, 1, "write `==`");
}

#[test]
fn a_circle_through_a_condition() {
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        when = "metric.b.m > 1"
        [[steps]]
        name = "b"
        run = "x"
        after = ["a"]
        "#,
        r#"
        the steps wait for each other in a circle: a -> b -> a
         --> p.toml:9:10
          |
        5 | when = "metric.b.m > 1"
          |        ---------------- `a` has a condition on `b`
        ...
        9 | after = ["a"]
          |          ^^^ `b` comes after `a`
        "#,
    );
}
