//! The fields of a flavor's configuration as options of a command.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use sundae_plugin_api::{ConfigSchema, Field, FieldType};

use super::asked::AskedFlavor;
use crate::cli::Failure;
use crate::stack::Setting;

/// The general way to give a field.
#[derive(Debug, Clone, Args)]
pub(super) struct SetArgs {
    /// Give a field of the flavor's configuration; the only way for a field that is called like another option
    #[arg(long, value_name = "FIELD=VALUE", value_parser = setting, allow_hyphen_values = true)]
    pub set: Vec<Setting>,
}

fn setting(text: &str) -> Result<Setting, String> {
    match text.split_once('=') {
        Some((field, text)) if !field.trim().is_empty() => {
            Ok(Setting { field: field.trim().to_owned(), text: text.to_owned() })
        }
        _ => Err("give it as FIELD=VALUE".to_owned()),
    }
}

impl SetArgs {
    /// What was given for the fields, by their own options and by `--set`.
    pub(super) fn settings(&self, matches: &ArgMatches, schema: &ConfigSchema) -> Vec<Setting> {
        let mut settings = Vec::new();
        for field in &schema.fields {
            // There is no such option where the field is called like one of ours.
            let Ok(Some(values)) = matches.try_get_many::<String>(&id(&field.name)) else {
                continue;
            };
            settings.extend(
                values.map(|text| Setting { field: field.name.clone(), text: text.clone() }),
            );
        }
        settings.extend(self.set.iter().cloned());
        settings
    }
}

/// A command with an option for each field of the flavor.
pub(super) fn added(command: Command, flavor: &AskedFlavor) -> Command {
    let mut taken: Vec<String> = vec!["help".to_owned(), "version".to_owned()];
    taken.extend(super::super::globals::OPTIONS.map(str::to_owned));
    taken.extend(command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned)));
    let heading = format!("Configuration of {}", flavor.full_name);
    let (mut command, mut hidden) = (command, Vec::new());
    for field in &flavor.schema.fields {
        let long = field.name.replace('_', "-");
        if taken.contains(&long) || !is_option_name(&long) {
            hidden.push(field);
            continue;
        }
        command = command.arg(option(field, &long, flavor.is_new).help_heading(heading.clone()));
        taken.push(long);
    }
    if hidden.is_empty() {
        return command;
    }
    let hidden: Vec<_> = hidden.iter().map(|field| described(field, flavor.is_new)).collect();
    let note = format!(
        "These fields of {} are called like other options; give them with --set FIELD=VALUE:\n{}",
        flavor.full_name,
        hidden.join("\n")
    );
    command.after_help(note)
}

/// Names of plugins are not to be trusted with the parser's assertions.
fn is_option_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

fn option(field: &Field, long: &str, is_new: bool) -> Arg {
    let option = Arg::new(id(&field.name))
        .long(long.to_owned())
        .aliases(Some(field.name.clone()).filter(|name| name != long))
        .help(help(field, is_new))
        .value_name(value_name(field))
        .action(ArgAction::Set);
    match field.field_type {
        // The parser knows how to say which values there are.
        FieldType::Choice if !field.secret => {
            option.value_parser(PossibleValuesParser::new(field.choices.clone()))
        }
        FieldType::Boolean => {
            option.num_args(0..=1).require_equals(true).default_missing_value("true")
        }
        FieldType::Integer | FieldType::Number => option.allow_negative_numbers(true),
        FieldType::List | FieldType::Map => option.action(ArgAction::Append),
        _ => option,
    }
}

fn id(field: &str) -> String {
    format!("field:{field}")
}

fn help(field: &Field, is_new: bool) -> String {
    let mut help = field.help.clone();
    let mut add = |note: String| {
        let gap = if help.is_empty() { "" } else { " " };
        help.push_str(&format!("{gap}[{note}]"));
    };
    if field.secret {
        add(format!("secret: --{0}='{{secret.NAME}}' or --{0}='{{env.VARIABLE}}'", field.name));
    }
    match &field.default {
        _ if !is_new => {}
        Some(_) if field.secret => {}
        Some(serde_json::Value::String(text)) => add(format!("default: {text}")),
        Some(value) => add(format!("default: {value}")),
        None if field.required => add("required".to_owned()),
        None => {}
    }
    help
}

