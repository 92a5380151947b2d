//! Artifact stores on services: S3, Google Cloud Storage, Azure Blob Storage, SFTP and WebDAV.
#![allow(rustdoc::bare_urls, reason = "what is said of a field is shown as its help")]

mod blocks;
mod bucket;
mod client;
mod fault;
mod listing;
mod place;
mod probe;
mod remote;
mod runtime;
mod service;
mod sftp;
mod transport;
mod tree;
mod unique;
mod webdav;

use sundae_plugin_api::export_plugin;

pub use service::azure_blob::AzureBlob;
pub use service::gcs::Gcs;
pub use service::s3::S3;
pub use sftp::Sftp;
pub use webdav::Webdav;

export_plugin! {
    /// Keeps artifacts in a bucket of Amazon S3, or of a service that speaks its protocol
    artifact_store "s3" = S3;
    /// Keeps artifacts in a bucket of Google Cloud Storage
    artifact_store "gcs" = Gcs;
    /// Keeps artifacts in a container of Azure Blob Storage
    artifact_store "azure-blob" = AzureBlob;
    /// Keeps artifacts in a folder on an SFTP server
    artifact_store "sftp" = Sftp;
    /// Keeps artifacts in a folder on a WebDAV server
    artifact_store "webdav" = Webdav;
}
