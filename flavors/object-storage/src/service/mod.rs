//! The services: how each is configured and reached.

pub(crate) mod azure_blob;
pub(crate) mod gcs;
pub(crate) mod s3;
