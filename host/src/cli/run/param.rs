//! `-p KEY=VALUE`

use std::str::FromStr;

/// Another value for a param of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Param {
    key: String,
    /// As it was typed; what it means depends on the param.
    value: String,
}

impl Param {
    /// Key and value.
    pub(super) fn pair(&self) -> (String, String) {
        (self.key.clone(), self.value.clone())
    }
}

impl FromStr for Param {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Ok(Self { key: key.trim().to_owned(), value: value.to_owned() })
            }
            _ => Err("it must be KEY=VALUE, such as `test_size=0.3`".to_owned()),
        }
    }
}
