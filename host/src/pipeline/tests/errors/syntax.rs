//! Files that are not TOML or JSON at all.

use super::{check, check_json};

#[test]
fn what_is_not_toml_or_json() {
    check(
        r#"
        name = "p
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        the file is not valid TOML: invalid basic string, expected `"`
         --> p.toml:1:10
          |
        1 | name = "p
          |          ^
        "#,
    );
    check(
        r#"
        name = 
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        a value is missing after `=`
         --> p.toml:1:8
          |
        1 | name =
          |        ^
        "#,
    );
    check(
        r#"
        name = p
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        a string must stand in quotes
         --> p.toml:1:8
          |
        1 | name = p
          |        ^
        "#,
    );
    check(
        r#"
        name = "p"
        name = "q"
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        `name` is defined twice in the same table
         --> p.toml:2:1
          |
        2 | name = "q"
          | ^^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]
        name = "a"
        "#,
        r#"
        the file is not valid TOML: unclosed array table, expected `]`
         --> p.toml:2:9
          |
        2 | [[steps]
          |         ^
        "#,
    );
    check(
        r#"
        name = "p"
        [params]
        x = nan
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        `nan` is not a finite number, and only those can be passed on
         --> p.toml:3:5
          |
        3 | x = nan
          |     ^^^
        "#,
    );
    check(
        r#"
        name = "p"
        [params]
        x = 99999999999999999999
        [[steps]]
        name = "a"
        run = "x"
        "#,
        r#"
        `99999999999999999999` is not a whole number of at most 64 bits
         --> p.toml:3:5
          |
        3 | x = 99999999999999999999
          |     ^^^^^^^^^^^^^^^^^^^^
        "#,
    );
    check_json(
        r#"
        {"name": "p", }
        "#,
        r#"
        the file is not valid JSON: key must be a string
         --> p.json:1:15
          |
        1 | {"name": "p", }
          |               ^
        "#,
    );
    check_json(
        r#"
        {"name": "p"
        "#,
        r#"
        the file is not valid JSON: EOF while parsing an object
         --> p.json:1:13
          |
        1 | {"name": "p"
          |             ^
        "#,
    );
    check_json(
        r#"
        {"name": "p",
         "name": "q"}
        "#,
        r#"
        `name` is defined twice in the same table
         --> p.json:2:2
          |
        1 | {"name": "p",
          |  ------ first here
        2 |  "name": "q"}
          |  ^^^^^^
        "#,
    );
    check_json(
        r#"
        [1]
        "#,
        r#"
        a pipeline must be a table of keys, not a list
         --> p.json:1:1
          |
        1 | [1]
          | ^^^
        "#,
    );
    check_json(
        "",
        r#"
        the file is not valid JSON: EOF while parsing a value
         --> p.json:1:1
          |
        1 |
          | ^
        "#,
    );
}
