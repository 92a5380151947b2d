//! Values that `-p` gives.

use super::check_override;

#[test]
fn an_override_that_does_not_fit() {
    check_override(
        r#"
        name = "p"
        [params]
        c = 1
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("d", "2"),
        r#"
        there is no param `d` to override
        hint: params of the pipeline: c
        "#,
    );
    check_override(
        r#"
        name = "p"
        [params]
        test_size = 1
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("test-size", "2"),
        r#"
        there is no param `test-size` to override
        hint: did you mean `test_size`? params of the pipeline: test_size
        "#,
    );
    check_override(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("d", "2"),
        r#"
        there is no param `d` to override
        hint: the pipeline has no `[params]`
        "#,
    );
    check_override(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x"
        params = { d = 1 }
        "#,
        ("d", "2"),
        r#"
        there is no param `d` to override
        hint: `d` is a param of step `a` alone; only those under `[params]` can be overridden
        "#,
    );
    check_override(
        r#"
        name = "p"
        [params]
        c = 1
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("c", "2.5"),
        r#"
        param `c` must be a whole number, as its default `1` is, not `2.5`
        hint: a default of `1.0` would allow fractions
        "#,
    );
    check_override(
        r#"
        name = "p"
        [params]
        c = 1
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("c", "two"),
        r#"
        param `c` must be a whole number, as its default `1` is, not `two`
        "#,
    );
    check_override(
        r#"
        name = "p"
        [params]
        c = 1.5
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("c", "two"),
        r#"
        param `c` must be a number, as its default `1.5` is, not `two`
        "#,
    );
    check_override(
        r#"
        name = "p"
        [params]
        c = true
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("c", "yes"),
        r#"
        param `c` must be `true` or `false`, as its default `true` is, not `yes`
        "#,
    );
    check_override(
        r#"
        name = "p"
        [params]
        c = [1]
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("c", "1"),
        r#"
        param `c` must be a list, as its default `[1]` is, not `1`
        "#,
    );
    check_override(
        r#"
        name = "p"
        [params]
        c = { a = 1 }
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("c", "[1]"),
        r#"
        param `c` must be a table, as its default `{"a":1}` is, not `[1]`
        "#,
    );
    check_override(
        r#"
        name = "p"
        [params]
        c = 1
        [[steps]]
        name = "a"
        run = "x"
        "#,
        ("c", "99999999999999999999"),
        r#"
        param `c` must be a whole number, as its default `1` is, not `99999999999999999999`
        "#,
    );
}
