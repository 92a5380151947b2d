//! Values in shell commands, with a real shell as the judge.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use serde_json::Value;

use crate::pipeline::{Quoting, Template, Values};

/// The shells that are here: `sh` always, others as they come.
fn shells() -> Vec<&'static str> {
    let answers = |shell: &&str| {
        let status = Command::new(shell).args(["-c", ":"]).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let mut shells = vec!["sh"];
    shells.extend(["dash", "bash", "ksh", "zsh"].iter().filter(|shell| answers(shell)));
    shells
}

fn rendered(script: &str, value: &str) -> String {
    let params = BTreeMap::from([("v".to_owned(), Value::from(value))]);
    let (none, secrets) = (BTreeMap::new(), BTreeMap::new());
    let values = Values { inputs: &none, outputs: &none, params: &params, secrets: &secrets };
    let template = Template::parse(script).unwrap();
    assert_eq!(template.unquotable(), None, "{script}");
    template.render(&values, Quoting::Shell)
}

/// What a shell writes when it runs the script.
fn output(shell: &str, script: &str, folder: &Path) -> String {
    let output = Command::new(shell)
        .args(["-c", script])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// One argument of a command: how it is written, and what the command must get for the value `V`.
const ARGUMENTS: [(&str, &str); 16] = [
    ("{param.v}", "V"),
    ("\"{param.v}\"", "V"),
    ("'{param.v}'", "V"),
    ("pre-{param.v}-post", "pre-V-post"),
    ("{param.v}{param.v}", "VV"),
    ("\"it's {param.v}, \\\"{param.v}\\\"\"", "it's V, \"V\""),
    ("'say \"{param.v}\"'", "say \"V\""),
    ("\\'{param.v}", "'V"),
    ("\\\\{param.v}", "\\V"),
    ("'it'\\''s '{param.v}", "it's V"),
    ("a\\\nb{param.v}", "abV"),
    ("\"$(printf %s. {param.v})\"", "V."),
    ("\"$(printf %s. \"{param.v}\" # it's\n)\"", "V."),
    ("\"$(printf '%s.' '{param.v}'; : $(( (1) )) )\"", "V."),
    ("\"$(cat <<'E'\nit's \"\nE\nprintf %s. {param.v})\"", "it's \"\nV."),
    ("x#{param.v}", "x#V"),
];

/// What stands before the command, and must not confuse the scanner.
const BEFORE: [&str; 16] = [
    "",
    "# it's a \"comment\n",
    ": \"$$(\" $$ \"$$$(: ')')\"\n",
    ": $$'(' \"$$'\"\n",
    "# {param.v}\n",
    "true # {param.v} it's\n",
    ": \\# ' # '\n",
    ": \"${{x:-ab}}\" \n",
    ": ${{x:-'a }}'}}\n",
    ": ${{x:- # }}\n",
    ": $((1 << 2))\n",
    "cat >/dev/null <<E\nit's \\\" \\`\nE\n",
    "cat >/dev/null <<'it''s' <<-\\E\n\"\nits\n'\n\tE\n",
    "case x in x) : ;; esac\n",
    "(: \"(\" \\)) \n",
    "true \\\n# it's\n",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_command_gets_exactly_the_value(
        value in prop_oneof![
            "[^\\x00]{0,10}",
            "['\"$`\\\\(){}#<>&|;!*~=a1 \\n-]{0,10}",
            Just("$(exit 3)\n`exit 4`'$(exit 5)'\"".to_owned()),
        ],
        before in prop::collection::vec(prop::sample::select(&BEFORE[..]), 0..3),
        arguments in prop::collection::vec(prop::sample::select(&ARGUMENTS[..]), 1..4),
    ) {
        let (written, expected): (Vec<_>, Vec<_>) = arguments.into_iter().unzip();
        let script = format!("{}printf '%s\\n%s\\n' {}", before.concat(), written.join(" "));
        // An even number of `%s` is used up; an odd one leaves the last empty.
        let mut lines: String =
            expected.iter().map(|text| format!("{}\n", text.replace('V', &value))).collect();
        if expected.len() % 2 == 1 {
            lines.push('\n');
        }
        let folder = tempfile::tempdir().unwrap();
        let command = rendered(&script, &value);
        for shell in shells() {
            prop_assert_eq!(output(shell, &command, folder.path()), &lines[..], "{}: {}", shell, command);
        }
    }
}

/// Tokens that mean something to a shell. Nothing here defines a function, loops or runs a text as a command.
const TOKENS: [&str; 26] = [
    "'",
    "\"",
    "\\",
    "`",
    "$",
    "$(",
    "$((",
    "))",
    ")",
    "${{",
    "}}",
    "#",
    " ",
    "\n",
    ";",
    "<<",
    "<<-",
    "<",
    ">",
    "E",
    "E\n",
    " case x in ",
    " esac ",
    "x",
    ":-",
    "=",
];

/// Values that would make a file if a shell ever took them for commands.
const ATTACKS: [&str; 9] = [
    "$(touch HIT)",
    "`touch HIT`",
    "';touch HIT;'",
    "\";touch HIT;\"",
    "\ntouch HIT\n",
    "')\ntouch HIT\n('",
    "\nE\ntouch HIT\n",
    "\\'\ntouch HIT #",
    "}\"\ntouch HIT\n\"${x:-",
];

#[test]
fn a_parenthesis_behind_the_number_of_the_process_opens_nothing() {
    for attack in ATTACKS {
        let command = rendered(": \"$$({param.v}\"", attack);
        let folder = tempfile::tempdir().unwrap();
        for shell in shells() {
            output(shell, &command, folder.path());
            assert!(!folder.path().join("HIT").exists(), "{shell}: {command}");
        }
    }
}

#[test]
fn behind_a_single_parenthesis_in_a_calculation_nobody_knows_where_it_ends() {
    let template = Template::parse(": $(()}})'{param.v}'))").unwrap();
    let (_, place) = template.unquotable().unwrap();
    assert_eq!(place, "behind a single `)` within `$((…))`");
    assert_eq!(Template::parse("echo $((1 + (2))) {param.v}").unwrap().unquotable(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(384))]

    /// Wherever a placeholder is accepted at all, no value becomes a command.
    #[test]
    fn no_value_is_ever_run(
        front in prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..9),
        back in prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..5),
        attack in prop::sample::select(&ATTACKS[..]),
    ) {
        let script = format!(": {}{{param.v}}{}", front.concat(), back.concat());
        let Ok(template) = Template::parse(&script) else { return Ok(()) };
        if template.unquotable().is_some() {
            return Ok(());
        }
        let command = rendered(&script, attack);
        for shell in shells() {
            let folder = tempfile::tempdir().unwrap();
            output(shell, &command, folder.path());
            prop_assert!(!folder.path().join("HIT").exists(), "{}: {}", shell, command);
        }
    }
}
