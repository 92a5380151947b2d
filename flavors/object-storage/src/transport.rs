//! Making a request again: only here is known that one part of two hundred has failed, and that the service asked to wait.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::stream;
use http::{Request, Response, StatusCode};
use opendal::raw::Operation;
use opendal::{Buffer, Error, ErrorKind, HttpBody, HttpTransport, HttpTransporter, Result};
use opendal_http_transport_reqwest::ReqwestTransport;
use reqwest::Client;
use sundae_plugin_api::Host;
use tokio::time::{sleep, timeout};

/// The longest pause that a service may ask for.
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses that grow, so that a service that is overrun has time to recover.
pub(crate) struct Pauses {
    next: Duration,
    left: u32,
}

impl Pauses {
    /// Pauses between so many attempts.
    pub(crate) fn between(attempts: NonZeroU32) -> Self {
        Self { next: Duration::from_millis(200), left: attempts.get() - 1 }
    }

    /// The pause before the next attempt, at least as long as asked for; `None` if there is no other attempt.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let pause = self.next.max(asked.unwrap_or_default());
        self.next = (self.next * 2).min(Duration::from_secs(10));
        // Clients that were refused together are not to come back together.
        let share = u32::try_from(crate::unique::chance() % 100).unwrap_or(0);
        Some((pause + pause * share / 200).min(LONGEST))
    }
}

/// An HTTP client with patience. Every request of the library may be repeated: it names all that it changes.
pub(crate) struct Patient {
    inner: HttpTransporter,
    attempts: NonZeroU32,
    timeout: Duration,
    host: Host,
}

impl Patient {
    /// `client`, whose requests take at most `timeout` each.
    pub(crate) fn new(client: Client, attempts: NonZeroU32, timeout: Duration, host: Host) -> Self {
        let inner = HttpTransporter::new(ReqwestTransport::new(client));
        Self { inner, attempts, timeout, host }
    }

    /// One attempt. What is short comes as a whole, so that an answer that breaks off is an attempt that has failed.
    async fn attempt(&self, request: Request<Buffer>) -> Result<Response<HttpBody>> {
        let is_read = request.extensions().get::<Operation>() == Some(&Operation::Read);
        let answer = async {
            if is_read {
                return self.inner.fetch(request).await;
            }
            let (parts, body) = self.inner.send(request).await?.into_parts();
            Ok(Response::from_parts(parts, HttpBody::new(stream::iter([Ok(body)]), None)))
        };
        timeout(self.timeout, answer).await.map_err(|_| slow())?
    }
}

impl HttpTransport for Patient {
    async fn fetch(&self, request: Request<Buffer>) -> Result<Response<HttpBody>> {
        let mut pauses = Pauses::between(self.attempts);
        loop {
            let answer = self.attempt(request.clone()).await;
            let (why, asked) = match &answer {
                Ok(answer) if is_worth_another(answer.status()) => {
                    (answer.status().to_string(), pause_asked_for(answer))
                }
                Err(error) if error.is_temporary() => (error.message().to_owned(), None),
                _ => return answer,
            };
            let Some(pause) = pauses.next(asked) else { return answer };
            let method = request.method();
            self.host.debug(format!("{method} failed, again in {} ms: {why}", pause.as_millis()));
            sleep(pause).await;
        }
    }
}

/// Whether the same request may succeed if it is made again.
pub(crate) fn is_worth_another(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::LOCKED
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

fn pause_asked_for<T>(answer: &Response<T>) -> Option<Duration> {
    let seconds = answer.headers().get("retry-after")?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// No answer in time.
pub(crate) fn slow() -> Error {
    Error::new(ErrorKind::Unexpected, "the request timed out").set_temporary()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let mut pauses = Pauses::between(NonZeroU32::new(4).unwrap());
        let all: Vec<_> = std::iter::from_fn(|| pauses.next(None)).collect();
        assert_eq!(all.len(), 3);
        assert!(
            all[0] >= Duration::from_millis(200) && all[0] < Duration::from_millis(300),
            "{all:?}"
        );
        assert!(
            all[2] >= Duration::from_millis(800) && all[2] < Duration::from_millis(1200),
            "{all:?}"
        );
        assert_eq!(Pauses::between(NonZeroU32::MIN).next(None), None);
    }

    #[test]
    fn a_service_may_ask_for_a_pause_but_not_for_any() {
        let mut pauses = Pauses::between(NonZeroU32::new(4).unwrap());
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert!(pauses.next(asked(3)).unwrap() >= Duration::from_secs(3));
        assert_eq!(pauses.next(asked(3600)), Some(LONGEST));
    }
}
