//! Making a file only if there is none: WebDAV has no such request that servers keep to when two are made at once, but locks.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use sundae_plugin_api::{Error, ErrorKind};

use crate::fault::explain;
use crate::webdav::Webdav;
use crate::webdav::fault::refusal;
use crate::webdav::request::Content;

/// How long a lock lasts if its owner dies.
const LIFE: &str = "Second-30";

/// How long to wait for others: longer than their locks last.
const PATIENCE: Duration = Duration::from_secs(60);

const REQUEST: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>"#;

/// A lock that is held.
pub(crate) struct Lock {
    path: String,
    token: String,
}

impl Webdav {
    /// Locks a name that stands for the key; `None` from a server that has no locks.
    pub(crate) async fn lock(&self, key: &str) -> Result<Option<Lock>, Error> {
        let path = &claim(key);
        self.make_claim(key, path).await?;
        let end = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(10);
        loop {
            let request =
                self.requests.request("LOCK", path).header("timeout", LIFE).header("depth", "0");
            let answer =
                request.header("content-type", "application/xml").body(REQUEST).send().await;
            let failed = |error: &opendal::Error| explain(&self.remote.place, "lock", key, error);
            let answer = answer.map_err(|error| failed(&super::fault::broken(error)))?;
            match answer.status() {
                status if status.is_success() => {
                    let token =
                        answer.headers().get("lock-token").and_then(|token| token.to_str().ok());
                    return Ok(
                        token.map(|token| Lock { path: path.to_owned(), token: token.to_owned() })
                    );
                }
                StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => return Ok(None),
                StatusCode::CONFLICT | StatusCode::NOT_FOUND => {
                    self.requests.make_folders_of(key, path).await?;
                }
                // Held by another, or the server has met two at once.
                StatusCode::LOCKED
                | StatusCode::INTERNAL_SERVER_ERROR
                | StatusCode::SERVICE_UNAVAILABLE => {}
                _ => return Err(failed(&refusal(answer).await)),
            }
            if Instant::now() > end {
                let message =
                    format!("cannot write {key}: another process holds the lock of {path}");
                return Err(Error::new(ErrorKind::Unavailable, message).retryable());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    /// Makes the file that is locked, if it is not there.
    async fn make_claim(&self, key: &str, path: &str) -> Result<(), Error> {
        let failed = |error: &opendal::Error| explain(&self.remote.place, "lock", key, error);
        let (answer, _) =
            self.requests.send(async || Ok(self.requests.request("HEAD", path)), failed).await?;
        if answer.status() != StatusCode::NOT_FOUND {
            return Ok(());
        }
        match self.requests.put(key, path, Content::Bytes(b"")).await {
            Ok(()) => Ok(()),
            // Another makes it or holds it: locking will tell.
            Err(error) if error.is_retryable() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Lets go of a lock. If that fails, the server does so in a while.
    pub(crate) async fn unlock(&self, lock: Lock) {
        let unlock = self.requests.request("UNLOCK", &lock.path).header("lock-token", &lock.token);
        drop(unlock.send().await);
    }
}

/// The name that is locked for a key: one of a few, which are made once and stay. Servers stumble over a name that is locked,
/// made and removed by several at once.
fn claim(key: &str) -> String {
    // FNV-1a: the same on all machines.
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!(".claims/{:02x}", hash % 256)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_has_the_same_claim_everywhere() {
        assert_eq!(super::claim("locks/a"), super::claim("locks/a"));
        assert_eq!(super::claim(""), ".claims/25");
    }
}