fn value_name(field: &Field) -> &'static str {
    match field.field_type {
        _ if field.secret => "{env.VARIABLE}",
        FieldType::Integer | FieldType::Number => "NUMBER",
        FieldType::Boolean => "true|false",
        FieldType::Path => "PATH",
        FieldType::Choice => "CHOICE",
        FieldType::List => "ITEM,…",
        FieldType::Map => "NAME=VALUE,…",
        _ => "TEXT",
    }
}

fn described(field: &Field, is_new: bool) -> String {
    format!("  {}  {}", field.name, help(field, is_new))
}

/// Nothing was given where something must be.
pub(super) fn nothing_given(schema: &ConfigSchema) -> Failure {
    let names = schema.fields.iter().map(|field| field.name.as_str());
    let known = crate::nearest::listed(names);
    let hint = known.map_or_else(
        || "its flavor has no fields".to_owned(),
        |known| format!("give fields of its flavor, as in --FIELD=VALUE: {known}"),
    );
    Failure::usage("there is nothing to change").hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{ColorChoice, Parser};

    #[derive(Debug, Parser)]
    struct Register {
        #[command(flatten)]
        set: SetArgs,
    }

    /// A flavor whose author thought of everything.
    fn flavor() -> AskedFlavor {
        let schema = serde_json::from_value(serde_json::json!([
            { "name": "bucket", "type": "string", "required": true, "help": "Where." },
            { "name": "max_size", "type": "integer", "default": 5 },
            { "name": "max-size", "type": "integer", "help": "The same name once more." },
            { "name": "output", "type": "string", "help": "Called like ours." },
            { "name": "help", "type": "string" },
            { "name": "--odd one", "type": "string" },
            { "name": "", "type": "string" },
            { "name": "token", "type": "string", "secret": true },
            { "name": "mode", "type": "choice", "choices": ["fast", "safe"] },
            { "name": "versioned", "type": "boolean" },
            { "name": "tags", "type": "list" },
            { "name": "future", "type": "something-new" },
        ]));
        let schema: ConfigSchema = schema.unwrap();
        AskedFlavor { full_name: "artifact-store/x".to_owned(), schema, is_new: true }
    }

    fn parse(words: &[&str]) -> Result<Vec<(String, String)>, clap::Error> {
        let flavor = flavor();
        let command = <Register as clap::CommandFactory>::command().color(ColorChoice::Never);
        let matches =
            added(command, &flavor).try_get_matches_from(["register"].iter().chain(words))?;
        let register = <Register as clap::FromArgMatches>::from_arg_matches(&matches)?;
        let settings = register.set.settings(&matches, &flavor.schema);
        Ok(settings.into_iter().map(|setting| (setting.field, setting.text)).collect())
    }

    fn given(words: &[&str], expected: &[(&str, &str)]) {
        let found = parse(words).unwrap();
        let found: Vec<_> = found.iter().map(|(f, t)| (f.as_str(), t.as_str())).collect();
        assert_eq!(found, expected, "{words:?}");
    }

    #[test]
    fn fields_are_options_whichever_way_they_are_spelled() {
        given(&["--max-size", "-3"], &[("max_size", "-3")]);
        given(&["--max_size=3"], &[("max_size", "3")]);
        given(&["--versioned"], &[("versioned", "true")]);
        given(&["--versioned=false"], &[("versioned", "false")]);
        given(&["--tags=a", "--tags", "b,c"], &[("tags", "a"), ("tags", "b,c")]);
        given(&["--future=?"], &[("future", "?")]);
    }

    #[test]
    fn every_field_can_be_set_whatever_it_is_called() {
        given(&["--set", "output=x=y"], &[("output", "x=y")]);
        given(&["--set", "--odd one=1", "--set=help="], &[("--odd one", "1"), ("help", "")]);
        assert!(parse(&["--set", "nothing"]).is_err());
    }

    #[test]
    fn the_help_says_what_each_field_wants() {
        let help = parse(&["--help"]).unwrap_err().to_string();
        for part in [
            "Configuration of artifact-store/x:",
            "--bucket <TEXT>",
            "Where. [required]",
            "[default: 5]",
            "--token <{env.VARIABLE}>",
            "[possible values: fast, safe]",
            "--versioned[=<true|false>]",
            "These fields of artifact-store/x are called like other options",
            "  output  Called like ours.",
        ] {
            assert!(help.contains(part), "{part} is not in:\n{help}");
        }
    }
}
