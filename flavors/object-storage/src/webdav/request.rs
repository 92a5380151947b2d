//! Requests that change something: OpenDAL holds what it puts in memory as a whole, and replaces whatever it moves onto.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use reqwest::{Body, Client, Method, RequestBuilder, Response, StatusCode, Url};
use sundae_plugin_api::{Error, Host, Secret};
use tokio::time::sleep;

use crate::fault::explain;
use crate::place::{Place, trimmed};
use crate::transport::{Pauses, is_worth_another};
use crate::webdav::WebdavConfig;
use crate::webdav::fault::{broken, refusal};

/// The slowest transfer that is waited for, in bytes per second.
const SLOWEST: u64 = 64 << 10;

/// Makes requests to one server.
pub(crate) struct Requests {
    client: Client,
    root: Url,
    user: Option<(String, Option<Secret>)>,
    token: Option<Secret>,
    attempts: NonZeroU32,
    patience: Duration,
    place: Place,
    host: Host,
}

/// What a new file is made of.
#[derive(Clone, Copy)]
pub(crate) enum Content<'a> {
    Bytes(&'a [u8]),
    File(&'a Path),
}

impl Requests {
    pub(crate) fn new(
        client: Client,
        endpoint: &Url,
        config: WebdavConfig,
        place: Place,
        host: Host,
    ) -> Self {
        let root = below(endpoint, trimmed(config.folder.as_deref()));
        Self {
            client,
            root,
            user: config.username.map(|user| (user, config.password)),
            token: config.token,
            attempts: config.attempts,
            patience: Duration::from_secs(config.timeout_seconds.get().into()),
            place,
            host,
        }
    }

    /// The address of what is below the folder of the store.
    pub(crate) fn url(&self, path: &str) -> Url {
        below(&self.root, path)
    }

    /// A request with credentials and a time limit.
    pub(crate) fn request(&self, method: &'static str, path: &str) -> RequestBuilder {
        self.request_to(method, self.url(path))
    }

    fn request_to(&self, method: &'static str, url: Url) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        let request = self.client.request(method, url).timeout(self.patience);
        match (&self.user, &self.token) {
            (Some((user, password)), _) => {
                request.basic_auth(user, password.as_ref().map(Secret::reveal))
            }
            (None, Some(token)) => request.bearer_auth(token.reveal()),
            (None, None) => request,
        }
    }

    /// The answer to a request, which is made again if the server is busy or the connection breaks; and whether it was.
    pub(crate) async fn send(
        &self,
        make: impl AsyncFn() -> Result<RequestBuilder, Error>,
        failed: impl Fn(&opendal::Error) -> Error,
    ) -> Result<(Response, bool), Error> {
        let mut pauses = Pauses::between(self.attempts);
        let mut was_repeated = false;
        loop {
            let answer = make().await?.send().await;
            let pause = match &answer {
                Ok(answer) if !is_worth_another(answer.status()) => None,
                _ => pauses.next(None),
            };
            let Some(pause) = pause else {
                let answer = answer.map_err(|error| failed(&broken(error)))?;
                return Ok((answer, was_repeated));
            };
            self.host.debug(format!("a request failed, again in {} ms", pause.as_millis()));
            was_repeated = true;
            sleep(pause).await;
        }
    }

    /// Writes a file, with the folders above it.
    pub(crate) async fn put(
        &self,
        key: &str,
        path: &str,
        content: Content<'_>,
    ) -> Result<(), Error> {
        let failed = |error: &opendal::Error| explain(&self.place, "write", key, error);
        let make = async || self.put_request(path, content).await;
        let (mut answer, _) = self.send(make, failed).await?;
        // The folder is missing; some servers say so by 404.
        if matches!(answer.status(), StatusCode::CONFLICT | StatusCode::NOT_FOUND) {
            self.make_folders_of(key, path).await?;
            (answer, _) = self.send(make, failed).await?;
        }
        if answer.status().is_success() { Ok(()) } else { Err(failed(&refusal(answer).await)) }
    }

    async fn put_request(&self, path: &str, content: Content<'_>) -> Result<RequestBuilder, Error> {
        let request = self.request("PUT", path);
        match content {
            Content::Bytes(bytes) => Ok(request.body(bytes.to_vec())),
            Content::File(file) => {
                let reading = |error: std::io::Error| Error::io("read", file, &error);
                let opened = tokio::fs::File::open(file).await.map_err(reading)?;
                let size = opened.metadata().await.map_err(reading)?.len();
                let patience = self.patience + Duration::from_secs(size / SLOWEST);
                let request = request.timeout(patience).header("content-length", size);
                Ok(request.body(Body::from(opened)))
            }
        }
    }

    /// Makes the folders above a path, from the address of the server on.
    pub(crate) async fn make_folders_of(&self, key: &str, path: &str) -> Result<(), Error> {
        let failed = |error: &opendal::Error| explain(&self.place, "write", key, error);
        let whole = self.url(path);
        let segments: Vec<&str> = whole.path_segments().into_iter().flatten().collect();
        let mut missing = Vec::new();
        // From the lowest up, until one can be made or is there.
        for length in (1..segments.len()).rev() {
            let mut folder = whole.clone();
            folder.set_path(&format!("{}/", segments[..length].join("/")));
            match self.make_folder(&folder, failed).await? {
                true => break,
                false => missing.push(folder),
            }
        }
        for folder in missing.into_iter().rev() {
            if !self.make_folder(&folder, failed).await? {
                let message = format!("cannot make the folder {} on the server", folder.path());
                return Err(Error::other(message));
            }
        }
        Ok(())
    }

    /// Makes one folder; `false` if the one above it is missing.
    async fn make_folder(
        &self,
        folder: &Url,
        failed: impl Fn(&opendal::Error) -> Error,
    ) -> Result<bool, Error> {
        let make = async || Ok(self.request_to("MKCOL", folder.clone()));
        let (answer, _) = self.send(make, &failed).await?;
        match answer.status() {
            status if status.is_success() => Ok(true),
            // It is there.
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::MOVED_PERMANENTLY => Ok(true),
            StatusCode::CONFLICT | StatusCode::NOT_FOUND => Ok(false),
            _ => Err(failed(&refusal(answer).await)),
        }
    }

    /// Removes a file, if it is there.
    pub(crate) async fn delete(&self, key: &str, path: &str) -> Result<(), Error> {
        let failed = |error: &opendal::Error| explain(&self.place, "delete", key, error);
        let (answer, _) = self.send(async || Ok(self.request("DELETE", path)), failed).await?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            _ => Err(failed(&refusal(answer).await)),
        }
    }
}

/// The address of `path` below `url`.
fn below(url: &Url, path: &str) -> Url {
    let mut url = url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/').filter(|segment| !segment.is_empty()));
    }
    url
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    #[test]
    fn an_address_is_made_of_whole_names() {
        for (root, path, address) in [
            ("http://host", "a/b", "http://host/a/b"),
            ("http://host/dav/", "a", "http://host/dav/a"),
            ("http://host/dav", "", "http://host/dav"),
            ("http://host", "my files/ä/?#", "http://host/my%20files/%C3%A4/%3F%23"),
        ] {
            assert_eq!(super::below(&Url::parse(root).unwrap(), path).as_str(), address);
        }
    }
}
