//! What conditions mean, and what is said of those that mean nothing.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Condition, Fact, Verdict};

fn value_of(fact: &Fact) -> Result<Value, String> {
    match fact {
        Fact::Metric { name, .. } if name == "accuracy" => Ok(json!(0.87)),
        Fact::Metric { name, .. } => Err(format!("no metric {name}")),
        Fact::Metadata { keys, .. } if keys == &["rows"] => Ok(json!(100)),
        Fact::Metadata { keys, .. } if keys == &["columns"] => Ok(json!(["a", "b"])),
        Fact::Metadata { keys, .. } => Ok(json!(keys.join("."))),
        Fact::Param { .. } => Err("params are known".to_owned()),
    }
}

fn parsed(source: &str) -> Condition {
    let mut condition = match Condition::parse(source) {
        Ok(condition) => condition,
        Err(error) => panic!("{source}: {error:?}"),
    };
    condition.change(&mut |fact| {
        if let Fact::Param { name, value } = fact {
            *value = match name.as_str() {
                "yes" => json!(true),
                "no" => json!(false),
                "c" => json!(1),
                "list" => json!([1, 2.5, "x"]),
                "table" => json!({ "x": 1 }),
                _ => json!(name),
            };
        }
    });
    condition
}

fn verdict(source: &str) -> Result<Verdict, String> {
    parsed(source).evaluate(&value_of)
}

#[test]
fn what_is_so() {
    for source in [
        "true",
        "not false",
        "param.yes",
        "param.yes and not param.no",
        "false or true and true",
        "not false and true",
        "not (true and false)",
        "metric.evaluate.accuracy >= 0.87",
        "metric.evaluate.accuracy < 9e-1",
        "metadata.load.data.rows > 99 and metadata.load.data.rows<=100",
        "param.c == 1.0",
        "param.c != 2",
        "param.c > -1",
        "param.name == 'name'",
        "param.name == \"name\"",
        "'am' in param.name",
        "'x' in param.table",
        "2.5 in param.list",
        "'b' in metadata.load.data.columns",
        "param.c in [0, 1]",
        "param.c not in [2, 3,]",
        "not param.c in []",
        "metric.prepare/clean.accuracy > 0",
        "metadata.a.b.'odd key'.more == 'odd key.more'",
        "null == null",
        "param.name > 'na' and param.name < 'nb'",
        "[1, 2] == [1.0, 2]",
        // What need not be looked at need not be there.
        "true or metric.evaluate.absent > 1",
        "not (false and metric.evaluate.absent > 1)",
        "  \n true\n",
    ] {
        assert_eq!(verdict(source), Ok(Verdict::Holds), "{source}");
    }
}

