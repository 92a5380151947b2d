//! One rule that a flavor must keep.

use serde_json::Map;
use sundae_plugin_api::{Config, ConfigProblem, ConfigSchema};

/// A rule, as a test. `S` is what is tested.
#[derive(Debug)]
pub struct Case<S: 'static> {
    /// The rule, with `_` between the words.
    pub name: &'static str,
    run: fn(&S),
}

impl<S> Case<S> {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, run: fn(&S)) -> Self {
        Self { name, run }
    }

    /// Tests the rule.
    ///
    /// # Panics
    /// If it is broken; the message says how.
    pub fn run(&self, subject: &S) {
        (self.run)(subject);
    }
}

/// The case of that name.
pub(crate) fn case<S>(cases: &'static [Case<S>], name: &str) -> &'static Case<S> {
    cases.iter().find(|case| case.name == name).expect("the macros name the cases that there are")
}

/// A configuration that people can read about, and whose defaults can be used.
pub(crate) fn check_schema<C: Config>() {
    let schema: ConfigSchema =
        serde_json::from_str(C::SCHEMA).expect("the schema must be readable");
    for field in &schema.fields {
        let name = &field.name;
        assert!(
            !field.help.is_empty(),
            "the field `{name}` needs a doc comment, which becomes its help"
        );
        let Some(default) = &field.default else { continue };
        let given = Map::from_iter([(name.clone(), default.clone())]);
        let problems = schema.check(&given).err().unwrap_or_default();
        let of_default =
            problems.iter().find(|problem| matches!(problem, ConfigProblem::WrongType { .. }));
        assert!(
            of_default.is_none(),
            "its default does not fit: {}",
            of_default.expect("there is one")
        );
    }
}
