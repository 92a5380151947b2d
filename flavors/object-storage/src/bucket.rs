//! Stores without folders: every object has one name, and the service lists them in its order.

use std::marker::PhantomData;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt;
use opendal::{EntryMode, ErrorKind as Fault, Lister};
use sundae_plugin_api::artifact_store::{ArtifactStore, Capabilities, Existing, Object, Source};
use sundae_plugin_api::{Component, Config, Error, Host, Key};

use crate::fault::{missing_holder, taken};
use crate::listing::{Cursors, may_start_a_key};
use crate::probe::probe;
use crate::remote::{Remote, consume, is_absence, object};
use crate::runtime::wait;
use crate::unique::unique;

/// A service that has buckets.
pub trait Service: Send + Sync + 'static {
    /// How a store on it is configured.
    type Config: Config;

    /// The place that a configuration names. Connects to nothing.
    ///
    /// # Errors
    /// [`InvalidConfig`](sundae_plugin_api::ErrorKind::InvalidConfig).
    #[doc(hidden)]
    fn open(config: Self::Config, host: Host) -> Result<Opened, Error>;
}

/// What a [`Service`] makes of its configuration.
#[doc(hidden)]
pub struct Opened(pub(crate) Remote);

/// Keeps artifacts in a bucket of a service.
pub struct Bucket<S> {
    remote: Remote,
    cursors: Cursors<Lister>,
    /// Whether the bucket has been seen: an answer "not found" does not say what it is that was not found.
    is_known: AtomicBool,
    service: PhantomData<S>,
}

impl<S: Service> Component for Bucket<S> {
    type Config = S::Config;

    fn open(config: S::Config, host: Host) -> Result<Self, Error> {
        let Opened(remote) = S::open(config, host)?;
        let is_known = AtomicBool::new(false);
        Ok(Self { remote, cursors: Cursors::default(), is_known, service: PhantomData })
    }
}

