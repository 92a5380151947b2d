//! Answers of a WebDAV server that are no success, as the errors of the library, so that one place explains both.

use opendal::ErrorKind as Fault;
use reqwest::{Response, StatusCode};

/// An answer that says no.
pub(crate) async fn refusal(response: Response) -> opendal::Error {
    let status = response.status();
    let kind = match status {
        StatusCode::NOT_FOUND => Fault::NotFound,
        StatusCode::FORBIDDEN => Fault::PermissionDenied,
        StatusCode::PRECONDITION_FAILED => Fault::ConditionNotMatch,
        StatusCode::TOO_MANY_REQUESTS => Fault::RateLimited,
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Fault::Unsupported,
        _ => Fault::Unexpected,
    };
    let body = response.text().await.unwrap_or_default();
    opendal::Error::new(kind, body).with_context("status", status.as_u16())
}

/// No answer.
pub(crate) fn broken(error: reqwest::Error) -> opendal::Error {
    opendal::Error::new(Fault::Unexpected, "send http request").set_source(error.without_url())
}
