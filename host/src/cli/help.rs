//! The help of the program itself: its commands, grouped by what they are for.

use clap::Command;
use sundae_plugin_api::ComponentKind;

use super::ui::{HEADING, NAME, styled};

/// The commands that are not about one kind, in the order in which they are shown.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Start here", &["init", "status", "run", "graph"]),
    ("Stacks and components", &["stack", "kinds", "flavor", "secret"]),
    ("Runs and artifacts", &["runs", "artifact", "store"]),
    ("This program", &["version", "completions", "help"]),
];

const EXAMPLES: [&str; 5] = [
    "sundae init my_project --template starter",
    "sundae stack describe",
    "sundae artifact-store register my_artifact_store --flavor=local",
    "sundae stack register a_new_local_stack -o default -a my_artifact_store",
    "sundae stack set a_new_local_stack",
];

/// Gives the program's command its help.
#[must_use]
pub(super) fn grouped(command: Command) -> Command {
    let mut text = String::new();
    for (title, names) in GROUPS {
        let commands: Vec<_> =
            names.iter().filter_map(|name| command.find_subcommand(name)).collect();
        if commands.is_empty() {
            continue;
        }
        head(&mut text, title);
        for command in commands {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            line(&mut text, command.get_name(), &about);
        }
        if names.contains(&"help") {
            line(&mut text, "help", "Show this, or the help of a command");
        }
        if names.contains(&"stack") {
            head(&mut text, "Components, by kind");
            for kind in ComponentKind::ALL {
                line(&mut text, kind.as_str(), kind.purpose());
            }
        }
    }
    let (usage, options) = (styled(HEADING, "Usage:"), styled(HEADING, "Global options:"));
    let examples = EXAMPLES.map(|example| format!("  {example}\n")).concat();
    let examples = format!("{}\n{examples}", styled(HEADING, "Examples:"));
    command.help_template(format!(
        "{{about}}\n\n{usage} {{usage}}\n{text}\n{options}\n{{options}}\n\n{examples}"
    ))
}

fn head(text: &mut String, title: &str) {
    text.push_str(&format!("\n{}\n", styled(HEADING, format_args!("{title}:"))));
}

fn line(text: &mut String, name: &str, about: &str) {
    let padded = format!("{name:18}");
    text.push_str(&format!("  {}  {about}\n", styled(NAME, padded)));
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli::component::Asked;

    /// Every command below this one, with the words that lead to it.
    fn below(command: &Command, words: &str, all: &mut Vec<(String, Command)>) {
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            let words = format!("{words} {}", command.get_name());
            below(command, &words, all);
            all.push((words, command.clone()));
        }
    }

    fn all_commands() -> Vec<(String, Command)> {
        let mut command = crate::cli::command(None);
        command.build();
        let mut all = Vec::new();
        below(&command, "sundae", &mut all);
        all
    }

    #[test]
    fn every_command_says_what_it_does_in_one_imperative_line() {
        let all = all_commands();
        assert!(all.len() > 150, "the groups of the kinds are not there: {}", all.len());
        for (words, command) in all {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let first = about.split(' ').next().unwrap_or_default();
            assert!(first.starts_with(|c: char| c.is_ascii_uppercase()), "{words}: {about}");
            assert!(!first.ends_with('s'), "{words}: {about}");
            assert!(!about.ends_with('.'), "{words}: {about}");
        }
    }

    #[test]
    fn every_command_has_an_example_that_is_one() {
        for (words, command) in all_commands() {
            let help = command.get_long_about().map(ToString::to_string).unwrap_or_default();
            let example = help.rsplit("\n\nExample: ").next().unwrap_or_default();
            let example = example.split(" > ").next().unwrap_or_default();
            let is_of_command = example
                .split(" --")
                .next()
                .is_some_and(|start| start.starts_with(&words) || words.starts_with(start));
            assert!(is_of_command, "`{words}` has no example of its own: {help}");
            let given: Vec<_> =
                shlex::split(example).unwrap().into_iter().map(OsString::from).collect();
            let command = crate::cli::command(Asked::of(&given).as_ref());
            let parsed = command.try_get_matches_from(&given);
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
        }
        for example in EXAMPLES {
            let parsed = crate::cli::command(None).try_get_matches_from(example.split(' '));
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
        }
    }

    #[test]
    fn every_command_is_in_a_group() {
        let command = crate::cli::command(None);
        let kinds = ComponentKind::ALL.map(ComponentKind::as_str);
        for command in command.get_subcommands().map(Command::get_name) {
            let is_grouped = GROUPS.iter().any(|(_, names)| names.contains(&command));
            assert!(is_grouped || kinds.contains(&command), "`{command}` is in no group");
        }
    }
}
