//! Placeholders that cannot be read, or where no value is safe.

use super::check;

#[test]
fn a_placeholder_that_is_none() {
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x {in.y"
        "#,
        r#"
        `{` without its counterpart
         --> p.toml:4:10
          |
        4 | run = "x {in.y"
          |          ^
        hint: write `{{` for a literal `{`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x }"
        "#,
        r#"
        `}` without its counterpart
         --> p.toml:4:10
          |
        4 | run = "x }"
          |          ^
        hint: write `}}` for a literal `}`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x {}"
        "#,
        r#"
        `{}` is not a placeholder
         --> p.toml:4:10
          |
        4 | run = "x {}"
          |          ^^
        hint: placeholders are `{in.NAME}`, `{out.NAME}` and `{param.NAME}`; write `{{` and `}}` for literal braces
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x {data}"
        "#,
        r#"
        `{data}` is not a placeholder
         --> p.toml:4:10
          |
        4 | run = "x {data}"
          |          ^^^^^^
        hint: placeholders are `{in.NAME}`, `{out.NAME}` and `{param.NAME}`; write `{{` and `}}` for literal braces
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x ${HOME}"
        "#,
        r#"
        `{HOME}` is not a placeholder
         --> p.toml:4:11
          |
        4 | run = "x ${HOME}"
          |           ^^^^^^
        hint: write `${{HOME}}` for the shell's own variable: literal braces are doubled
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x {inputs.y}"
        "#,
        r#"
        `{inputs.y}` is not a placeholder
         --> p.toml:4:10
          |
        4 | run = "x {inputs.y}"
          |          ^^^^^^^^^^
        hint: did you mean `{in.y}`?
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x {parm.y}"
        "#,
        r#"
        `{parm.y}` is not a placeholder
         --> p.toml:4:10
          |
        4 | run = "x {parm.y}"
          |          ^^^^^^^^
        hint: did you mean `{param.y}`?
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = "x {in.a b}"
        "#,
        r#"
        `a b` in `{in.…}` is not a valid name
         --> p.toml:4:10
          |
        4 | run = "x {in.a b}"
          |          ^^^^^^^^
        hint: names are letters, digits, `_` and `-`, and start with a letter or `_`
        "#,
    );
    check(
        r#"
        name = "p"
        [[steps]]
        name = "a"
        run = ["x", "{out.}"]
        "#,
        r#"
        an empty text in `{out.…}` is not a valid name
         --> p.toml:4:14
          |
        4 | run = ["x", "{out.}"]
          |              ^^^^^^
        hint: names are letters, digits, `_` and `-`, and start with a letter or `_`
        "#,
    );
}

#[test]
fn a_placeholder_where_no_value_is_safe() {
    check(
        r#"
        name = "p"
        [params]
        n = 1
        [[steps]]
        name = 'a'
        run = 'echo `cat {param.n}`'
        "#,
        r#"
        `{param.n}` stands within backticks, where no value can be quoted safely
         --> p.toml:6:18
          |
        6 | run = 'echo `cat {param.n}`'
          |                  ^^^^^^^^^
        hint: use the environment variable `SUNDAE_PARAM_N` there
        "#,
    );
    check(
        r#"
        name = "p"
        [params]
        n = 1
        [[steps]]
        name = 'a'
        run = 'echo $(({param.n} + 1))'
        "#,
        r#"
        `{param.n}` stands within `$((…))`, where no value can be quoted safely
         --> p.toml:6:16
          |
        6 | run = 'echo $(({param.n} + 1))'
          |                ^^^^^^^^^
        hint: use the environment variable `SUNDAE_PARAM_N` there
        "#,
    );
    check(
        r#"
        name = "p"
        [params]
        n = 1
        [[steps]]
        name = 'a'
        run = 'echo ${{x:-{param.n}}}'
        "#,
        r#"
        `{param.n}` stands within `${…}`, where no value can be quoted safely
         --> p.toml:6:19
          |
        6 | run = 'echo ${{x:-{param.n}}}'
          |                   ^^^^^^^^^
        hint: use the environment variable `SUNDAE_PARAM_N` there
        "#,
    );
    check(
        r#"
        name = "p"
        [params]
        n = 1
        [[steps]]
        name = 'a'
        run = 'echo \{param.n}'
        "#,
        r#"
        `{param.n}` stands right behind a backslash, where no value can be quoted safely
         --> p.toml:6:14
          |
        6 | run = 'echo \{param.n}'
          |              ^^^^^^^^^
        hint: use the environment variable `SUNDAE_PARAM_N` there
        "#,
    );
    check(
        r#"
        name = "p"
        [params]
        n = 1
        [[steps]]
        name = 'a'
        run = 'echo ${param.n}'
        "#,
        r#"
        `{param.n}` stands right behind a `$`, where no value can be quoted safely
         --> p.toml:6:14
          |
        6 | run = 'echo ${param.n}'
          |              ^^^^^^^^^
        hint: use the environment variable `SUNDAE_PARAM_N` there
        "#,
    );
    check(
        r#"
        name = "p"
        [params]
        my-n = 1
        [[steps]]
        name = 'a'
        run = '''
        cat <<EOF
        {param.my-n}
        EOF
        '''
        "#,
        r#"
        `{param.my-n}` stands in a here-document, where no value can be quoted safely
         --> p.toml:8:1
          |
        8 | {param.my-n}
          | ^^^^^^^^^^^^
        hint: use the environment variable `SUNDAE_PARAM_MY_N` there
        "#,
    );
}