#[test]
fn what_is_not_so_tells_what_was_found() {
    for (source, expected) in [
        ("metric.evaluate.accuracy >= 0.9", "0.87"),
        ("param.no", "false"),
        ("param.yes and metric.e.accuracy > 1", "param.yes is true, metric.e.accuracy is 0.87"),
        ("param.no and metric.e.accuracy > 1", "false"),
        ("param.name == 'x' or param.name == 'y'", "`name`"),
        ("false", ""),
    ] {
        let found = Verdict::Fails { found: expected.to_owned() };
        assert_eq!(verdict(source), Ok(found), "{source}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_said() {
    for (source, expected) in [
        ("metric.evaluate.absent > 1", "no metric absent"),
        ("metadata.a.b.c < 1", "`<` cannot compare `c` with 1: a text and a number"),
        ("metadata.a.b.c", "`c` is a text, and not true or false"),
        ("1 in metadata.a.b.rows", "`in` cannot compare 1 with 100: a number and a number"),
    ] {
        assert_eq!(verdict(source), Err(expected.to_owned()), "{source}");
    }
}

/// What is said of a condition, what of it is underlined, and the hint.
fn said(source: &str) -> (String, &str, String) {
    let error = Condition::parse(source).err().or_else(|| parsed(source).check().err());
    let error = error.unwrap_or_else(|| panic!("{source} is fine"));
    (error.message, &source[error.span], error.hint.unwrap_or_default())
}

#[test]
fn what_means_nothing_is_said_with_its_place() {
    for (source, message, underlined, hint) in [
        ("", "the condition is empty", "", ""),
        ("true and", "a value is missing behind `and`", "and", ""),
        ("1 <", "a value is missing behind `<`", "<", ""),
        ("== 1", "a value is missing in front of `==`", "==", ""),
        ("(true", "`(` has no `)`", "(", ""),
        ("1 in [1", "`[` has no `]`", "[", ""),
        ("true)", "`)` cannot stand behind `true`", ")", "there is no `(` for it"),
        (
            "true false",
            "`false` cannot stand behind `true`",
            "false",
            "`and`, `or` or a comparison must stand between two values",
        ),
        ("param.c = 1", "`=` means nothing in a condition", "=", "write `==`"),
        ("param.yes && true", "`&&` means nothing in a condition", "&&", "write `and`"),
        ("!param.yes", "`!` means nothing in a condition", "!", "write `not`"),
        (
            "0 < param.c < 2",
            "comparisons cannot be chained",
            "<",
            "write each by itself: `a < b and b < c`",
        ),
        (
            "metrics.e.accuracy > 1",
            "`metrics.e.accuracy` means nothing in a condition",
            "metrics.e.accuracy",
            "did you mean `metric.e.accuracy`?",
        ),
        ("True", "`True` means nothing in a condition", "True", "did you mean `true`?"),
        (
            "accuracy > 1",
            "`accuracy` means nothing in a condition",
            "accuracy",
            "names are `param.NAME`, `metric.STEP.NAME` and `metadata.STEP.OUTPUT.KEY`; a text stands in quotes",
        ),
        (
            "metric.accuracy > 1",
            "`metric.accuracy` must be written `metric.STEP.NAME`",
            "metric.accuracy",
            "",
        ),
        ("metric.e. > 1", "a name is missing behind `metric.e.`", "metric.e.", ""),
        ("'x", "the text that begins with ' does not end", "'x", ""),
        ("1x == 1", "`1x` is not a number", "1x", ""),
        (
            "param.c",
            "`param.c` is a number, and not true or false",
            "param.c",
            "compare it with something: `==`, `!=`, `<`, `<=`, `>`, `>=` or `in`",
        ),
        (
            "not metric.e.accuracy",
            "`metric.e.accuracy` is a number, and not true or false",
            "metric.e.accuracy",
            "compare it with something: `==`, `!=`, `<`, `<=`, `>`, `>=` or `in`",
        ),
        (
            "param.name > 1",
            "`>` cannot compare `param.name` with `1`: a text and a number",
            "param.name > 1",
            "",
        ),
        (
            "param.c == 'x'",
            "`==` cannot compare `param.c` with `\"x\"`: a number and a text",
            "param.c == 'x'",
            "",
        ),
        (
            "1 in param.name",
            "`in` cannot compare `1` with `param.name`: a number and a text",
            "1 in param.name",
            "",
        ),
    ] {
        let (said_message, said_underlined, said_hint) = said(source);
        assert_eq!(
            (said_message.as_str(), said_underlined, said_hint.as_str()),
            (message, underlined, hint),
            "{source}"
        );
    }
}

#[test]
fn one_that_is_nested_without_end_is_refused() {
    for deep in ["(".repeat(100_000), "not ".repeat(100_000), "[".repeat(100_000)] {
        let error = Condition::parse(&deep).unwrap_err();
        assert_eq!(error.message, "the condition is nested too deeply to be read");
    }
    // As long as anybody likes is fine.
    let long = vec!["true"; 2_000].join(" and ");
    assert_eq!(verdict(&long), Ok(Verdict::Holds));
}

/// Trees of `and`, `or` and `not`, as text with all brackets and with only those that are needed, and their value.
fn logic() -> impl Strategy<Value = (String, String, bool, u8)> {
    let leaf = any::<bool>().prop_map(|value| (value.to_string(), value.to_string(), value, 3));
    leaf.prop_recursive(5, 32, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        let inner_of = |(_, text, _, binds): &(String, String, bool, u8), least: u8| {
            if *binds < least { format!("({text})") } else { text.clone() }
        };
        prop_oneof![
            inner.prop_map(move |one| {
                (format!("(not {})", one.0), format!("not {}", inner_of(&one, 2)), !one.2, 2)
            }),
            pair.clone().prop_map(move |(a, b)| {
                let text = format!("{} and {}", inner_of(&a, 1), inner_of(&b, 2));
                (format!("({} and {})", a.0, b.0), text, a.2 && b.2, 1)
            }),
            pair.prop_map(move |(a, b)| {
                let text = format!("{} or {}", inner_of(&a, 0), inner_of(&b, 1));
                (format!("({} or {})", a.0, b.0), text, a.2 || b.2, 0)
            }),
        ]
    })
}

#[test]
fn one_is_the_same_after_a_journey_as_json() {
    let mut condition = parsed("param.c == 1 and metric.e.accuracy > 0.5 or metadata.a.b.c == 'x'");
    condition.change(&mut |fact| {
        if let Fact::Metric { step, .. } = fact {
            *step = "outer/e".to_owned();
        }
    });
    let json = serde_json::to_string(&condition).unwrap();
    assert_eq!(serde_json::from_str::<Condition>(&json).unwrap(), condition);
}

proptest! {
    #[test]
    fn brackets_that_are_not_needed_change_nothing((full, short, expected, _) in logic()) {
        let holds = |source: &str| verdict(source).map(|verdict| verdict == Verdict::Holds);
        prop_assert_eq!(holds(&full), Ok(expected));
        prop_assert_eq!(holds(&short), Ok(expected));
    }

    #[test]
    fn no_text_makes_it_panic(source in "([a-z.'\"0-9 ()<>=!-]|and |or |not |in |metric\\.a\\.b|é){0,20}") {
        if let Ok(condition) = Condition::parse(&source) {
            drop(condition.check());
            drop(condition.evaluate(&value_of));
        }
    }
}
