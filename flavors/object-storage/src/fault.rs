//! What the library reports, as errors that say what happened where and what to change.

use opendal::ErrorKind as Fault;
use sundae_plugin_api::{Error, ErrorKind, Key};

use crate::place::Place;

/// Turns an error of the library into one of ours. `doing` is a verb: `read`, `write`, `list`.
pub(crate) fn explain(place: &Place, doing: &str, key: &str, error: &opendal::Error) -> Error {
    let code = code(error);
    let status = status(error);
    let at = place.text();
    let said = said(error);
    let what = if key.is_empty() { doing.to_owned() } else { format!("{doing} {key}") };
    let failed = |kind, why: String| Error::new(kind, format!("cannot {what} in {at}: {why}"));

    match code.as_str() {
        "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted" => {
            return missing_holder(place);
        }
        "InvalidBucketName" | "InvalidResourceName" => {
            let (holder, field) = (place.holder, place.field);
            let why =
                format!("`{}` cannot be the name of a {holder}: correct `{field}`", place.name);
            return Error::new(ErrorKind::InvalidConfig, why);
        }
        "RequestTimeTooSkewed" => {
            let why = "the clock of this machine differs too much from the service's: set it right";
            return failed(ErrorKind::PermissionDenied, why.to_owned());
        }
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => {
            let why =
                format!("the {} is in another region: correct `region` ({said})", place.holder);
            return failed(ErrorKind::InvalidConfig, why);
        }
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "AuthenticationFailed"
        | "AuthorizationFailure"
        | "InvalidAuthenticationInfo"
        | "TokenRefreshRequired" => {
            let why = format!("the credentials are refused ({said}): {}", place.credentials);
            return failed(ErrorKind::PermissionDenied, why);
        }
        "QuotaExceeded" | "EntityTooLarge" | "ServiceQuotaExceededException" => {
            return failed(ErrorKind::OutOfSpace, said);
        }
        _ => {}
    }
    if status == Some(507) || said.contains("no space left") || said.contains("No space left") {
        return failed(ErrorKind::OutOfSpace, "the service has no room left".to_owned());
    }
    if status == Some(401) {
        let why = format!("the credentials are refused ({said}): {}", place.credentials);
        return failed(ErrorKind::PermissionDenied, why);
    }
    match error.kind() {
        Fault::NotFound => missing(place, key),
        Fault::PermissionDenied if lacks_credentials(error) => {
            let why = format!("no credentials were found: {}", place.credentials);
            failed(ErrorKind::PermissionDenied, why)
        }
        // The answer to a question without a body has no body, and says no more than that.
        Fault::PermissionDenied if code.is_empty() => {
            let why = format!(
                "access is denied ({said}): the credentials are wrong or revoked, or lack a permission: {}; {}",
                place.credentials, place.permissions
            );
            failed(ErrorKind::PermissionDenied, why)
        }
        Fault::PermissionDenied => {
            let why = format!("permission is denied ({said}): {}", place.permissions);
            failed(ErrorKind::PermissionDenied, why)
        }
        Fault::ConfigInvalid => failed(ErrorKind::InvalidConfig, said),
        Fault::AlreadyExists | Fault::ConditionNotMatch => taken(place, key),
        Fault::RateLimited => {
            failed(ErrorKind::Unavailable, format!("it asks for fewer requests ({said})"))
                .retryable()
        }
        Fault::Unsupported => failed(ErrorKind::Unsupported, said),
        _ if is_timeout(error) => {
            let why =
                format!("no answer in time ({said}): raise `timeout_seconds` for a slow network");
            failed(ErrorKind::Timeout, why).retryable()
        }
        _ if lacks_credentials(error) => {
            let why = format!("no credentials were found ({said}): {}", place.credentials);
            failed(ErrorKind::PermissionDenied, why)
        }
        _ if is_unreachable(error) => {
            let why = format!("cannot reach {}: {said}; is `endpoint` right?", place.endpoint);
            Error::new(ErrorKind::Unavailable, why).retryable()
        }
        _ if status.is_some_and(|status| status >= 500) || broke_off(error) => {
            failed(ErrorKind::Unavailable, said).retryable()
        }
        _ => failed(ErrorKind::Other, said),
    }
}

