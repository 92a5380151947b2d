//! Azure Blob Storage.

use std::num::NonZeroU32;

use opendal::Operator;
use sundae_plugin_api::{Config, Error, ErrorKind, Host, Secret};

use crate::bucket::{Bucket, Opened, Service};
use crate::place::{Place, trimmed};
use crate::remote::{Effort, Remote, Sameness};

/// How an `azure-blob` artifact store is configured.
#[derive(serde::Deserialize, Config)]
pub struct AzureBlobConfig {
    /// The container, which must exist.
    container: String,
    /// The storage account.
    account_name: String,
    /// Where in the container: the start of the names of all objects. Default: the container belongs to the store.
    prefix: Option<String>,
    /// The address of the service. Default: https://ACCOUNT_NAME.blob.core.windows.net.
    endpoint: Option<String>,
    /// A key of the account: `{secret.NAME}`. Default: the usual chain of Azure: environment, workload identity, managed identity.
    account_key: Option<Secret>,
    /// A shared access signature, in place of a key.
    sas_token: Option<Secret>,
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
pub struct AzureBlobService;

/// Keeps artifacts in a container of Azure Blob Storage.
pub type AzureBlob = Bucket<AzureBlobService>;

impl Service for AzureBlobService {
    type Config = AzureBlobConfig;

    fn open(config: AzureBlobConfig, host: Host) -> Result<Opened, Error> {
        let place = place(&config);
        let operator = operator(&config, &place)?;
        let effort = Effort {
            parallel: config.parallel,
            attempts: config.attempts,
            timeout_seconds: config.timeout_seconds,
        };
        Remote::new(operator, place, host, Sameness::Tag, effort).map(Opened)
    }
}

fn place(config: &AzureBlobConfig) -> Place {
    let azure = || format!("https://{}.blob.core.windows.net", config.account_name);
    let endpoint = config.endpoint.clone().unwrap_or_else(azure);
    let location =
        [endpoint.as_str(), &config.container, trimmed(config.prefix.as_deref())].join("/");
    Place {
        holder: "container",
        name: config.container.clone(),
        field: "container",
        endpoint,
        credentials: "check `account_name` and `account_key` or `sas_token`, or the Azure identity that stands in for them",
        permissions: "a store needs the role Storage Blob Data Contributor on the container, or a signature with read, write, create, delete and list",
        location: location.trim_end_matches('/').to_owned(),
    }
}

fn operator(config: &AzureBlobConfig, place: &Place) -> Result<Operator, Error> {
    let mut builder = opendal::services::Azblob::default()
        .container(&config.container)
        .root(trimmed(config.prefix.as_deref()))
        .endpoint(&place.endpoint)
        .account_name(&config.account_name);
    match (&config.account_key, &config.sas_token) {
        (Some(_), Some(_)) => {
            let message = "`account_key` and `sas_token` are both given: give one";
            return Err(Error::new(ErrorKind::InvalidConfig, message));
        }
        (Some(key), None) => builder = builder.account_key(key.reveal()),
        (None, Some(token)) => builder = builder.sas_token(token.reveal()),
        (None, None) => {}
    }
    Operator::new(builder).map_err(|error| {
        let message = format!("`azure-blob` cannot be configured so: {}", error.message());
        Error::new(ErrorKind::InvalidConfig, message)
    })
}
