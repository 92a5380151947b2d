//! Measures how fast a store moves a file, and how much memory that takes: there and back a file of its own, or one way another.
//!
//!     eval "$(tests/backends/ceph.sh start)"
//!     cargo run --release -p sundae-object-storage --example transfer -- s3 "$SUNDAE_TEST_S3" 2048
//!     cargo run --release -p sundae-object-storage --example transfer -- s3 "$SUNDAE_TEST_S3" put FILE KEY
//!     cargo run --release -p sundae-object-storage --example transfer -- s3 "$SUNDAE_TEST_S3" get KEY FILE

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

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flavor, config, what @ ..] = &arguments[..] else { return Err(USAGE.into()) };
    let what: Vec<_> = what.iter().map(String::as_str).collect();
    let config: Value = serde_json::from_str(config)?;
    let folder = tempfile::tempdir_in(".")?;
    let store = store(flavor, &config, folder.path())?;
    match what[..] {
        [mebibytes] => there_and_back(&*store, folder.path(), mebibytes.parse()?),
        ["put", file, key] => put(&*store, &Key::new(key)?, Path::new(file)),
        ["get", key, file] => get(&*store, &Key::new(key)?, Path::new(file)),
        _ => Err(USAGE.into()),
    }
}

const USAGE: &str = "usage: transfer FLAVOR CONFIG (MEBIBYTES | put FILE KEY | get KEY FILE)";

fn there_and_back(store: &dyn ArtifactStore, folder: &Path, mebibytes: u64) -> Result<(), Failure> {
    let (file, key) = (folder.join("file"), Key::new("transfer/file")?);
    write(&file, mebibytes)?;
    put(store, &key, &file)?;
    get(store, &key, &folder.join("got"))?;
    Ok(store.delete(&key)?)
}

fn put(store: &dyn ArtifactStore, key: &Key, file: &Path) -> Result<(), Failure> {
    let start = Instant::now();
    store.put(key, file, Source::Keep)?;
    tell("put", start, file)
}

fn get(store: &dyn ArtifactStore, key: &Key, file: &Path) -> Result<(), Failure> {
    let start = Instant::now();
    store.get(key, file)?;
    tell("got", start, file)
}

fn tell(done: &str, start: Instant, file: &Path) -> Result<(), Failure> {
    let seconds = start.elapsed().as_secs_f64();
    let speed = file.metadata()?.len() as f64 / f64::from(1 << 20) / seconds;
    println!("{done} {speed:.0} MiB/s, at most {} KiB of memory", peak()?);
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

/// Writes a file of blocks that differ.
fn write(file: &Path, mebibytes: u64) -> std::io::Result<()> {
    let mut file = File::create_new(file)?;
    let mut block = vec![0_u8; 1 << 20];
    for number in 0..mebibytes {
        block[..8].copy_from_slice(&number.to_le_bytes());
        file.write_all(&block)?;
    }
    Ok(())
}

/// The most memory that this process has had, in KiB.
fn peak() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
