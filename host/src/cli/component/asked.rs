//! What a command line asks for, read before it is parsed: the options of `register` and `update` come from the flavor.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use sundae_plugin_api::{ComponentKind, ConfigSchema};

use super::config::{installed, no_such_field};
use crate::cli::Failure;
use crate::cli::context::Context;
use crate::cli::globals::Globals;
use crate::nearest::suggestion;
use crate::plugin::Catalog;
use crate::plugin::probe::NoLog;
use crate::stack::find;

/// A command line that is about a kind.
#[derive(Debug)]
pub(in crate::cli) struct Asked {
    /// The kind.
    pub kind: ComponentKind,
    /// What is to be done; empty if it is not said.
    pub verb: String,
    /// What `--flavor` says.
    flavor_name: Option<String>,
    /// Words that may be the component's name, the likeliest first.
    names: Vec<String>,
    plugin_dir: Vec<PathBuf>,
    flavor: Option<AskedFlavor>,
}

/// The flavor that a command line is about.
#[derive(Debug)]
pub(super) struct AskedFlavor {
    /// Its full name.
    pub full_name: String,
    /// How it is configured.
    pub schema: ConfigSchema,
    /// Whether the command makes a new component, which lacks what is not given.
    pub is_new: bool,
}

/// Our own options that take a value.
const WITH_VALUE: [&str; 5] = ["--output", "--plugin-dir", "--flavor", "-f", "--set"];

impl Asked {
    /// What the words ask for; `None` if they are not about a kind.
    #[must_use]
    pub(in crate::cli) fn of(words: &[OsString]) -> Option<Self> {
        let mut asked = Self::read(words)?;
        asked.flavor = match asked.verb.as_str() {
            "register" => asked.named_flavor(),
            "update" => asked.flavor_of_component(),
            _ => None,
        };
        Some(asked)
    }

    /// As [`Self::of`], without looking anything up.
    fn read(words: &[OsString]) -> Option<Self> {
        let (mut kind, mut verb) = (None, None);
        let (mut flavor_name, mut plugin_dir) = (None, Vec::new());
        let (mut names, mut unlikely_names) = (Vec::new(), Vec::new());
        // An option whose value may be the next word.
        let mut open = None;
        for word in words.iter().skip(1) {
            let word = word.to_string_lossy().into_owned();
            let before: Option<String> = open.take();
            let (option, value) = match (before, word.strip_prefix('-')) {
                (Some(option), _) if WITH_VALUE.contains(&&*option) => (option, Some(word)),
                (_, Some(_)) => match word.split_once('=') {
                    Some((option, value)) => (option.to_owned(), Some(value.to_owned())),
                    None => (word, None),
                },
                (_, None) if kind.is_none() => {
                    kind = Some(word.parse().ok()?);
                    continue;
                }
                (_, None) if verb.is_none() => {
                    verb = Some(word);
                    continue;
                }
                (None, None) => {
                    names.push(word);
                    continue;
                }
                (Some(_), None) => {
                    unlikely_names.push(word);
                    continue;
                }
            };
            match (&*option, value) {
                ("--flavor" | "-f", Some(value)) => flavor_name = Some(value),
                ("--plugin-dir", Some(value)) => plugin_dir.push(PathBuf::from(value)),
                (_, Some(_)) => {}
                (_, None) => open = Some(option),
            }
        }
        names.append(&mut unlikely_names);
        let verb = verb.unwrap_or_default();
        Some(Self { kind: kind?, verb, flavor_name, names, plugin_dir, flavor: None })
    }

    /// The flavor whose options the command takes, if it is known.
    pub(super) fn flavor(&self) -> Option<&AskedFlavor> {
        self.flavor.as_ref()
    }

    /// The command's context, as far as it matters here.
    fn context(&self) -> Option<Context> {
        Context::new(Globals { plugin_dir: self.plugin_dir.clone(), ..Globals::default() }).ok()
    }

