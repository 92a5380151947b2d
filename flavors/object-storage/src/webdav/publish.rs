//! Making a file visible in one step: it is written beside its place under a name that no key has, and then moved.

use std::time::Duration;

use opendal::Metadata;
use reqwest::StatusCode;
use sundae_plugin_api::artifact_store::Existing;
use sundae_plugin_api::{Error, ErrorKind, Key};

use crate::fault::{explain, taken};
use crate::tree::parted;
use crate::unique::unique;
use crate::webdav::Webdav;
use crate::webdav::fault::refusal;
use crate::webdav::request::Content;

impl Webdav {
    /// Writes an object.
    pub(crate) async fn publish(
        &self,
        key: &Key,
        content: Content<'_>,
        existing: Existing,
    ) -> Result<(), Error> {
        let staged = format!("{}{}", start_of_staged(key), unique());
        let put = self.requests.put(key.as_str(), &staged, content).await;
        let published = match (put, existing) {
            (Err(error), _) => Err(error),
            (Ok(()), Existing::Replace) => self.shift(key, &staged, "T").await,
            (Ok(()), Existing::Refuse) => {
                let lock = self.lock(key.as_str()).await?;
                let shifted = match self.remote.metadata(key).await {
                    Ok(None) => self.shift(key, &staged, "F").await,
                    Ok(Some(_)) => Err(taken(&self.remote.place, key.as_str())),
                    Err(error) => Err(error),
                };
                if let Some(lock) = lock {
                    self.unlock(lock).await;
                }
                shifted
            }
        };
        if published.is_err() {
            drop(self.requests.delete(key.as_str(), &staged).await);
        }
        published
    }

    /// Moves what was staged to its place.
    async fn shift(&self, key: &Key, staged: &str, overwrite: &'static str) -> Result<(), Error> {
        let failed =
            |error: &opendal::Error| explain(&self.remote.place, "write", key.as_str(), error);
        let destination = self.requests.url(key.as_str());
        let make = async || {
            let request = self.requests.request("MOVE", staged);
            Ok(request.header("destination", destination.as_str()).header("overwrite", overwrite))
        };
        let (answer, was_repeated) = self.requests.send(make, failed).await?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            // The answer to an earlier one was lost, and it had done it.
            StatusCode::NOT_FOUND if was_repeated && self.remote.metadata(key).await?.is_some() => {
                Ok(())
            }
            StatusCode::PRECONDITION_FAILED => Err(taken(&self.remote.place, key.as_str())),
            _ => {
                let error = failed(&refusal(answer).await);
                // The file that has just been written is no missing object.
                Err(if error.kind() == ErrorKind::NotFound {
                    Error::other(error.message())
                } else {
                    error
                })
            }
        }
    }

    /// What the server knows of an object; `None` if there is none.
    ///
    /// Common servers replace a file by removing it first and then moving the other one there. So before an object is
    /// missing, it is looked whether one is about to come.
    pub(crate) async fn look(&self, key: &Key) -> Result<Option<Metadata>, Error> {
        // As long as a busy server may take; what was left by somebody who died is waited for once each time.
        for pause in [5, 10, 20, 40, 80, 160, 320] {
            if let Some(metadata) = self.remote.metadata(key).await? {
                return Ok(Some(metadata));
            }
            if !self.is_coming(key).await? {
                // It may have come in between.
                return self.remote.metadata(key).await;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        self.remote.metadata(key).await
    }

    /// Whether something is staged for the key.
    async fn is_coming(&self, key: &Key) -> Result<bool, Error> {
        let (folder, _) = parted(key);
        let start = start_of_staged(key);
        let names = self.names(folder).await?;
        Ok(names.iter().any(|(name, _)| name.starts_with(&start)))
    }
}

/// How the names of staged files start: beside the object, so that moving them is renaming.
fn start_of_staged(key: &Key) -> String {
    let (folder, name) = parted(key);
    format!("{folder}.{name}~new-")
}

/// The key for which a file of that path is staged, if it is one.
pub(crate) fn key_of_staged(path: &str) -> Option<Key> {
    let name = path.rfind('/').map_or(0, |end| end + 1);
    let (of_key, _) = path[name..].strip_prefix('.')?.split_once("~new-")?;
    Key::new(format!("{}{of_key}", &path[..name])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_staged_tells_for_which_key() {
        for text in ["a", "a/b", "a/b.c-d/e_f"] {
            let key = Key::new(text).unwrap();
            let staged = format!("{}{}", start_of_staged(&key), unique());
            assert_eq!(key_of_staged(&staged), Some(key));
            assert!(Key::new(staged).is_err(), "it could be an object");
        }
        for path in ["a", "a/.b~claim", "a/.b", "a/~new-x"] {
            assert_eq!(key_of_staged(path), None, "{path}");
        }
    }
}
