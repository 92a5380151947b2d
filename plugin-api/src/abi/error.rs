//! The crossing of `Error`.

use abi_stable::StableAbi;
use abi_stable::std_types::{RResult, RString, RVec, Tuple2};

use crate::{Error, ErrorKind};

/// An [`Error`] on its way. The kind crosses by name, so that a kind which one side does not know becomes `other`.
#[repr(C)]
#[derive(StableAbi)]
pub struct CrossedError {
    kind: RString,
    message: RString,
    context: RVec<Tuple2<RString, RString>>,
    retryable: bool,
}

impl From<Error> for CrossedError {
    fn from(error: Error) -> Self {
        let context =
            error.context().iter().map(|(k, v)| Tuple2(k.as_str().into(), v.as_str().into()));
        Self {
            kind: error.kind().as_str().into(),
            message: error.message().into(),
            context: context.collect(),
            retryable: error.is_retryable(),
        }
    }
}

impl From<CrossedError> for Error {
    fn from(crossed: CrossedError) -> Self {
        let mut error = Self::new(ErrorKind::from_name(&crossed.kind), crossed.message);
        for Tuple2(name, value) in crossed.context {
            error = error.with(name, value);
        }
        if crossed.retryable { error.retryable() } else { error }
    }
}

/// The result of a crossing, in plain Rust.
pub(super) fn received<T>(result: RResult<T, CrossedError>) -> Result<T, Error> {
    result.into_result().map_err(Error::from)
}

/// A record that crosses as JSON: fields can be added to it, and the other side does not mind.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> Result<RString, Error> {
    serde_json::to_string(value)
        .map(RString::from)
        .map_err(|error| Error::other(format!("cannot be written as JSON: {error}")))
}

/// The reverse of [`to_json`].
pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::other(format!("the other side sent unreadable JSON: {error}")))
}
