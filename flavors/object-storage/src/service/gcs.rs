//! Google Cloud Storage.

use std::num::NonZeroU32;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use opendal::Operator;
use sundae_plugin_api::{Config, Error, ErrorKind, Host, Secret};

use crate::bucket::{Bucket, Opened, Service};
use crate::place::{Place, trimmed};
use crate::remote::{Effort, Remote, Sameness};

/// How a `gcs` artifact store is configured.
#[derive(serde::Deserialize, Config)]
pub struct GcsConfig {
    /// The bucket, which must exist.
    bucket: String,
    /// Where in the bucket: the start of the names of all objects. Default: the bucket belongs to the store.
    prefix: Option<String>,
    /// The address of the service. Default: Google's.
    endpoint: Option<String>,
    /// The key of a service account, as JSON: `{secret.NAME}`. Default: the usual chain of Google Cloud: `GOOGLE_APPLICATION_CREDENTIALS`, `gcloud auth application-default login`, the machine's service account.
    service_account_key: Option<Secret>,
    /// A file with the key of a service account, on every machine that uses the store.
    service_account_file: Option<PathBuf>,
    /// Without credentials: for an emulator.
    #[config(default = false)]
    anonymous: bool,
    /// The storage class of new objects. Default: the bucket's.
    storage_class: Option<String>,
    /// How many parts of one object are on their way at once; each takes 8 MiB of memory in an upload.
    #[config(default = 4)]
    parallel: NonZeroU32,
    /// How often one request is made at most, with growing pauses, if the service is busy or the connection breaks.
    #[config(default = 5)]
    attempts: NonZeroU32,
    /// How many seconds one request may take, such as the upload of a part of 8 MiB.
    #[config(default = 60)]
    timeout_seconds: NonZeroU32,
}

/// The service.
pub struct GcsService;

/// Keeps artifacts in a bucket of Google Cloud Storage.
pub type Gcs = Bucket<GcsService>;

impl Service for GcsService {
    type Config = GcsConfig;

    fn open(config: GcsConfig, host: Host) -> Result<Opened, Error> {
        let place = place(&config);
        let operator = operator(&config)?;
        let effort = Effort {
            parallel: config.parallel,
            attempts: config.attempts,
            timeout_seconds: config.timeout_seconds,
        };
        Remote::new(operator, place, host, Sameness::Version, effort).map(Opened)
    }
}

fn place(config: &GcsConfig) -> Place {
    let prefix = trimmed(config.prefix.as_deref());
    let google = || "https://storage.googleapis.com".to_owned();
    Place {
        holder: "bucket",
        name: config.bucket.clone(),
        field: "bucket",
        endpoint: config.endpoint.clone().unwrap_or_else(google),
        credentials: "give `service_account_key` or `service_account_file`, or log in with `gcloud auth application-default login`",
        permissions: "a store needs the role roles/storage.objectUser on the bucket",
        location: format!("gs://{}/{prefix}", config.bucket).trim_end_matches('/').to_owned(),
    }
}

fn operator(config: &GcsConfig) -> Result<Operator, Error> {
    let mut builder = opendal::services::Gcs::default()
        .bucket(&config.bucket)
        .root(trimmed(config.prefix.as_deref()));
    if let Some(endpoint) = &config.endpoint {
        builder = builder.endpoint(endpoint);
    }
    match (&config.service_account_key, &config.service_account_file) {
        (Some(_), Some(_)) => {
            let message =
                "`service_account_key` and `service_account_file` are both given: give one";
            return Err(Error::new(ErrorKind::InvalidConfig, message));
        }
        (Some(key), None) => builder = builder.credential(&BASE64_STANDARD.encode(key.reveal())),
        (None, Some(file)) => builder = builder.credential_path(&file.to_string_lossy()),
        (None, None) => {}
    }
    if config.anonymous {
        builder = builder.skip_signature().disable_vm_metadata().disable_config_load();
    }
    if let Some(class) = &config.storage_class {
        builder = builder.default_storage_class(class);
    }
    Operator::new(builder).map_err(|error| {
        let message = format!("`gcs` cannot be configured so: {}", error.message());
        Error::new(ErrorKind::InvalidConfig, message)
    })
}