/// There is no such object.
pub(crate) fn missing(place: &Place, key: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no object {key} in {}", place.text()))
}

/// There is an object already.
pub(crate) fn taken(place: &Place, key: &str) -> Error {
    let message = format!("there is an object {key} in {} already", place.text());
    Error::new(ErrorKind::AlreadyExists, message)
}

/// The bucket is not there: a fault of the configuration, and not an object that is missing.
pub(crate) fn missing_holder(place: &Place) -> Error {
    let Place { holder, name, field, endpoint, .. } = place;
    let message = format!(
        "there is no {holder} `{name}` at {endpoint}: make it, or correct `{field}` or `endpoint`"
    );
    Error::new(ErrorKind::InvalidConfig, message)
}

/// The host wants to stop.
pub(crate) fn cancelled(place: &Place, key: &Key) -> Error {
    let message = format!("stopped while moving {key} from or to {}", place.text());
    Error::new(ErrorKind::Cancelled, message)
}

/// The code by which a service says what happened: `NoSuchBucket`.
fn code(error: &opendal::Error) -> String {
    quoted(error.message(), "code: \"").unwrap_or_default().to_owned()
}

/// What stands behind `start`, to the next quote.
fn quoted<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once('"').map(|(inner, _)| inner)
}

/// The status of the HTTP response, which the library keeps in the context of the error.
pub(crate) fn status(error: &opendal::Error) -> Option<u16> {
    let text = error.to_string();
    let (_, rest) = text.split_once("status: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What the service or the system said, in a line.
fn said(error: &opendal::Error) -> String {
    let message = error.message();
    let mut parts = Vec::new();
    match (quoted(message, "code: \""), quoted(message, "message: \"")) {
        (Some(code), Some(text)) if !text.is_empty() => parts.push(format!("{code}: {text}")),
        (Some(code), _) if !code.is_empty() => parts.push(code.to_owned()),
        (None, Some(text)) if !text.is_empty() => parts.push(text.to_owned()),
        _ => {}
    }
    if parts.is_empty() {
        match status(error) {
            // A page for browsers, or nothing, and the number says more.
            Some(status) if message.trim().is_empty() || message.contains('<') => {
                parts.push(format!("HTTP status {status}"));
            }
            _ => parts.push(message.trim().to_owned()),
        }
    }
    // The cause is the innermost: "connection refused" and not "error sending request".
    if let Some(cause) = causes(error).last() {
        parts.push(cause.clone());
    }
    let line = parts.join(": ").replace(['\n', '\r'], " ");
    line.chars().take(300).collect()
}

/// What the error says of its causes, the outermost first.
fn causes(error: &opendal::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

fn is_timeout(error: &opendal::Error) -> bool {
    let is_slow = |text: &str| text.contains("timed out") || text.contains("timeout");
    is_slow(error.message()) || causes(error).iter().any(|cause| is_slow(cause))
}

fn is_unreachable(error: &opendal::Error) -> bool {
    error.message() == "send http request"
        || error.message() == "ssh error"
        || causes(error).iter().any(|cause| cause.contains("onnection refused"))
}

/// Whether no request was made, since there was nothing to sign it with.
fn lacks_credentials(error: &opendal::Error) -> bool {
    let names_them = |text: &str| text.contains("credential") || text.contains("signing request");
    status(error).is_none()
        && (names_them(error.message()) || causes(error).iter().any(|cause| names_them(cause)))
}

/// Whether there was no answer, and it is the connection that broke.
fn broke_off(error: &opendal::Error) -> bool {
    status(error).is_none() && std::error::Error::source(error).is_some()
}
