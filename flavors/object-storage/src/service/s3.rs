//! Amazon S3, and services that speak its protocol.

use std::env;
use std::num::NonZeroU32;

use opendal::Operator;
use sundae_plugin_api::{Config, Error, ErrorKind, Host, Secret};

use crate::bucket::{Bucket, Opened, Service};
use crate::place::{Place, trimmed};
use crate::remote::{Effort, Remote, Sameness};

/// How an `s3` artifact store is configured.
#[derive(serde::Deserialize, Config)]
pub struct S3Config {
    /// The bucket, which must exist.
    bucket: String,
    /// Where in the bucket: the start of the names of all objects. Default: the bucket belongs to the store.
    prefix: Option<String>,
    /// The address of the service, as in https://s3.example.com. Default: Amazon's.
    endpoint: Option<String>,
    /// The region of the bucket. Default: the AWS environment's or profile's; `us-east-1` for another service than Amazon's.
    region: Option<String>,
    /// The id of the access key. Default: the usual chain of AWS: environment, profile, web identity, container, instance.
    access_key_id: Option<Secret>,
    /// The secret of the access key: `{secret.NAME}`.
    secret_access_key: Option<Secret>,
    /// The token that belongs to temporary credentials.
    session_token: Option<Secret>,
    /// A role to assume with the credentials.
    role_arn: Option<String>,
    /// How the bucket is named in the address: `path` (https://host/bucket) or `host` (https://bucket.host).
    #[config(default = "path")]
    addressing: Addressing,
    /// The checksum that goes with every upload and that the service verifies: `crc32c`, or `none` for a service that refuses it.
    #[config(default = "crc32c")]
    checksum: Checksum,
    /// The storage class of new objects. Default: the bucket's.
    storage_class: Option<String>,
    /// How the service encrypts new objects: `AES256` or `aws:kms`. Default: the bucket's way.
    encryption: Option<String>,
    /// The key for `aws:kms`.
    kms_key_id: Option<String>,
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

/// How the bucket is named in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Addressing {
    Path,
    Host,
}

/// A checksum that goes with an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, Config)]
#[serde(rename_all = "kebab-case")]
enum Checksum {
    Crc32c,
    None,
}

/// The service.
pub struct S3Service;

/// Keeps artifacts in a bucket of Amazon S3, or of a service that speaks its protocol.
pub type S3 = Bucket<S3Service>;

impl Service for S3Service {
    type Config = S3Config;

    fn open(config: S3Config, host: Host) -> Result<Opened, Error> {
        let place = place(&config);
        let operator = operator(&config)?;
        let effort = Effort {
            parallel: config.parallel,
            attempts: config.attempts,
            timeout_seconds: config.timeout_seconds,
        };
        Remote::new(operator, place, host, Sameness::Tag, effort).map(Opened)
    }
}

fn place(config: &S3Config) -> Place {
    let prefix = trimmed(config.prefix.as_deref());
    let endpoint = config.endpoint.clone().unwrap_or_else(|| "https://s3.amazonaws.com".to_owned());
    Place {
        holder: "bucket",
        name: config.bucket.clone(),
        field: "bucket",
        endpoint,
        credentials: "check `access_key_id` and `secret_access_key`, or the AWS environment or profile that stands in for them",
        permissions: "a store needs s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on its objects",
        location: format!("s3://{}/{prefix}", config.bucket).trim_end_matches('/').to_owned(),
    }
}

fn operator(config: &S3Config) -> Result<Operator, Error> {
    let mut builder = opendal::services::S3::default()
        .bucket(&config.bucket)
        .root(trimmed(config.prefix.as_deref()));
    if let Some(endpoint) = &config.endpoint {
        builder = builder.endpoint(endpoint);
    }
    match (&config.access_key_id, &config.secret_access_key) {
        (Some(id), Some(secret)) => {
            builder = builder.access_key_id(id.reveal()).secret_access_key(secret.reveal());
            if let Some(token) = &config.session_token {
                builder = builder.session_token(token.reveal());
            }
            if config.role_arn.is_none() {
                // A token or profile of the environment belongs to other keys than these.
                builder = builder.disable_config_load().disable_ec2_metadata();
            }
        }
        (None, None) => {}
        (Some(_), None) => return Err(half("access_key_id", "secret_access_key")),
        (None, Some(_)) => return Err(half("secret_access_key", "access_key_id")),
    }
    if let Some(region) = region(config) {
        builder = builder.region(&region);
    }
    if let Some(role) = &config.role_arn {
        builder = builder.role_arn(role);
    }
    if config.addressing == Addressing::Host {
        builder = builder.enable_virtual_host_style();
    }
    if config.checksum == Checksum::Crc32c {
        builder = builder.checksum_algorithm("crc32c");
    }
    if let Some(class) = &config.storage_class {
        builder = builder.default_storage_class(class);
    }
    if let Some(encryption) = &config.encryption {
        builder = builder.server_side_encryption(encryption);
    }
    if let Some(key) = &config.kms_key_id {
        builder = builder.server_side_encryption_aws_kms_key_id(key);
    }
    Operator::new(builder).map_err(|error| match error.message() {
        text if text.contains("region") => Error::new(
            ErrorKind::InvalidConfig,
            "neither `region` nor the AWS environment names a region: give the bucket's `region`",
        ),
        text => {
            Error::new(ErrorKind::InvalidConfig, format!("`s3` cannot be configured so: {text}"))
        }
    })
}

/// The region, where the library shall not look for it.
fn region(config: &S3Config) -> Option<String> {
    let of_environment = || {
        ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .into_iter()
            .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
    };
    let of_others = || config.endpoint.as_ref().map(|_| "us-east-1".to_owned());
    config.region.clone().or_else(of_environment).or_else(of_others)
}

fn half(given: &str, wanted: &str) -> Error {
    let message = format!("`{given}` is given without `{wanted}`: give both or neither");
    Error::new(ErrorKind::InvalidConfig, message)
}
