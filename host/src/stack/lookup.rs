//! Finds what a person means: by name, by id, or by the start of an id.

use super::{Component, Stack};
use crate::nearest::{listed, nearest};

/// The shortest start of an id that is taken for one: shorter ones are names that were mistyped.
const SHORTEST_PREFIX: usize = 4;

/// Something with a name and an id.
pub trait Named {
    /// The name.
    fn name(&self) -> &str;
    /// The id.
    fn id(&self) -> &str;
}

impl Named for Component {
    fn name(&self) -> &str {
        &self.name
    }
    fn id(&self) -> &str {
        &self.id
    }
}

impl Named for Stack {
    fn name(&self) -> &str {
        &self.name
    }
    fn id(&self) -> &str {
        &self.id
    }
}

/// Something that may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
}

/// Why nothing was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is no such thing.
    #[error("there is no {what} `{text}`")]
    Unknown {
        /// What was looked for: `stack`, `artifact-store`.
        what: String,
        /// What was given.
        text: String,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// The names that there are, the first few.
        known: Option<String>,
    },
    /// Several ids start so.
    #[error("`{text}` is the start of several ids")]
    Ambiguous {
        /// What was looked for.
        what: String,
        /// What was given.
        text: String,
        /// Those whose ids start so.
        candidates: Vec<Candidate>,
    },
}

/// The one of `all` that `text` means: the one of that name, else the one of that id, else the only one whose id starts so.
///
/// # Errors
/// [`LookupError`]; `what` is what it calls the things.
pub fn find<'a, T: Named>(what: &str, all: &'a [T], text: &str) -> Result<&'a T, LookupError> {
    let exact = |thing: &&T| thing.name() == text || thing.id() == text;
    if let Some(found) = all.iter().find(exact) {
        return Ok(found);
    }
    let matching: Vec<&T> = match text.len() {
        SHORTEST_PREFIX.. => all.iter().filter(|thing| thing.id().starts_with(text)).collect(),
        _ => Vec::new(),
    };
    match matching.as_slice() {
        [one] => Ok(one),
        [] => Err(LookupError::Unknown {
            what: what.to_owned(),
            text: text.to_owned(),
            nearest: nearest(text, all.iter().map(T::name)).map(str::to_owned),
            known: listed(all.iter().map(T::name)),
        }),
        several => Err(LookupError::Ambiguous {
            what: what.to_owned(),
            text: text.to_owned(),
            candidates: several
                .iter()
                .map(|thing| Candidate { name: thing.name().to_owned(), id: thing.id().to_owned() })
                .collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(&'static str, &'static str);

    impl Named for Thing {
        fn name(&self) -> &str {
            self.0
        }
        fn id(&self) -> &str {
            self.1
        }
    }

    const ALL: &[Thing] =
        &[Thing("default", "aaaa1111"), Thing("prod", "aaaa2222"), Thing("aaaa1", "bbbb3333")];

    fn found(text: &str) -> Result<&'static str, LookupError> {
        find("stack", ALL, text).map(|thing| thing.0)
    }

    #[test]
    fn a_name_comes_before_an_id_and_an_id_before_its_start() {
        assert_eq!(found("prod"), Ok("prod"));
        assert_eq!(found("aaaa2222"), Ok("prod"));
        assert_eq!(found("aaaa2"), Ok("prod"));
        assert_eq!(found("aaaa1"), Ok("aaaa1"), "a name that looks like the start of an id");
    }

    #[test]
    fn what_is_not_there_comes_with_candidates() {
        let error = found("prof").unwrap_err();
        assert_eq!(error.to_string(), "there is no stack `prof`");
        let LookupError::Unknown { nearest, known, .. } = error else { panic!("{error:?}") };
        assert_eq!(nearest.as_deref(), Some("prod"));
        assert_eq!(known.as_deref(), Some("default, prod, aaaa1"));
        assert!(matches!(found("aaa"), Err(LookupError::Unknown { .. })), "too short for an id");
        let error = found("aaaa").unwrap_err();
        assert_eq!(error.to_string(), "`aaaa` is the start of several ids");
        assert!(
            matches!(error, LookupError::Ambiguous { candidates, .. } if candidates.len() == 2)
        );
    }
}