impl<S: Service> Bucket<S> {
    /// Makes sure that it is the object that is missing, and not the bucket.
    async fn prove_bucket(&self) -> Result<(), Error> {
        if self.is_known.load(Ordering::Relaxed) {
            return Ok(());
        }
        let lister = self.remote.operator.lister_with("").recursive(true).limit(1).await;
        let found = match lister {
            Ok(mut lister) => lister.try_next().await.map(drop),
            Err(error) => Err(error),
        };
        match found {
            Ok(()) => {}
            Err(error) if error.kind() == Fault::NotFound => {
                return Err(missing_holder(&self.remote.place));
            }
            Err(error) => return Err(self.remote.failed("list", "", &error)),
        }
        self.is_known.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Writes where nothing may stand. The object is marked, so that an answer that was lost on the way, and a request that
    /// was therefore repeated, is not taken for somebody else's object.
    async fn create(&self, key: &Key, bytes: &[u8]) -> Result<(), Error> {
        let mark = unique();
        let mut conflicts = 0;
        let error = loop {
            let written = self
                .remote
                .operator
                .write_with(key.as_str(), bytes.to_vec())
                .if_not_exists(true)
                .user_metadata([(MARK.to_owned(), mark.clone())])
                .await;
            match written {
                Ok(_) => return Ok(()),
                // Two requests have met, and the service wants to be asked again.
                Err(error) if error.kind() == Fault::Conflict && conflicts < 8 => conflicts += 1,
                Err(error) => break error,
            }
        };
        if !matches!(error.kind(), Fault::ConditionNotMatch | Fault::AlreadyExists) {
            return Err(self.remote.failed("write", key.as_str(), &error));
        }
        let there = self.remote.metadata(key).await?;
        let theirs =
            there.as_ref().and_then(|object| Some(object.user_metadata()?.get(MARK)?.to_owned()));
        if theirs == Some(mark) { Ok(()) } else { Err(taken(&self.remote.place, key.as_str())) }
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<Object>, Error> {
        let failed = |error: opendal::Error| self.remote.failed("list", prefix, &error);
        let mut lister = match self.cursors.take(prefix, after) {
            Some(lister) => lister,
            None => {
                let mut lister = self.remote.operator.lister_with(prefix).recursive(true);
                let can_start = self.remote.operator.info().capability().list_with_start_after;
                if let Some(after) = after.filter(|_| can_start) {
                    lister = lister.start_after(after.as_str());
                }
                lister.limit(limit.clamp(1, 1000)).await.map_err(failed)?
            }
        };
        let mut objects = Vec::new();
        while objects.len() < limit {
            let entry = match lister.try_next().await {
                Ok(Some(entry)) => entry,
                Ok(None) => return Ok(objects),
                Err(error) if error.kind() == Fault::NotFound => {
                    return Err(missing_holder(&self.remote.place));
                }
                Err(error) => return Err(failed(error)),
            };
            let is_wanted = after.is_none_or(|after| entry.path() > after.as_str());
            if entry.metadata().mode() == EntryMode::DIR || !is_wanted {
                continue;
            }
            // What others put there under a name that is no key is no object of ours.
            let Ok(key) = Key::new(entry.path()) else { continue };
            if key.as_str().starts_with(prefix) {
                objects.push(object(key, entry.metadata()));
            }
        }
        if let Some(last) = objects.last() {
            self.cursors.keep(prefix, &last.key, lister);
        }
        Ok(objects)
    }
}

/// The name under which an object says who wrote it. Azure takes letters only.
const MARK: &str = "sundaewriter";

impl<S: Service> ArtifactStore for Bucket<S> {
    fn capabilities(&self) -> Capabilities {
        Capabilities::at(self.remote.place.location.clone()).shared()
    }

    fn check(&self) -> Result<(), Error> {
        wait(self.prove_bucket())?;
        probe(self)
    }

    fn put(&self, key: &Key, file: &Path, source: Source) -> Result<(), Error> {
        wait(self.remote.upload(key, key.as_str(), file))?;
        if source == Source::Give { consume(file) } else { Ok(()) }
    }

    fn get(&self, key: &Key, destination: &Path) -> Result<(), Error> {
        wait(async {
            let got = self.remote.download(key, destination).await;
            self.unless_missing_bucket(got).await
        })
    }

    fn write(&self, key: &Key, bytes: &[u8], existing: Existing) -> Result<(), Error> {
        wait(async {
            match existing {
                Existing::Replace => {
                    self.remote.upload_bytes(key, key.as_str(), bytes.to_vec()).await
                }
                Existing::Refuse => self.create(key, bytes).await,
            }
        })
    }

    fn read(&self, key: &Key, range: Option<Range<u64>>) -> Result<Vec<u8>, Error> {
        wait(async {
            let read = self.remote.bytes(key, range).await;
            self.unless_missing_bucket(read).await
        })
    }

    fn stat(&self, key: &Key) -> Result<Option<Object>, Error> {
        wait(async {
            match self.remote.metadata(key).await? {
                Some(metadata) => Ok(Some(object(key.clone(), &metadata))),
                None => self.prove_bucket().await.map(|()| None),
            }
        })
    }

    fn list(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<Object>, Error> {
        if !may_start_a_key(prefix) || limit == 0 {
            return Ok(Vec::new());
        }
        wait(self.page(prefix, after, limit))
    }

    fn delete(&self, key: &Key) -> Result<(), Error> {
        wait(async {
            match self.remote.operator.delete(key.as_str()).await {
                Ok(()) => Ok(()),
                Err(error) if is_absence(&error) => self.prove_bucket().await,
                Err(error) => Err(self.remote.failed("delete", key.as_str(), &error)),
            }
        })
    }
}

impl<S: Service> Bucket<S> {
    async fn unless_missing_bucket<T: Send>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && error.kind() == sundae_plugin_api::ErrorKind::NotFound
        {
            self.prove_bucket().await?;
        }
        result
    }
}
