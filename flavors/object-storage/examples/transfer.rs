//! Measures how fast a store moves a file, and how much memory that takes:
//!
//!     eval "$(tests/backends/ceph.sh start)"
//!     cargo run --release -p sundae-object-storage --example transfer -- s3 "$SUNDAE_TEST_S3" 2048

#![expect(clippy::print_stdout, reason = "it is a program for the terminal")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use sundae_object_storage::{AzureBlob, Gcs, S3, Sftp, Webdav};
use sundae_plugin_api::artifact_store::{ArtifactStore, Source};
use sundae_plugin_api::{Error, Key};
use sundae_plugin_testkit::Value;
use sundae_plugin_testkit::artifact_store::open;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flavor, config, mebibytes] = &arguments[..] else {
        return Err("usage: transfer FLAVOR CONFIG MEBIBYTES".into());
    };
    let config: Value = serde_json::from_str(config)?;
    let folder = tempfile::tempdir_in(".")?;
    let store = store(flavor, &config, folder.path())?;
    let (file, destination) = (folder.path().join("file"), folder.path().join("got"));
    let size = write(&file, mebibytes.parse()?)?;
    let key = Key::new("transfer/file")?;

    let speed = |start: Instant| size as f64 / f64::from(1 << 20) / start.elapsed().as_secs_f64();
    let start = Instant::now();
    store.put(&key, &file, Source::Keep)?;
    println!("put {:.0} MiB/s, at most {} KiB of memory", speed(start), peak()?);
    let start = Instant::now();
    store.get(&key, &destination)?;
    println!("get {:.0} MiB/s, at most {} KiB of memory", speed(start), peak()?);
    store.delete(&key)?;
    Ok(())
}

fn store(flavor: &str, config: &Value, folder: &Path) -> Result<Box<dyn ArtifactStore>, Error> {
    match flavor {
        "s3" => open::<S3>(config, folder),
        "gcs" => open::<Gcs>(config, folder),
        "azure-blob" => open::<AzureBlob>(config, folder),
        "sftp" => open::<Sftp>(config, folder),
        "webdav" => open::<Webdav>(config, folder),
        _ => Err(Error::other(format!("there is no flavor {flavor}"))),
    }
}

/// Writes a file of blocks that differ; its size.
fn write(file: &Path, mebibytes: u64) -> std::io::Result<u64> {
    let mut file = File::create_new(file)?;
    let mut block = vec![0_u8; 1 << 20];
    for number in 0..mebibytes {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block)?;
    }
    Ok(mebibytes << 20)
}

/// The most memory that this process has had, in KiB.
fn peak() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
