//! What is said of `[data]` that leads nowhere.

use super::check;

#[test]
fn names_of_data() {
    check(
        r#"
        name = "p"
        [data]
        points = "points.csv"
        [[steps]]
        name = "fit"
        run = "x"
        inputs = { points = "data.pionts" }
        "#,
        r#"
        input `points` of step `fit` is `pionts` of `[data]`, which has no such name
         --> p.toml:7:21
          |
        7 | inputs = { points = "data.pionts" }
          |                     ^^^^^^^^^^^^^
        hint: did you mean `points`? `[data]`: points
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "fit"
        run = "x"
        inputs = { points = "data.points" }
        "#,
        r#"
        input `points` of step `fit` comes from step `data`, and there is no such step
         --> p.toml:5:21
          |
        5 | inputs = { points = "data.points" }
          |                     ^^^^^^^^^^^^^
        hint: for what comes from outside, write `points = "PATH"` under `[data]`
        "#,
    );
    check(
        r#"
        name = "p"
        [data]
        points = "store:a//b"
        [[steps]]
        name = "data"
        run = "x"
        "#,
        r#"
        `points` cannot be in an artifact store: `a//b` is not a key: it has an empty component
         --> p.toml:3:10
          |
        3 | points = "store:a//b"
          |          ^^^^^^^^^^^^

        no step can be named `data` where the pipeline has `[data]`
         --> p.toml:5:8
          |
        3 | points = "store:a//b"
          | ------ which would be `data`, too
        ...
        5 | name = "data"
          |        ^^^^^^
        "#,
    );
}