    fn named_flavor(&self) -> Option<AskedFlavor> {
        let name = self.flavor_name.as_ref()?;
        let name = name.rsplit('/').next().unwrap_or(name);
        let catalog = Catalog::read(&self.context()?.places().ok()?, &NoLog);
        let flavor = catalog.flavor(self.kind.as_str(), name)?;
        let full_name = flavor.identity.full_name();
        Some(AskedFlavor { full_name, schema: flavor.schema().clone(), is_new: true })
    }

    fn flavor_of_component(&self) -> Option<AskedFlavor> {
        let context = self.context()?;
        // Asking for help is no reason to make a database.
        let components = context.home.database().exists().then(|| context.components(self.kind));
        let components = components?.ok()?;
        let found = |name: &String| find(self.kind.as_str(), &components, name).ok();
        let component = self.names.iter().find_map(found)?;
        let catalog = Catalog::read(&context.places().ok()?, &NoLog);
        let flavor = catalog.flavor_of(&component.plugin, self.kind.as_str(), &component.flavor)?;
        let full_name = flavor.identity.full_name();
        Some(AskedFlavor { full_name, schema: flavor.schema().clone(), is_new: false })
    }

    /// What is wrong with an option that no parser knew, in words that know of flavors; `None` if there is no more to say.
    #[must_use]
    pub(in crate::cli) fn explain(&self, error: &clap::Error) -> Option<Failure> {
        if error.kind() != ErrorKind::UnknownArgument
            || !matches!(self.verb.as_str(), "register" | "update")
        {
            return None;
        }
        let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
            return None;
        };
        let field = option.strip_prefix("--")?.split('=').next()?;
        if let Some(flavor) = &self.flavor {
            return Some(flavor.has_no(field));
        }
        let context = self.context()?;
        match (self.verb.as_str(), &self.flavor_name) {
            ("register", Some(name)) => installed(&context, self.kind, name).err(),
            ("register", None) => Some(
                Failure::usage(format!("`--{field}` is an option of a flavor, and none is named"))
                    .hint(format!(
                        "name one with --flavor; `sundae {} flavor --list` shows those there are",
                        self.kind
                    )),
            ),
            _ => {
                let name = self.names.first()?;
                context.component(self.kind, name).err()
            }
        }
    }
}

impl AskedFlavor {
    fn has_no(&self, field: &str) -> Failure {
        let names = self.schema.fields.iter().map(|field| field.name.as_str());
        let message = no_such_field(&self.full_name, field);
        let none = || "it has none at all".to_owned();
        Failure::usage(message).hint(suggestion(field, "fields", names).unwrap_or_else(none))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Asked> {
        let words: Vec<_> = shlex::split(line).unwrap().into_iter().map(OsString::from).collect();
        Asked::read(&words)
    }

    #[test]
    fn kind_verb_flavor_and_name_are_found_in_any_order() {
        for line in [
            "sundae artifact-store register mine --flavor=local --path /x",
            "sundae artifact-store register mine --flavor local --path=/x",
            "sundae --output json --plugin-dir p artifact-store register -f local mine --path /x",
            "sundae -q artifact_store register --path /x mine -f local --plugin-dir=p",
            "sundae --verbose artifact-store register --flavor local --path /x mine",
        ] {
            let asked = read(line).unwrap();
            assert_eq!(asked.kind, ComponentKind::ArtifactStore, "{line}");
            assert_eq!(asked.verb, "register", "{line}");
            assert_eq!(asked.flavor_name.as_deref(), Some("local"), "{line}");
            assert!(asked.names.contains(&"mine".to_owned()), "{line}: {:?}", asked.names);
        }
    }

    #[test]
    fn what_follows_an_option_is_the_less_likely_name() {
        let asked = read("sundae artifact-store update --path /x mine").unwrap();
        assert_eq!(asked.names, ["mine", "/x"]);
        let asked = read("sundae artifact-store update --versioned mine").unwrap();
        assert_eq!(asked.names, ["mine"]);
    }

    #[test]
    fn other_command_lines_are_left_alone() {
        for line in [
            "sundae",
            "sundae --output json flavor list",
            "sundae stack register orchestrator -o orchestrator",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
        assert_eq!(read("sundae orchestrator").unwrap().verb, "");
    }
}
